"""Ours and the best peers, each tuned with the same budget, scored by leaving one sequence out.

Every tracker runs with its defaults and `--trials` random settings on every sequence of every set. For each sequence
the settings are chosen that are best on all *other* sequences (mean of HOTA and IDF1 over the sets); the scores are
those of the sequence that was left out. The two detectors on PETS09-S2L1 count as one sequence, as do both of MOT17.

python bench/tracking/tune.py [--trials N] [--output FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import numpy as np
import torch
from compare import Run, ours, peer
from scoring import CELLS, COLUMNS, combine, score_sequence
from sets import SETS, Clip, read_set
from tqdm import tqdm

from dvae.evaluation.table import Table

Ranges = dict[str, tuple[float, float]]
BYTE: Ranges = {
    "lost_track_buffer": (15, 60),
    "track_activation_threshold": (0.4, 0.85),
    "high_conf_det_threshold": (0.3, 0.75),
    "minimum_consecutive_frames": (1, 4),
}
TWO_STAGES: Ranges = {
    **BYTE,
    "minimum_iou_threshold_first_assoc": (0.05, 0.35),
    "minimum_iou_threshold_second_assoc": (0.2, 0.6),
}
SEARCH: dict[str, tuple[Callable[..., Run], Ranges]] = {
    "ours": (
        ours,
        {
            "observation_ratio": (0.06, 0.12),
            "clutter_nats": (10.0, 26.0),
            "birth_score": (0.45, 0.8),
            "birth_iou": (0.2, 0.6),
            "min_score": (0.1, 0.5),
            "confirm_hits": (2, 4),
            "max_missed_seconds": (0.8, 4.0),
            "detection_probability": (0.2, 0.9),
            "confidence_rate": (0.05, 0.25),
            "agility_rate": (0.0, 0.3),
        },
    ),
    "BoT-SORT, no camera (trackers)": (lambda **o: peer("BoT-SORT, no camera (trackers)", **o), TWO_STAGES),
    "C-BIoU (trackers)": (
        lambda **o: peer("C-BIoU (trackers)", **o),
        {**TWO_STAGES, "buffer_ratio_first": (0.1, 0.5), "buffer_ratio_second": (0.3, 0.8)},
    ),
    "ByteTrack (trackers)": (
        lambda **o: peer("ByteTrack (trackers)", **o),
        {**BYTE, "minimum_iou_threshold": (0.05, 0.35)},
    ),
    "OC-SORT (trackers)": (
        lambda **o: peer("OC-SORT (trackers)", **o),
        {
            "lost_track_buffer": (15, 60),
            "minimum_consecutive_frames": (1, 4),
            "minimum_iou_threshold": (0.1, 0.4),
            "high_conf_det_threshold": (0.3, 0.75),
            "direction_consistency_weight": (0.0, 0.4),
        },
    ),
}
WHOLE = {"lost_track_buffer", "minimum_consecutive_frames", "confirm_hits"}
Scores = dict[str, dict[str, Any]]  # set -> sequence -> raw results


def draw(ranges: Ranges, rng: np.random.Generator) -> dict[str, float]:
    """Random settings; half of them stay at their default, so that good defaults are not lost at once."""
    chosen = {}
    for name, (low, high) in ranges.items():
        value = float(rng.uniform(low, high))
        if rng.random() < 0.5:
            chosen[name] = round(value) if name in WHOLE else value
    return chosen


def objective(scores: Scores, left_out: str | None) -> float:
    """Mean over the sets of (HOTA + IDF1) / 2, without one sequence."""
    values = []
    for sequences in scores.values():
        kept = {name: result for name, result in sequences.items() if name != left_out}
        if kept:
            found = combine(kept)
            values.append(0.5 * (found["HOTA"] + found["IDF1"]))
    return float(np.mean(values))


def main() -> None:
    """Print the scores at defaults and left out, for each tracker and set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--trackers", nargs="+", default=list(SEARCH), choices=list(SEARCH), metavar="TRACKER")
    parser.add_argument("--output", type=Path, default=Path("out/bench/tracking"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sets: dict[str, list[Clip]] = {name: read_set(name, arguments.output) for name in SETS}
    names = sorted({clip.name for clips in sets.values() for clip in clips})
    print(f"{arguments.trials} random settings beside the defaults, leaving one of {len(names)} sequences out")
    table = Table("{:46}{:18}" + CELLS)
    print(table.header, flush=True)
    written: dict[str, Any] = {}
    for tracker in arguments.trackers:
        make, ranges = SEARCH[tracker]
        rng = np.random.default_rng(0)
        trials: list[tuple[dict[str, float], Scores]] = []
        for settings in tqdm([{}] + [draw(ranges, rng) for _ in range(arguments.trials)], desc=tracker, unit="trial"):
            run = make(**settings)
            trials.append(
                (
                    settings,
                    {s: {c.name: score_sequence(c.truth, run(c, [])) for c in clips} for s, clips in sets.items()},
                )
            )
        left_out: Scores = {name: {} for name in sets}
        for sequence in names:
            best = max(trials, key=lambda trial: objective(trial[1], sequence))[1]
            for name in sets:
                if sequence in best[name]:
                    left_out[name][sequence] = best[name][sequence]
        overall = max(trials, key=lambda trial: objective(trial[1], None))[0]
        written[tracker] = {"best settings on all sequences": overall}
        for kind, scores in (("defaults", trials[0][1]), ("left one out", left_out)):
            for name in sets:
                found = combine(scores[name])
                written[tracker][f"{kind}: {name}"] = found
                values = [found[column] for column in COLUMNS]
                print(table.row(f"{tracker}, {kind}", name[:18], *values), flush=True)
    (arguments.output / "tune.json").write_text(json.dumps(written, indent=1))


if __name__ == "__main__":
    main()
