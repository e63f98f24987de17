#!/usr/bin/env bash
# Every number of docs/enhancement.md from the folder in DVAE_DATA, in an environment of its own; about two hours.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${DVAE_DATA:?expected the folder of the data sets}"
bash bench/enhancement/setup.sh
python="$PWD/.venv-bench-speech/bin/python"
export OMP_NUM_THREADS=1 PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
run() { echo; echo "== $*"; "$python" "$@" 2>/dev/null; }
run bench/enhancement/compare.py --plot bench/enhancement/compare.png
run bench/enhancement/compare.py --rooms
run bench/enhancement/oracle.py --preset quality
run bench/enhancement/prior.py
run bench/enhancement/activity.py
run bench/enhancement/echo.py
run bench/enhancement/beams.py
run bench/enhancement/speed.py
# ND and NDA need models that are not shipped: trained in the other environment, ten minutes
nd=out/enhancement
for name in speech_nd_lv speech_nd_no speech_nd_nolv; do
  [ -d "$nd/$name" ] || (. interfaces/environment.sh && dvae-train "$name" --output "$nd/$name" --work "$nd/work/$name")
done
adaptive=(VEM LDEM NA-LV NA-NO NA-NOLV ND-LV ND-NO ND-NOLV NDA-LV NDA-NO NDA-NOLV)
run -m dvae.cli.evaluate enhancement --speech speech/test_other --noise noise/test noise/train --number 6 --snr 0 5 \
  --methods noisy oracle quality low_latency "${adaptive[@]}" --trained "$nd" --adaptation max_iterations=60
# through the node's pipeline, which needs the message types of the other environment; half an hour
if [ -e .venv/install ]; then
  (. interfaces/environment.sh && echo && echo "== long_stream.py" && python bench/enhancement/long_stream.py 2>/dev/null)
fi
