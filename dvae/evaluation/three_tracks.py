"""The 3-track protocol of X. Lin (2024), sections 4.4.1 and A.2.2, from MOTChallenge folders.

A scene is a window of T frames and three people who are there throughout; its detections are those matched with them,
so there is no clutter, but misses. What the text leaves open follows the authors' program: a detection is matched
from an IoU of 0.5, windows are 40 frames apart, a track counts when at least 65 % of its frames and one of its first
five were detected, and each window gives up to 20 random triples. Their detections (SDP) cannot be had here: scores
under this name are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from dvae.data.motchallenge import FrameBoxes, by_frame, read_ground_truth, read_rows, read_sequence
from dvae.evaluation.metrics.tracking import TrackingScores, tracking_scores
from dvae.tracking.boxes import Boxes, iou
from dvae.tracking.sequence.mixdvae import SequenceResult

NUM_PEOPLE = 3
MATCH_IOU = 0.5
WINDOW_STEP = 40
LEAST_DETECTED = 0.65
FIRST_FRAMES = 5


class Scene(NamedTuple):
    """truth (T, 3, 4) and detections (T, 3, 4) in fractions of the image, detected (T, 3)."""

    name: str
    truth: Boxes
    detections: Boxes
    detected: NDArray[np.bool_]

    def frames(self) -> list[Boxes]:
        """The detections of each frame without their owner, (K_t, 4)."""
        return [boxes[seen] for boxes, seen in zip(self.detections, self.detected, strict=True)]

    def start(self) -> Boxes:
        """The first detection of each person (3, 4): where the sources begin."""
        return np.asarray(self.detections[self.detected.argmax(axis=0), np.arange(NUM_PEOPLE)])


def matched_tracks(folder: Path, detector: str) -> tuple[dict[int, tuple[Boxes, Boxes]], int]:
    """Of each person the truth and the matched detections, each (T, 4) in fractions of the image, NaN where there is
    none; and T."""
    sequence = read_sequence(folder)
    size = np.array([*sequence.image_size, *sequence.image_size], dtype=np.float64)
    truth = by_frame(read_ground_truth(folder / "gt" / "gt.txt"), sequence.num_frames)
    found = by_frame(read_rows(folder / "det" / f"{detector}.txt"), sequence.num_frames)
    tracks: dict[int, tuple[Boxes, Boxes]] = {}
    for t, (true, seen) in enumerate(zip(truth, found, strict=True)):
        overlap = iou(true.boxes, seen.boxes)
        rows, columns = linear_sum_assignment(np.where(overlap >= MATCH_IOU, 1.0 - overlap, 9.0))
        match = dict(zip(rows.tolist(), columns.tolist(), strict=True))
        for row, person in enumerate(true.ids.tolist()):
            nothing = np.full((sequence.num_frames, 4), np.nan)
            boxes, detections = tracks.setdefault(person, (nothing, nothing.copy()))
            boxes[t] = true.boxes[row] / size
            if row in match and overlap[row, match[row]] >= MATCH_IOU:
                detections[t] = seen.boxes[match[row]] / size
    return tracks, sequence.num_frames


def draw_scenes(folder: Path, detector: str, num_frames: int, most: int, rng: np.random.Generator) -> list[Scene]:
    """The scenes of one sequence folder, at most `most` for each window."""
    tracks, length = matched_tracks(folder, detector)
    scenes: list[Scene] = []
    for first in range(0, length - num_frames + 1, WINDOW_STEP):
        window = slice(first, first + num_frames)
        usable = []
        for person, (truth, detections) in tracks.items():
            seen = ~np.isnan(detections[window, 0])
            present = not np.isnan(truth[window]).any()
            if present and seen.mean() >= LEAST_DETECTED and seen[:FIRST_FRAMES].any():
                usable.append(person)
        triples: set[tuple[int, ...]] = set()
        for _ in range(10 * most if len(usable) >= NUM_PEOPLE else 0):
            if len(triples) == most:
                break
            triples.add(tuple(sorted(rng.choice(usable, NUM_PEOPLE, replace=False).tolist())))
        for triple in sorted(triples):
            truth = np.stack([tracks[person][0][window] for person in triple], axis=1)
            detections = np.stack([tracks[person][1][window] for person in triple], axis=1)
            detected = ~np.isnan(detections[..., 0])
            name = f"{folder.name} {first} {triple}"
            scenes.append(Scene(name, truth, np.where(detected[..., None], detections, 0.0), detected))
    return scenes


def labels_by_detection(responsibilities: NDArray[np.float64], detected: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(T, N) the label under which the paper's scorer counts each source: the owner of the detection that it mostly
    explains, or its last one. It makes the exchange of two people invisible; only for comparison with table 4.1 of
    the thesis."""
    num_frames, _, num_sources = responsibilities.shape
    labels = np.tile(np.arange(num_sources), (num_frames, 1))
    for t in range(num_frames):
        labels[t] = labels[t - 1] if t else labels[t]
        owners = np.flatnonzero(detected[t])
        for k, owner in enumerate(owners):
            source = int(responsibilities[t, k].argmax())
            other = np.flatnonzero(labels[t] == owner)
            labels[t, other] = labels[t, source]  # whoever held the label takes the other one: labels stay distinct
            labels[t, source] = owner
    return labels


def score_scenes(scenes: Sequence[Scene], results: Sequence[SequenceResult], as_paper: bool) -> TrackingScores:
    """Scores over all scenes; with `as_paper` under the labels of `labels_by_detection`."""
    number, one = np.arange(NUM_PEOPLE), np.ones(NUM_PEOPLE)
    pairs = {}
    for scene, result in zip(scenes, results, strict=True):
        labels = np.tile(number, (len(scene.truth), 1))
        if as_paper:
            labels = labels_by_detection(result.responsibilities, scene.detected)
        wanted = [FrameBoxes(boxes, number, one) for boxes in scene.truth]
        found = [FrameBoxes(boxes, label, one) for boxes, label in zip(result.mean.swapaxes(0, 1), labels, strict=True)]
        pairs[scene.name] = (wanted, found)
    return tracking_scores(pairs)
