#!/usr/bin/env bash
# Reproduces the tables of docs/family.md from the folder in DVAE_DATA: trains what is not in models/ (about two and a half
# hours on one core), then evaluates. Results in out/family.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. interfaces/environment.sh
export PYTHONPATH="$PWD:${PYTHONPATH:-}" OMP_NUM_THREADS=1
out=out/family
mkdir -p "$out"
names=(speech_vae speech_dkf speech_rvae_low_beta speech_srnn speech_srnn_teacher_forcing speech_hit_dvae_small
    speech_light_dvae_small speech_hit_dvae_small_teacher_forcing speech_hit_dvae_small_inv_s
    speech_hit_dvae_small_inv_s_nrc)
models=()
for name in "${names[@]}"; do
    folder="models/$name"
    if [ ! -d "$folder" ]; then
        folder="$out/$name"
        [ -d "$folder" ] || dvae-train "$name" --output "$folder" --work "$out/work/$name"
    fi
    models+=("$folder")
done
dvae-evaluate resynthesis "${models[@]}" --plot "$out/resynthesis.png" | tee "$out/resynthesis.txt"
dvae-evaluate resynthesis "${models[@]}" --frames 0 | tee "$out/resynthesis_whole.txt"
dvae-evaluate generation "${models[@]:0:7}" --number 160 --repeats 2 --plot "$out/generation.png" --wav "$out/wav" | tee "$out/generation.txt"
dvae-evaluate latents "${models[@]:5:2}" --plot "$out/w.png" --wav "$out/wav" | tee "$out/latents.txt"
python bench/models/speed.py | tee "$out/speed.txt"
python bench/models/generation.py | tee "$out/kept.txt"
