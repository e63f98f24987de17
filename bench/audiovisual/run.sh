#!/usr/bin/env bash
# The benchmarks of docs/audiovisual.md (all but av163.py --maps) from the folder in DVAE_DATA, in an environment of their
# own; more than an hour on one core, ten minutes with --quick. The tables go to out/bench/audiovisual/*.txt. The last line
# is of the goal scene.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
: "${DVAE_DATA:?expected the folder of the data sets}"
case "${1-}" in
  "") quick=() speed=() ;;
  --quick) quick=(--quick) speed=(--seconds 8) ;;
  *) echo "expected --quick or nothing, got $1" >&2; exit 2 ;;
esac
bash bench/audiovisual/setup.sh || exit 1
python="$PWD/.venv-bench-av/bin/python" out=out/bench/audiovisual failed=0
mkdir -p "$out"
export OMP_NUM_THREADS=1 PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
run() {
  echo
  echo "== $*"
  "$python" "bench/audiovisual/$1" "${@:2}" 2>"$out/${1%.py}.log" | tee "$out/${1%.py}.txt" || {
    failed=1
    echo "$1 failed: the end of $out/${1%.py}.log:" && tail -3 "$out/${1%.py}.log"
  }
}
run speed.py "${speed[@]}"
run directions.py "${quick[@]}"
run av163.py "${quick[@]}"
run scenes.py "${quick[@]}"
exit "$failed"
