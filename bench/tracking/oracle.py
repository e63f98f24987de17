"""Where scores are lost: our tracker with one difficulty taken away at a time, and identity switches by their cause.

python bench/tracking/oracle.py [--sets SET ...] [--output FOLDER]
"""

from __future__ import annotations

import argparse
import os
from collections import Counter
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

import numpy as np
import torch
from compare import perfect, run_frames
from ours import Ours
from scipy.optimize import linear_sum_assignment
from scoring import CELLS, COLUMNS, combine, score_sequence
from sets import SETS, Clip, owners, read_set
from tqdm import tqdm

from dvae.data.motchallenge import FrameBoxes
from dvae.evaluation.table import Table
from dvae.tracking.boxes import iou

OVERLAP = 0.3  # of two people who are said to cross
LONG_GAP = 1.0  # seconds


def without_clutter(clip: Clip) -> Clip:
    """Detections of nobody taken away."""
    return clip._replace(detections=[d[o >= 0] for d, o in zip(clip.detections, owners(clip), strict=True)])


def with_exact_boxes(clip: Clip) -> Clip:
    """Detections moved to the true box of their person."""
    detections = []
    for truth, given, owner in zip(clip.truth, clip.detections, owners(clip), strict=True):
        moved = given.copy()
        moved[owner >= 0, :4] = truth.boxes[owner[owner >= 0]]
        detections.append(moved)
    return clip._replace(detections=detections)


def without_gaps(clip: Clip) -> Clip:
    """The true box of everyone added wherever he was missed between his first and his last detection."""
    owner = owners(clip)
    seen: dict[int, list[int]] = {}
    for t, (truth, who) in enumerate(zip(clip.truth, owner, strict=True)):
        for person in truth.ids[who[who >= 0]].tolist():
            seen.setdefault(person, []).append(t)
    detections = []
    for t, (truth, given, who) in enumerate(zip(clip.truth, clip.detections, owner, strict=True)):
        missing = [
            row
            for row, person in enumerate(truth.ids.tolist())
            if row not in who and person in seen and seen[person][0] < t < seen[person][-1]
        ]
        added = np.column_stack([truth.boxes[missing], np.ones(len(missing))])
        detections.append(np.concatenate([given, added]))
    return clip._replace(detections=detections)


class Labelled:
    """Our tracker, told who is in each detection: what remains is birth, death and clutter."""

    def __init__(self, clip: Clip) -> None:
        self.tracker = Ours(clip.frames_per_second, clip.image_size)
        self.labels = [
            np.where(owner >= 0, truth.ids[owner], -1) if len(truth.ids) else owner
            for truth, owner in zip(clip.truth, owners(clip), strict=True)
        ]

    def __call__(self, detections: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ours = self.tracker
        ours.frame += 1
        time, labels = ours.frame / ours.rate, self.labels[ours.frame - 1]
        tracks = ours.tracker.update(detections[:, :4], time, detections[:, 4], labels)
        return tracks.track_id[tracks.visible], tracks.boxes[tracks.visible]


def run(clip: Clip, known_camera: bool = False, **settings: object) -> list[FrameBoxes]:
    """Our tracker on a clip."""
    return run_frames(Ours(clip.frames_per_second, clip.image_size, **settings), clip, [], known_camera)


ROWS = {
    "as it is": run,
    "camera motion known": lambda clip: run(clip, known_camera=True),
    "boxes exact": lambda clip: run(with_exact_boxes(clip)),
    "no clutter": lambda clip: run(without_clutter(clip)),
    "no clutter, born at once": lambda clip: run(
        without_clutter(clip), confirm_hits=1, birth_score=0.0, min_score=0.0, visible_score=0.0
    ),
    "nobody hidden or missed": lambda clip: run(without_gaps(clip)),
    "hidden people never given up": lambda clip: run(clip, max_missed_seconds=10.0),
    "who is who known": lambda clip: run_frames(Labelled(clip), clip, [], False),
    "perfect association": lambda clip: perfect(clip, []),
}


def switches(clip: Clip, found: list[FrameBoxes]) -> Counter[str]:
    """Changes of the id under which a person is found (IoU 0.5), by what was going on."""
    causes: Counter[str] = Counter()
    last: dict[int, tuple[int, int]] = {}
    for t, (truth, result) in enumerate(zip(clip.truth, found, strict=True)):
        overlap = iou(truth.boxes, result.boxes)
        before_ids = np.array([last.get(int(person), (-1, -1))[0] for person in truth.ids])
        kept = before_ids[:, None] == result.ids
        bonus = overlap + 1000.0 * (kept & (overlap >= 0.5))  # as CLEAR: keep who was matched
        rows, columns = linear_sum_assignment(np.where(overlap >= 0.5, -bonus, 0.0))
        among = iou(truth.boxes, truth.boxes) - np.eye(len(truth.ids))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if overlap[row, column] < 0.5:
                continue
            person, track = int(truth.ids[row]), int(result.ids[column])
            before, when = last.get(person, (track, t))
            if track != before:
                gap = (t - when - 1) / clip.frames_per_second
                if gap > LONG_GAP:
                    causes[f"hidden or missed for more than {LONG_GAP:g} s"] += 1
                elif gap > 0:
                    causes[f"hidden or missed for up to {LONG_GAP:g} s"] += 1
                elif among[row].max(initial=0.0) > OVERLAP:
                    causes["crossing, always seen"] += 1
                else:
                    causes["alone, always seen"] += 1
            last[person] = (track, t)
    return causes


def main() -> None:
    """Print both tables for each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS), metavar="SET")
    parser.add_argument("--output", type=Path, default=Path("out/bench/tracking"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.sets:
        clips = read_set(name, arguments.output)
        table = Table("{:34}" + CELLS)
        print(f"\n{name}\n{table.header}", flush=True)
        causes: Counter[str] = Counter()
        for row, substitute in ROWS.items():
            results = {}
            for clip in tqdm(clips, desc=row, leave=False):
                found = substitute(clip)
                results[clip.name] = score_sequence(clip.truth, found)
                if row == "as it is":
                    causes += switches(clip, found)
            s = combine(results)
            print(table.row(row, *(s[column] for column in COLUMNS)), flush=True)
        print("switches: " + ", ".join(f"{count} {cause}" for cause, count in causes.most_common()), flush=True)


if __name__ == "__main__":
    main()
