"""How trackers fare as scenes get harder: synthetic people with known truth, one plot for each difficulty.

People walk with wandering velocities in a 1920 x 1080 image and turn back at its edges; a simulated detector misses,
errs by 3 % of the box and invents people. One thing changes at a time; the rest stays at 10 people, 30 Hz, 95 %
detected, 2 % clutter.

python bench/tracking/robustness.py [--seconds S] [--seeds N] [--output FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from compare import ours, peer
from scoring import combine, score_sequence
from sets import Clip
from tqdm import tqdm

from dvae.data.motchallenge import FrameBoxes
from dvae.evaluation.table import Table
from dvae.tracking.boxes import iou

SIZE = (1920, 1080)
LARGEST_OVERLAP = 0.4  # of two people who are both detected
STEP = 1 / 30  # of the simulation, seconds
DIFFICULTIES: dict[str, tuple[str, list[float]]] = {
    "people": ("people", [3, 10, 30, 100]),
    "detection_rate": ("detected, of all", [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]),
    "clutter": ("clutter, false boxes per true one", [0.0, 0.05, 0.1, 0.15, 0.2]),
    "frames_per_second": ("frame rate, Hz", [30, 15, 10, 5]),
    "occlusion_seconds": ("each is hidden now and then for, s", [0.5, 1.0, 2.0, 3.0, 4.0]),
    "crossing": ("pairs meet at a distance of, box heights", [0.5, 0.3, 0.2, 0.1, 0.02]),
    "camera_shake": ("camera shake, pixels a frame", [0.0, 5.0, 10.0, 20.0]),
}
TRACKERS = {
    "ours": ours(),
    **{
        name: peer(name)
        for name in (
            "ByteTrack (trackers)",
            "OC-SORT (trackers)",
            "BoT-SORT, no camera (trackers)",
            "C-BIoU (trackers)",
            "norfair",
            "Kalman + Hungarian",
        )
    },
}


def walk(count: int, num_steps: int, rng: np.random.Generator) -> np.ndarray:
    """People who wander: boxes (T, N, 4)."""
    height = rng.uniform(120, 260, size=count)
    size = np.column_stack([0.4 * height, height])
    low, high = np.array([0.0, 150.0]), np.array(SIZE) - size - [0.0, 100.0]
    place = rng.uniform(low, high)
    heading = rng.normal(size=(count, 2)) * [1.0, 0.25]
    velocity = heading * height[:, None] * 0.5  # pixels a second: about 0.5 heights
    boxes = np.zeros((num_steps, count, 4))
    for t in range(num_steps):
        boxes[t] = np.hstack([place, place + size])
        velocity += rng.normal(size=(count, 2)) * 0.6 * height[:, None] * np.sqrt(STEP) * [1.0, 0.25]
        velocity *= 1.0 - 0.3 * STEP
        place = place + velocity * STEP
        outside = (place < low) & (velocity < 0) | (place > high) & (velocity > 0)
        velocity[outside] *= -1
    return boxes


def pass_by(count: int, num_steps: int, distance: float, rng: np.random.Generator) -> np.ndarray:
    """Pairs who walk to and fro past each other, `distance` heights apart in y: boxes (T, N, 4)."""
    pairs = max(1, count // 2)
    time = STEP * np.arange(num_steps)[:, None]
    middle = np.column_stack([rng.uniform(400, 1500, pairs), np.linspace(150, 750, pairs)])
    period, reach = rng.uniform(6.0, 9.0, pairs), rng.uniform(200, 350, pairs)
    swing = reach * np.sin(2 * np.pi * time / period + rng.uniform(0, 6, pairs))
    boxes = np.zeros((num_steps, 2 * pairs, 4))
    for side, sign in ((0, 1.0), (1, -1.0)):
        x = middle[:, 0] + sign * swing
        y = np.broadcast_to(middle[:, 1] + side * distance * 180.0, x.shape)
        boxes[:, side::2] = np.stack([x, y, x + 72.0, y + 180.0], axis=-1)
    return boxes


def hide(count: int, num_steps: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """(T, N) true where a person is hidden: for `seconds`, once in `seconds` + 3 s."""
    hidden = np.zeros((num_steps, count), dtype=bool)
    length, period = round(seconds / STEP), round((seconds + 3.0) / STEP)
    for n in range(count):
        for first in range(int(rng.integers(30, period)), num_steps, period):
            hidden[first : first + length, n] = True
    return hidden


def covered(boxes: np.ndarray) -> np.ndarray:
    """(N,) true where a person who stands lower in the image, hence nearer, hides too much of one for a detector."""
    nearer = boxes[:, None, 3] < boxes[None, :, 3]
    return (nearer & (iou(boxes, boxes) > LARGEST_OVERLAP)).any(axis=1)


def scene(seconds: float, seed: int, **difficulty: float) -> Clip:
    """A simulated clip; see DIFFICULTIES."""
    rng = np.random.default_rng(seed)
    count, num_steps = int(difficulty.get("people", 10)), round(seconds / STEP)
    boxes = walk(count, num_steps, rng)
    if "crossing" in difficulty:
        boxes = pass_by(count, num_steps, difficulty["crossing"], rng)
        count = boxes.shape[1]
    hidden = np.zeros((num_steps, count), dtype=bool)
    if "occlusion_seconds" in difficulty:
        hidden = hide(count, num_steps, difficulty["occlusion_seconds"], rng)
    shake = np.cumsum(rng.normal(size=(num_steps, 2)), axis=0) * difficulty.get("camera_shake", 0.0)
    boxes = boxes + (shake - 0.95 * shake.mean(axis=0))[:, None, [0, 1, 0, 1]]
    stride = round(1 / STEP / difficulty.get("frames_per_second", 30))
    truth, detections = [], []
    for t in range(0, num_steps, stride):
        visible = ~hidden[t]
        truth.append(FrameBoxes(boxes[t, visible], np.flatnonzero(visible), np.ones(int(visible.sum()))))
        seen = visible & (rng.random(count) < difficulty.get("detection_rate", 0.95)) & ~covered(boxes[t])
        size = np.tile(boxes[t, seen, 2:] - boxes[t, seen, :2], 2)
        true = boxes[t, seen] + 0.03 * size * rng.normal(size=size.shape)
        number = rng.poisson(difficulty.get("clutter", 0.02) * visible.sum())
        height = rng.uniform(120, 260, size=(number, 1))
        corner = rng.uniform(0, [SIZE[0] - 100, SIZE[1] - 260], size=(number, 2))
        false = np.hstack([corner, corner + height * [0.4, 1.0]])
        scores = np.concatenate([rng.uniform(0.6, 1.0, len(true)), rng.uniform(0.3, 0.9, number)])
        found = np.column_stack([np.concatenate([true, false]), scores])
        detections.append(found[rng.permutation(len(found))])
    rate = 1 / STEP / stride
    return Clip(f"seed {seed}", rate, SIZE, truth, detections, [None] * len(truth))


def main() -> None:
    """Print a table for each difficulty; write the scores and the plots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("out/bench/tracking"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    scores: dict[str, dict[str, Any]] = {}
    for name, (label, values) in DIFFICULTIES.items():
        over = Table("{:34}" + "{:>16}" * len(values)).row("", *(f"{value:g}" for value in values))
        table = Table("{:34}" + "{:7.1f}{:5.0f}{:4.0f}" * len(values))
        print(f"\n{label}\n{over}   HOTA / IDF1 / switches", flush=True)
        clips = {v: [scene(arguments.seconds, seed, **{name: v}) for seed in range(arguments.seeds)] for v in values}
        scores[name] = {}
        for tracker, run in TRACKERS.items():
            found = []
            for value in tqdm(values, desc=f"{name}: {tracker}", leave=False):
                raw = {clip.name: score_sequence(clip.truth, run(clip, [])) for clip in clips[value]}
                found.append(combine(raw))
            scores[name][tracker] = found
            scored = (s[metric] for s in found for metric in ("HOTA", "IDF1", "Switches"))
            print(table.row(tracker, *scored), flush=True)
    (arguments.output / "robustness.json").write_text(json.dumps(scores, indent=1))
    for metric in ("IDF1", "HOTA"):
        figure, panels = plt.subplots(2, 4, figsize=(19, 8.5))
        for panel, (name, (label, values)) in zip(panels.flat, DIFFICULTIES.items(), strict=False):
            for tracker, found in scores[name].items():
                mine = tracker == "ours"
                style = {"color": "crimson", "lw": 2.6, "zorder": 3} if mine else {"lw": 1.2, "alpha": 0.8}
                panel.plot(range(len(values)), [s[metric] for s in found], marker="o", ms=4, label=tracker, **style)
            panel.set_xticks(range(len(values)), [f"{value:g}" for value in values])
            panel.set(xlabel=label, ylabel=metric)
            panel.grid(alpha=0.3)
        panels.flat[-1].axis("off")
        panels.flat[-1].legend(*panels.flat[0].get_legend_handles_labels(), loc="center", fontsize=11)
        figure.tight_layout()
        figure.savefig(arguments.output / f"robustness_{metric.lower()}.png", dpi=80)
    print(f"\nscores and plots: {arguments.output}/robustness.json, robustness_idf1.png, robustness_hota.png")


if __name__ == "__main__":
    main()
