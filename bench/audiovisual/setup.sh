#!/usr/bin/env bash
# Environment of the audio-visual benchmark in .venv-bench-av, apart from the one of the demo and the tests. Once for
# each change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
venv=.venv-bench-av stamp=.venv-bench-av/stamp python="${PYTHON:-python3}"
print="$(cat bench/audiovisual/requirements.txt bench/audiovisual/setup.sh setup.py constraints.txt | sha256sum)"
[ "$(cat "$stamp" 2>/dev/null)" = "$print" ] && exit
echo "set up: benchmark environment (simulated rooms, a minute)"
"$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install -q "$(grep '^torch==' constraints.txt)"
"$venv/bin/python" -m pip install -q -c constraints.txt -r bench/audiovisual/requirements.txt # keeps the PyTorch for the CPU
"$venv/bin/python" -m pip install -q --no-deps -e .
printf '%s' "$print" >"$stamp"
