"""The demo's speakers against the truth that its four-microphone recording was made from."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from make_bag import DATA, START

from dvae.evaluation.metrics.speaking import (
    NO_PERSON,
    SILENT,
    UNMATCHED,
    MatchCounts,
    SpeakingCounts,
    match_counts,
    runs,
    speaking_counts,
)
from dvae.tracking.boxes import iou
from dvae.vision.colours import track_colour
from dvae_nodes.wire import conversions as convert

matplotlib.use("Agg")
import matplotlib.pyplot as plt

STEP = 0.1  # s, between images
HOLD = 5  # images for which what was said counts, where nothing newer comes
OVERLAP = 0.3  # a track shows the person whose box it overlaps by this (IoU)


class Truth(NamedTuple):
    """Of P people in T images."""

    boxes: np.ndarray  # (P, T, 4), NaN where they are not seen
    speaks: np.ndarray  # (P, T)


class Found(NamedTuple):
    """What the node says, by person: whether they speak (P, T); how many others (T,); whose each voice is (V, T)."""

    speaks: np.ndarray
    nobody: np.ndarray
    claims: np.ndarray
    ids: list[set[int]]  # of each person, the ids of their tracks


def read_truth(folder: Path = DATA) -> Truth:
    """What test/data/demo_speakers.csv says."""
    with (folder / "demo_speakers.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    people, frames = (1 + max(int(row[name]) for row in rows) for name in ("person", "frame"))
    boxes, speaks = np.full((people, frames, 4), np.nan), np.zeros((people, frames), dtype=bool)
    for row in rows:
        at = int(row["person"]), int(row["frame"])
        boxes[at] = [float(row[side]) for side in ("left", "top", "right", "bottom")]
        speaks[at] = row["speaks"] == "1"
    return Truth(boxes, speaks)


def frame_of(message: Any) -> int:
    """Which image of the bag a message is about."""
    return round((convert.stamp_to_nanoseconds(message.header.stamp) - START) * 1e-9 / STEP)


def gather(truth: Truth, tracks: list[Any], speakers: list[Any]) -> Found:
    """TrackArray and SpeakerArray messages -> what they say of the people of the truth."""
    people, frames = truth.speaks.shape
    voices = sorted({s.voice_id for message in speakers for s in message.speakers if s.speaking})
    found = Found(np.zeros((people, frames), dtype=bool), np.zeros(frames, dtype=np.int64),
                  np.full((max(1, len(voices)), frames), SILENT), [set() for _ in range(people)])  # fmt: skip
    boxes = {frame_of(m): {t.id: np.array(t.box) for t in m.tracks if t.state} for m in tracks}
    first, whose = [frame_of(message) for message in speakers], dict[int, int]()
    for message, frame, after in zip(speakers, first, [*first[1:], frames], strict=True):
        if not 0 <= frame < frames:
            continue
        now = slice(frame, max(frame + 1, min(after, frame + HOLD)))  # until the next one
        whose |= persons(truth.boxes[:, frame], boxes.get(frame, {}))  # who is out of view stays who they were
        for track_id, person in whose.items():
            found.ids[person].add(track_id)
        for each in (s for s in message.speakers if s.speaking):
            person = whose.get(each.track_id, NO_PERSON) if each.track_id else UNMATCHED
            found.claims[voices.index(each.voice_id), now] = person
            if person >= 0:
                found.speaks[person, now] = True
            else:
                found.nobody[now] += 1
    return found


def persons(truth: np.ndarray, boxes: dict[int, np.ndarray]) -> dict[int, int]:
    """True boxes (P, 4), boxes by track -> the person whom each track shows; at most one track a person."""
    if not boxes:
        return {}
    overlap = iou(np.array(list(boxes.values())), np.nan_to_num(truth, nan=-1e6))
    best = overlap.argmax(axis=0)
    ids = list(boxes)
    return {ids[int(row)]: person for person, row in enumerate(best) if overlap[row, person] >= OVERLAP}


def scores(truth: Truth, found: Found) -> tuple[SpeakingCounts, MatchCounts]:
    """Of the whole demo, by images."""
    in_view, known = np.isfinite(truth.boxes[..., 0]), STEP * np.arange(truth.speaks.shape[1])
    return (
        speaking_counts(truth.speaks, found.speaks, found.nobody, STEP, 0.0),
        match_counts(truth.speaks, in_view, found.claims, known, STEP),
    )


def plot_time_line(path: Path, truth: Truth, found: Found) -> None:
    """Who spoke when: for each person the truth above, ours below."""
    figure, axis = plt.subplots(figsize=(11, 2.6))
    names = []
    for person, ids in enumerate(found.ids):
        row = 2.4 * (len(found.ids) - 1 - person)
        colour = track_colour(min(ids)) if ids else (0.5, 0.5, 0.5)
        for height, speaks, shade in ((row + 1.0, truth.speaks[person], "0.35"), (row, found.speaks[person], colour)):
            spans = [(STEP * first, STEP * (end - first)) for first, end in runs(speaks)]
            axis.broken_barh(spans, (height, 0.9), color=shade)
        numbers = ", ".join(str(i) for i in sorted(ids)) or "none"
        names += [(row + 1.45, f"person {'AB'[person]}, truth"), (row + 0.45, f"track {numbers}, ours")]
    axis.set_yticks([place for place, _ in names], [name for _, name in names])
    axis.set(xlim=(0, STEP * truth.speaks.shape[1]), xlabel="s", title="who spoke when (simulated voices)")
    axis.grid(axis="x", alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
