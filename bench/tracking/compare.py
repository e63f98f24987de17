"""Our tracker and the peers on the same detections: TrackEval's scores and the time of a step.

python bench/tracking/compare.py [--only PEER ...] [--sets SET ...] [--output FOLDER]
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")
warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from ours import Ours, smoothed  # noqa: E402
from peers import PEERS  # noqa: E402
from scoring import CELLS, COLUMNS, combine, score_sequence  # noqa: E402
from sets import SETS, Clip, owners, read_set  # noqa: E402
from tqdm import tqdm  # noqa: E402

from dvae.data.motchallenge import FrameBoxes  # noqa: E402
from dvae.evaluation.table import Table  # noqa: E402

LAG = 15
Run = Callable[[Clip, list[float]], list[FrameBoxes]]


def run_frames(
    tracker: Callable[..., tuple[np.ndarray, np.ndarray]], clip: Clip, steps: list[float], known: bool
) -> list[FrameBoxes]:
    """One call for each frame, timed on the thread's own clock."""
    found = []
    gc.collect()
    for detections, camera in zip(clip.detections, clip.camera, strict=True):
        began = time.thread_time()
        ids, boxes = tracker(detections.copy(), camera) if known else tracker(detections.copy())
        steps.append(time.thread_time() - began)
        found.append(FrameBoxes(np.asarray(boxes, float).reshape(-1, 4), np.asarray(ids), np.ones(len(ids))))
    return found


def perfect(clip: Clip, steps: list[float]) -> list[FrameBoxes]:
    """Every detection that matches a person (IoU 0.5) under that person's id: what the boxes allow."""
    found = []
    for truth, detections, owner in zip(clip.truth, clip.detections, owners(clip), strict=True):
        boxes = detections[owner >= 0, :4]
        found.append(FrameBoxes(boxes, truth.ids[owner[owner >= 0]], np.ones(len(boxes))))
    return found


def ours(known: bool = False, **settings: object) -> Run:
    """Our tracker; known: with the camera motion of gmc.txt."""
    return lambda clip, steps: run_frames(Ours(clip.frames_per_second, clip.image_size, **settings), clip, steps, known)


def peer(name: str, **options: object) -> Run:
    """One of PEERS."""
    return lambda clip, steps: run_frames(PEERS[name](**options), clip, steps, False)


def late(clip: Clip, steps: list[float]) -> list[FrameBoxes]:
    """Our tracker, smoothed."""
    return smoothed(Ours(clip.frames_per_second, clip.image_size), clip.detections, LAG)


ROWS: dict[str, Run] = {
    "ours": ours(),
    "ours, camera known": ours(known=True),
    f"ours, smoothed, {LAG} frames late": late,
    "ours, no camera, no agility": ours(camera_motion=False, agility_rate=0.0),
    "ours, Deep AR motion": ours(model="motion_deep_ar"),
    **{name: peer(name) for name in PEERS},
    "perfect association": perfect,
}


def table(name: str, clips: list[Clip], rows: dict[str, Run]) -> dict[str, dict[str, float]]:
    """Print and return the scores of one set."""
    print(f"\n{name}: {len(clips)} sequences, {sum(len(clip.truth) for clip in clips)} frames")
    lines = Table("{:34}" + CELLS + "{p50 ms:10.2f}{p99 ms:10.2f}")
    print(lines.header, flush=True)
    scores: dict[str, dict[str, float]] = {}
    for row, run in rows.items():
        steps: list[float] = []
        results = {}
        for clip in tqdm(clips, desc=row, unit="clip", leave=False):
            results[clip.name] = score_sequence(clip.truth, run(clip, steps))
        scores[row] = combine(results)
        if steps:
            scores[row]["p50 ms"], scores[row]["p99 ms"] = 1e3 * np.percentile(steps, [50, 99])
        print(lines.row(row, *(scores[row].get(column) for column in (*COLUMNS, "p50 ms", "p99 ms"))), flush=True)
    return scores


def plot(scores: dict[str, dict[str, dict[str, float]]], target: Path) -> None:
    """HOTA and IDF1 of every tracker, a panel for each set."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = ["ours", *PEERS]
    figure, panels = plt.subplots(1, len(scores), figsize=(2.0 + 2.6 * len(scores), 3.6), squeeze=False, sharey=True)
    for panel, (name, rows) in zip(panels[0], scores.items(), strict=True):
        for place, row in enumerate(name for name in shown if name in rows):
            colour = "crimson" if row == "ours" else "steelblue"
            panel.plot([rows[row]["HOTA"], rows[row]["IDF1"]], [place, place], color=colour, lw=1, alpha=0.5)
            panel.scatter(rows[row]["HOTA"], place, color=colour, s=42, zorder=3)
            panel.scatter(rows[row]["IDF1"], place, edgecolor=colour, facecolor="white", s=42, zorder=3)
        panel.set_title(name, fontsize=9)
        panel.set_xlabel("HOTA (full), IDF1 (open)", fontsize=8)
        for value in (rows["ours"]["HOTA"], rows["ours"]["IDF1"]) if "ours" in rows else ():
            panel.axvline(value, color="crimson", lw=0.7, ls=":")
        panel.grid(alpha=0.3, axis="x")
    panels[0][0].set_yticks(range(len(shown)), shown, fontsize=8)
    panels[0][0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(target, dpi=110)


def main() -> None:
    """Print a table for each set; write the scores and a plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS), metavar="SET")
    parser.add_argument("--only", nargs="+", default=list(ROWS), choices=list(ROWS), metavar="ROW")
    parser.add_argument("--output", type=Path, default=Path("out/bench/tracking"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.output.mkdir(parents=True, exist_ok=True)
    rows = {name: ROWS[name] for name in arguments.only}
    warm = read_set("PETS09-S2L1", arguments.output)[0]
    ROWS["ours"](warm._replace(detections=warm.detections[:20], camera=warm.camera[:20]), [])  # compiles
    scores = {name: table(name, read_set(name, arguments.output), rows) for name in arguments.sets}
    path = arguments.output / "compare.json"
    before = json.loads(path.read_text()) if path.is_file() else {}
    scores = {name: {**before.get(name, {}), **scores.get(name, {})} for name in {**before, **scores}}
    path.write_text(json.dumps(scores, indent=1))  # rows that did not run now stay as they were
    plot(scores, arguments.output / "compare.png")
    print(f"\nscores and plot: {arguments.output}/compare.json, compare.png")


if __name__ == "__main__":
    main()
