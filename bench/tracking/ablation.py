"""What matters in the sequence algorithm: one setting at a time, on the protocol of dvae.evaluation.three_tracks.

python bench/tracking/ablation.py [--frames T] [--per-window N]
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import numpy as np
import torch
from sets import data_folder

from dvae.evaluation.table import Table
from dvae.evaluation.three_tracks import draw_scenes, score_scenes
from dvae.evaluation.tracking3 import follow
from dvae.models.store.checkpoint import load_as
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.sequence.mixdvae import PAPER, SequenceConfig

CHANGES = {
    "as it is": {},
    "E-W tempered by 0.008": {"tempering": 0.008},
    "E-W as printed": {"tempering": 1.0},
    "clutter class, 20 nats": {"clutter_nats": 20.0},
    "first frame free (variance 1e-2)": {"first_frame_variance": 1e-2},
    "z: means, not samples": {"sample_z": False},
    "variance of the past carried on": {"propagate": True},
    "no cascade": {"block_iterations": 0},
    "1 iteration": {"iterations": 1, "block_iterations": 1},
    "5 iterations": {"iterations": 5, "block_iterations": 5},
    "20 iterations": {"iterations": 20},
    "r_Phi 0.02": {"observation_ratio": 0.02},
    "r_Phi 0.08": {"observation_ratio": 0.08},
    "fine-tuning, rate 1e-4": {"fine_tune_rate": 1e-4},
    "M step of Phi": {"estimate_phi": True, "iterations": 20},
}


def main() -> None:
    """Print a row for each change, for the published model with its preset and for ours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--per-window", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(1)
    scenes = []
    for folder in sorted((data_folder() / "mot" / "MOT17").iterdir()):
        scenes += draw_scenes(folder, "poi", arguments.frames, arguments.per_window, rng)
    print(f"{len(scenes)} scenes of 3 people, {arguments.frames} frames, MOT17 POI")
    for name, base in (("motion_srnn_absolute", PAPER), ("motion_srnn", SequenceConfig())):
        model = load_as(TrajectorySRNN, name)
        table = Table("{:36}{MOTA:8.1f}{MOTP:8.1f}{IDF1:8.1f}{IDS:6d}{s each:9.3f}")
        print(f"\n{name}\n{table.header}", flush=True)
        for change, values in CHANGES.items():
            config = replace(base, **values)
            if values and config == base:
                continue
            try:
                found, seconds = follow(model, scenes, config, change)
            except FloatingPointError as error:
                print(f"{change:36} diverges: {error}")
                continue
            s = score_scenes(scenes, found, as_paper=False)
            print(table.row(change, s.mota, s.motp, s.idf1, s.switches, seconds), flush=True)


if __name__ == "__main__":
    main()
