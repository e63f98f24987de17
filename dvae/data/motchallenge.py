"""MOTChallenge text: frame, id, left, top, width, height, confidence, ... with frames counted from 1."""

from __future__ import annotations

import configparser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.tracking.boxes import Boxes

Array = NDArray[np.float64]
PEDESTRIAN = 1.0


class FrameBoxes(NamedTuple):
    """One frame: boxes (K, 4) as x1, y1, x2, y2 in pixels, ids (K,), scores (K,)."""

    boxes: Boxes
    ids: NDArray[np.int64]
    scores: Array


class Sequence(NamedTuple):
    """A MOTChallenge sequence folder: frame rate in Hz, image width and height in pixels, number of frames."""

    name: str
    frames_per_second: float
    image_size: tuple[int, int]
    num_frames: int


def numbered_values(path: Path, what: str) -> Iterator[tuple[int, str, list[float]]]:
    """Of each line that is not blank its number, text and numbers, none where it is not all numbers."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"expected {what}, got {path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                values = [float(value) for value in line.replace(",", " ").split()]
            except ValueError:
                values = []
            yield number, line, values


def read_rows(path: Path) -> Array:
    """All rows with at least 6 columns (7 where the confidence is given); ValueError names the first bad line."""
    rows: list[list[float]] = []
    for number, line, values in numbered_values(path, "a MOTChallenge text file"):
        if len(values) < 6 or values[0] < 1 or not float(values[0]).is_integer():
            raise ValueError(
                f"{path}, line {number}: expected frame,id,left,top,width,height[,confidence...] with frames from 1, "
                f"got {line[:60]!r}"
            )
        rows.append([*values, 1.0, 1.0, 1.0][:9] if len(values) < 9 else values[:9])
    return np.array(rows).reshape(-1, 9)


def by_frame(rows: Array, num_frames: int | None = None) -> list[FrameBoxes]:
    """Rows -> one entry for each frame, also the empty ones; index 0 is frame 1."""
    last = int(rows[:, 0].max(initial=0.0)) if num_frames is None else num_frames
    frames = []
    for frame in range(1, last + 1):
        found = rows[rows[:, 0] == frame]
        corners = np.concatenate([found[:, 2:4], found[:, 2:4] + found[:, 4:6]], axis=1)
        frames.append(FrameBoxes(corners, found[:, 1].astype(np.int64), found[:, 6]))
    return frames


def read_ground_truth(path: Path) -> Array:
    """Rows that count: confidence 1, and class pedestrian where the file gives classes (MOT16 and later)."""
    rows = read_rows(path)
    rows = rows[rows[:, 6] == 1]
    has_classes = path.read_text().split("\n", 1)[0].count(",") >= 8 and (rows[:, 7] > 0).all()
    counted: Array = rows[rows[:, 7] == PEDESTRIAN] if has_classes else rows
    return counted


def read_sequence(folder: Path) -> Sequence:
    """seqinfo.ini of a sequence folder."""
    parser = configparser.ConfigParser()
    if not parser.read(folder / "seqinfo.ini"):
        raise ValueError(f"expected seqinfo.ini in {folder}, got none")
    info = parser["Sequence"]
    size = int(info["imWidth"]), int(info["imHeight"])
    return Sequence(folder.name, float(info["frameRate"]), size, int(info["seqLength"]))


def read_camera_motion(path: Path, num_frames: int) -> list[Array | None]:
    """A gmc.txt file: rows of a frame number from 0 and the six numbers of an affine map (2, 3) of the frame before
    to this one -> one map for each frame, None where there is none; ValueError names the first bad line."""
    motion: list[Array | None] = [None] * num_frames
    for number, line, values in numbered_values(path, "a text file of camera motion"):
        if len(values) < 7 or not np.isfinite(values).all() or not values[0].is_integer():
            raise ValueError(
                f"{path}, line {number}: expected a frame number from 0 and six numbers of a map, got {line[:60]!r}"
            )
        if 0 < values[0] < num_frames:
            motion[int(values[0])] = np.array(values[1:7]).reshape(2, 3)
    return motion


def write_rows(path: Path, rows: Iterable[tuple[int, int, Array, float]]) -> None:
    """(frame, id, box x1 y1 x2 y2, confidence) -> MOTChallenge text."""
    with path.open("w") as stream:
        for frame, track_id, (x1, y1, x2, y2), confidence in rows:
            box = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
            stream.write(f"{frame},{track_id},{box},{confidence:.4f},-1,-1,-1\n")
