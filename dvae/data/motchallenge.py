"""MOTChallenge text: frame, id, left, top, width, height, confidence, ... with frames counted from 1."""

from __future__ import annotations

import codecs
import configparser
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.files import whole_file
from dvae.tracking.boxes import Boxes

Array = NDArray[np.float64]
PEDESTRIAN = 1.0
NOT_GIVEN = -1.0  # as a confidence
LAST_FRAME = 10_000_000  # four days at 30 frames a second: what is larger counts no frames
LARGEST_ID = 2.0**62
LOOK_AHEAD = 4096  # bytes in which it is seen that a file is no text
FEWEST_COLUMNS = 6
COLUMNS = ("frame", "id", "left", "top", "width", "height")
NAMES = (  # that a header may have for columns 3 to 6, without marks and bb, bbox or box before them
    {"left", "x", "x1", "xmin", "minx"},
    {"top", "y", "y1", "ymin", "miny"},
    {"width", "w"},
    {"height", "h"},
)
NO_CONFIDENCE = {"class", "cls", "classid", "classname", "label", "category"}  # names that column 7 cannot have


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


def text_lines(path: Path, what: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line that holds something, without comments (from # on), a byte order mark and line ends
    of any system; ValueError for a file that is no text in UTF-8."""
    try:
        with path.open("rb") as raw, TextIOWrapper(raw, encoding="utf-8-sig") as stream:
            head = raw.peek(LOOK_AHEAD)[:LOOK_AHEAD]  # a pipe is read once
            if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in head:
                coding = "UTF-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "binary data"
                raise ValueError(f"expected {what} in UTF-8, got {path}, which is {coding}")
            for number, line in enumerate(stream, start=1):
                text = line.split("#", 1)[0].strip()
                if text:
                    yield number, text
    except UnicodeDecodeError as error:
        raise ValueError(f"expected {what} in UTF-8, got {path}: {error.reason} in {error.object[:20]!r}") from error
    except OSError as error:
        raise ValueError(f"expected {what}, got {path}: {error.strerror or error}") from error


def columns(text: str) -> list[str]:
    """The fields of a line, apart by semicolons, else by commas, else by blanks or tabs; empty ones at its end do not
    count."""
    separator = ";" if ";" in text else "," if "," in text else None
    fields = text.split(separator)
    while fields and not fields[-1].strip():
        fields.pop()
    return fields


def numbers(fields: list[str]) -> list[float]:
    """Fields as numbers, none where one of them is not."""
    try:
        return [float(field) for field in fields]
    except ValueError:
        return []


def is_name(field: str) -> bool:
    """Whether a field may name a column: letters, and no number."""
    return any(letter.isalpha() for letter in field) and not numbers([field])


def check_header(where: str, fields: list[str]) -> None:
    """ValueError when the names of the columns are others than those of the numbers that are read."""
    names = [re.sub(r"[^a-z0-9]", "", field.lower()) for field in fields]
    wrong = [column for column, name in enumerate(names) if "frame" in name and column]
    for column, known in enumerate(NAMES, start=2):
        if re.sub(r"^(bbox|box|bb)", "", names[column]) not in known:
            wrong.append(column)
    if len(names) > FEWEST_COLUMNS and names[FEWEST_COLUMNS] in NO_CONFIDENCE:
        wrong.append(FEWEST_COLUMNS)
    if wrong:
        got = f"{fields[wrong[0]].strip()!r} in column {wrong[0] + 1}"
        raise ValueError(f"{where}: expected the columns {','.join(COLUMNS)}[,confidence...], got {got}")


def numbered_values(
    path: Path, what: str, check: Callable[[str, list[str]], None] | None = None
) -> Iterator[tuple[int, str, list[float]]]:
    """Of each line that holds something its number, text and numbers, none where it is not all numbers. A header, a
    first line of as many names as there are columns, is left out; `check` is given its place and its fields."""
    is_first = True
    for number, text in text_lines(path, what):
        fields = columns(text)
        if is_first and len(fields) >= FEWEST_COLUMNS and all(is_name(field) for field in fields):
            if check:
                check(f"{path}, line {number}", fields)
        else:
            yield number, text, numbers(fields)
        is_first = False


def frame_fault(values: list[float]) -> str:
    """What is wrong with the first number of a row as the number of a frame; empty when nothing is."""
    if len(values) < FEWEST_COLUMNS:
        return f"expected {','.join(COLUMNS)}[,confidence...]"
    if not values[0].is_integer() or values[0] < 0:
        return "expected a frame number, counted from 1 (or 0)"
    if values[0] > LAST_FRAME:
        return f"expected a frame number up to {LAST_FRAME}, counted from 1 (is it a time?)"
    return ""


def read_rows(path: Path) -> Array:
    """All rows with at least 6 columns (7 where the confidence is given) as (R, 9), what is not given 1; ValueError
    names the first bad line. Fields may be apart by commas, semicolons, tabs or blanks; a header is left out."""
    rows = array("d")
    for number, line, values in numbered_values(path, "a MOTChallenge text file", check_header):
        fault = frame_fault(values)
        if fault:
            raise ValueError(f"{path}, line {number}: {fault}, got {line[:60]!r}")
        rows.extend([*values, 1.0, 1.0, 1.0][:9] if len(values) < 9 else values[:9])
    return np.frombuffer(rows, dtype=np.float64).reshape(-1, 9).copy()


def first_frame(rows: Array) -> int:
    """What the rows call the first frame: 0 where there is one of that number, else 1."""
    return 0 if len(rows) and rows[:, 0].min() == 0 else 1


def given_scores(rows: Array) -> Array:
    """The rows (R, 9) with a confidence of 1 in place of -1, where all have -1: by convention it is not given."""
    if len(rows) and (rows[:, 6] == NOT_GIVEN).all():
        rows = rows.copy()
        rows[:, 6] = 1.0
    return rows


def corners(rows: Array) -> Boxes:
    """Boxes (R, 4) of the rows (R, 9) as x1, y1, x2, y2; infinite where a sum is too large for a number."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)


def occupied_frames(rows: Array) -> Iterator[tuple[int, FrameBoxes]]:
    """Number and boxes of each frame that has rows, in order; rows of one frame stay in theirs."""
    ordered = rows[np.argsort(rows[:, 0], kind="stable")]
    ends = np.flatnonzero(np.diff(ordered[:, 0], append=np.inf)) + 1
    for first, last in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=False):
        found = ordered[first:last]
        yield int(found[0, 0]), FrameBoxes(corners(found), whole_numbers(found[:, 1]), found[:, 6])


def whole_numbers(values: Array) -> NDArray[np.int64]:
    """As integers, -1 where one is none that fits."""
    return np.where(np.abs(values) < LARGEST_ID, values, -1.0).astype(np.int64)


def by_frame(rows: Array, num_frames: int | None = None) -> list[FrameBoxes]:
    """Rows -> one entry for each frame, also the empty ones; index 0 is frame 1, or 0 where the rows begin there."""
    first = first_frame(rows)
    found = dict(occupied_frames(rows))
    length = max(found, default=first - 1) + 1 - first if num_frames is None else num_frames
    nobody = FrameBoxes(np.zeros((0, 4)), np.zeros(0, dtype=np.int64), np.zeros(0))
    return [found.get(frame, nobody) for frame in range(first, first + length)]


def read_ground_truth(path: Path) -> Array:
    """Rows that count: confidence 1, and class pedestrian where the file gives classes (MOT16 and later)."""
    rows = read_rows(path)
    rows = rows[rows[:, 6] == 1]
    width = next((len(values) for _, _, values in numbered_values(path, "a MOTChallenge text file")), 0)
    has_classes = width >= 9 and (rows[:, 7] > 0).all()
    counted: Array = rows[rows[:, 7] == PEDESTRIAN] if has_classes else rows
    return counted


def read_sequence(folder: Path) -> Sequence:
    """seqinfo.ini of a sequence folder; ValueError names it when it is not there, or does not hold what is needed."""
    parser, path = configparser.ConfigParser(interpolation=None), folder / "seqinfo.ini"
    if not path.is_file():
        raise ValueError(f"expected seqinfo.ini in {folder}, got none")
    try:
        parser.read(path, encoding="utf-8-sig")
        info = parser["Sequence"]
        size = int(info["imWidth"]), int(info["imHeight"])
        return Sequence(folder.name, float(info["frameRate"]), size, int(info["seqLength"]))
    except (configparser.Error, KeyError, ValueError) as error:
        raise ValueError(
            f"{path}: expected [Sequence] with frameRate, imWidth, imHeight, seqLength: {error}"
        ) from error


def read_camera_motion(path: Path) -> dict[int, Array]:
    """A gmc.txt file: rows of a frame number from 0 and the six numbers of an affine map of the frame before to this
    one -> the map (2, 3) of each frame but the first; ValueError names the first bad line."""
    motion: dict[int, Array] = {}
    for number, line, values in numbered_values(path, "a text file of camera motion"):
        fault = ""
        if len(values) != 7 or not np.isfinite(values).all() or not values[0].is_integer():
            fault = "expected a frame number from 0 and six numbers of an affine map (detections? homographies?)"
        elif int(values[0]) in motion:
            fault = f"expected one map for a frame, frame {int(values[0])} has two (is it a file of detections?)"
        if fault:
            raise ValueError(f"{path}, line {number}: {fault}, got {line[:60]!r}")
        motion[int(values[0])] = np.array(values[1:7]).reshape(2, 3)
    motion.pop(0, None)  # there is no frame before it
    return motion


def write_rows(path: Path, rows: Iterable[tuple[int, int, Array, float]]) -> None:
    """(frame, id, box x1 y1 x2 y2, confidence) -> MOTChallenge text, whole or not at all."""
    with whole_file(path) as stream:
        for frame, track_id, (x1, y1, x2, y2), confidence in rows:
            box = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
            stream.write(f"{frame},{track_id},{box},{confidence:.4f},-1,-1,-1\n".encode())
