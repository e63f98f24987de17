#!/usr/bin/env bash
# Environment of the tracking benchmark in .venv-bench, apart from the one of the demo and the tests. Once for each change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
venv=.venv-bench stamp=.venv-bench/stamp python="${PYTHON:-python3}"
print="$(cat bench/tracking/requirements.txt bench/tracking/setup.sh setup.py constraints.txt | sha256sum)"
[ "$(cat "$stamp" 2>/dev/null)" = "$print" ] && exit
echo "set up: benchmark environment (peers and TrackEval, some minutes)"
"$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install -q "$(grep '^torch==' constraints.txt)"
"$venv/bin/python" -m pip install -q -c constraints.txt -r bench/tracking/requirements.txt # keeps the PyTorch for the CPU
"$venv/bin/python" -m pip install -q --no-deps norfair==2.3.0
"$venv/bin/python" -m pip install -q --no-deps -e .
printf '%s' "$print" >"$stamp"
