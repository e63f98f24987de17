#!/usr/bin/env bash
# Every number of docs/tracking.md, from the data in DVAE_DATA; about two hours on one core, most of it tune.py.
# The tables go to out/bench/tracking/*.txt, plots and raw scores beside them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${DVAE_DATA:?set DVAE_DATA to the folder that holds mot/}"
bash bench/tracking/setup.sh
python=.venv-bench/bin/python out=out/bench/tracking
mkdir -p "$out"
export PYTHONPATH="$PWD" OMP_NUM_THREADS=1
run() { local name="$1"; shift; echo "== $name: $*"; "$python" "$@" | tee "$out/$name.txt"; }

run speed bench/tracking/speed.py --peers
run compare bench/tracking/compare.py
run oracle bench/tracking/oracle.py
run robustness bench/tracking/robustness.py
run synthetic bench/tracking/synthetic.py
run ablation bench/tracking/ablation.py
for preset in default paper; do
  run "tracking3_$preset" -m dvae.cli.evaluate tracking3 --sequences mot/MOT17 --detections poi --per-window 4 --preset $preset
done
run tune bench/tracking/tune.py
