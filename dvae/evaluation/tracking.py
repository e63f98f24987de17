"""The online tracker on MOTChallenge folders: standard scores of each sequence and of all, and the time of a step."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dvae.data.motchallenge import FrameBoxes, by_frame, read_ground_truth, read_rows, read_sequence
from dvae.evaluation.metrics.tracking import TrackingScores, tracking_scores
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.online import OnlineTracker


class TrackingTable(NamedTuple):
    """rows: name of the sequence, or all -> scores; step_seconds (T,) of all frames."""

    rows: dict[str, TrackingScores]
    step_seconds: NDArray[np.float64]


def sequence_folders(root: Path, detections: str) -> list[Path]:
    """Folders with truth and the detections; ValueError when there is none."""
    folders = sorted(path.parent.parent for path in root.glob("*/gt/gt.txt"))
    folders = [folder for folder in folders if (folder / "det" / f"{detections}.txt").is_file()]
    if not folders:
        raise ValueError(f"expected sequences with gt/gt.txt and det/{detections}.txt below {root}, got none")
    return folders


def score_tracking(model: TrajectorySRNN, folders: Sequence[Path], detections: str) -> TrackingTable:
    """Track the detections of each folder, det/`detections`.txt, and score them against its truth."""
    results: dict[str, tuple[list[FrameBoxes], list[FrameBoxes]]] = {}
    steps: list[float] = []
    for folder in tqdm(folders, unit="sequence"):
        sequence = read_sequence(folder)
        truth = by_frame(read_ground_truth(folder / "gt" / "gt.txt"), sequence.num_frames)
        frames = by_frame(read_rows(folder / "det" / f"{detections}.txt"), sequence.num_frames)
        tracker = OnlineTracker(model, image_size=sequence.image_size)
        found, seconds = follow(tracker, frames, sequence.frames_per_second)
        results[sequence.name] = (truth, found)
        steps += seconds
    rows = {name: tracking_scores({name: pair}) for name, pair in results.items()}
    return TrackingTable({**rows, "all": tracking_scores(results)}, np.array(steps))


def follow(
    tracker: OnlineTracker, frames: Sequence[FrameBoxes], frames_per_second: float
) -> tuple[list[FrameBoxes], list[float]]:
    """The tracks that are seen in each frame, and the seconds of each step."""
    found, seconds = [], []
    for index, frame in enumerate(frames):
        began = time.perf_counter()
        tracks = tracker.update(frame.boxes, index / frames_per_second, frame.scores)
        seconds.append(time.perf_counter() - began)
        seen = tracks.visible
        found.append(FrameBoxes(tracks.boxes[seen], tracks.track_id[seen], tracks.confidence[seen]))
    return found, seconds
