"""The sequence algorithm on synthetic scenes of three people with known truth: the published motion model against ours,
with E-W tempered as in the authors' program or as printed.

python bench/tracking/synthetic.py
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import torch
from tqdm import tqdm

from dvae.data.motchallenge import FrameBoxes
from dvae.evaluation.metrics.tracking import tracking_scores
from dvae.evaluation.table import Table
from dvae.models.store.checkpoint import load_as
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.boxes import sizes
from dvae.tracking.motion.trajectories import draw_trajectories
from dvae.tracking.sequence.mixdvae import PAPER, track_sequence


def scene(rng: np.random.Generator, num_frames: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """True boxes and detections of three people near each other, for each frame: 10 % missed, 4 % noise, no clutter."""
    truth = draw_trajectories(3, num_frames, rng).transpose(1, 0, 2)
    corner = 0.4 + 0.15 * rng.uniform(size=(3, 2)) - truth[0, :, :2]
    truth = truth + np.concatenate([corner, corner], axis=-1)
    detections = []
    for boxes in truth:
        seen = rng.permutation(3)[rng.random(3) < 0.9] if len(detections) else np.arange(3)
        detections.append(boxes[seen] + 0.04 * sizes(boxes[seen]) * rng.normal(size=(len(seen), 4)))
    return list(truth), detections


def main() -> None:
    """Print a row for each motion model and tempering."""
    parser = argparse.ArgumentParser(description="Compares motion models on synthetic scenes.")
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--frames", type=int, default=60)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    scenes = [scene(np.random.default_rng(i), arguments.frames) for i in range(arguments.scenes)]
    number = np.arange(1, 4)
    print(f"{arguments.scenes} scenes of 3 people, {arguments.frames} frames")
    table = Table("{motion model:24}{tempering:10.3f}{MOTA:8.1f}{MOTP:8.1f}{IDF1:8.1f}{switches:10d}")
    print(table.header)
    for name in ("motion_srnn_absolute", "motion_srnn"):
        model = load_as(TrajectorySRNN, name)
        for tempering in (PAPER.tempering, 1.0):
            results, config = {}, replace(PAPER, tempering=tempering)
            for index, (truth, detections) in enumerate(tqdm(scenes, leave=False)):
                found = track_sequence(model, detections, detections[0], config, seed=index)
                wanted = [FrameBoxes(1000 * boxes, number, np.ones(3)) for boxes in truth]
                boxes = [FrameBoxes(1000 * mean, number, np.ones(3)) for mean in found.mean.swapaxes(0, 1)]
                results[str(index)] = (wanted, boxes)
            s = tracking_scores(results)
            print(table.row(name, tempering, s.mota, s.motp, s.idf1, s.switches))


if __name__ == "__main__":
    main()
