"""Protocol (i): AV16.3 with heads that a detector would miss for a while, and directions of nobody.

Heads are those of the annotation with errors of a detector (8 % of their size). Each is dropped in stretches of 2 s on
average, so that a fraction of the time is missing. Directions are pooled over the speakers, without their names; in
each image's 40 ms there are `clutter` more on average, from anywhere. All from a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dvae.audiovisual.affine_map import AffineConfig, AffineMap
from dvae.audiovisual.cluster_association import auditory_mass
from dvae.audiovisual.config import AudioVisualConfig
from dvae.audiovisual.geometry import CalibratedMap, GeometryConfig
from dvae.audiovisual.scene import BearingMap, Heard
from dvae.audiovisual.tracker import AudioVisualFrame, AudioVisualTracker
from dvae.data.av163 import HEAD_HEIGHT, IMAGE_SIZE, MOUTH_HEIGHT, WIDTH_RATIO, Recording
from dvae.data.motchallenge import FrameBoxes
from dvae.evaluation.metrics.ospa import centre_distance, ospa_t
from dvae.evaluation.metrics.tracking import tracking_scores
from dvae.tracking.online import OnlineTracker
from dvae.tracking.tracks import TrackState

BOX_ERROR, DROPPED_SECONDS = 0.08, 2.0  # of the box's size; mean of a stretch
NEAR = 30.0  # pixels between centres: a match
SURE = 30.0  # pixels, standard deviation of a box that is shown though it is not seen
WINDOW = 0.4  # s, in which it is asked who speaks
LEAST_SHARE = 0.4  # of the directions in the window: who has more is heard
STANDING = (1.8, 0.42)  # distance in m and elevation in rad where somebody is put of whom only the azimuth is known
HEAD = 30.0  # pixels, likewise
SEEN = GeometryConfig(
    person_height=HEAD_HEIGHT, mouth_height=MOUTH_HEIGHT, width_ratio=WIDTH_RATIO, distance_spread=0.1, mouth_spread=0.1
)
HEARD = AudioVisualConfig(direction_deviation=8.0, direction_clutter=0.4)
STRIDE = 5  # of the images, of which a map is learned
EVERY = 5  # of the images, of which it is asked whom clustering names


class Scene(NamedTuple):
    """What is given to a method, and the truth: a list entry or row for each image."""

    recording: Recording
    boxes: list[np.ndarray]  # of heads, (K, 4)
    heard: list[list[Heard]]
    truth: list[FrameBoxes]  # heads in view, dropped or not
    speaking: np.ndarray  # (T, P), within the window, and in view


class Result(NamedTuple):
    """What a method says, for each image."""

    found: list[FrameBoxes]
    mass: list[dict[int, float]]  # directions of each id in the window
    frames: list[AudioVisualFrame]


class Scores(NamedTuple):
    """In percent, but OSPA-T in pixels."""

    mota: float
    idf1: float
    ospa_t: float
    right_speaker: float


def make_scene(recording: Recording, dropped: float, clutter: float, seed: int) -> Scene:
    """dropped: fraction of the time; clutter: directions of nobody an image."""
    rng, heads = np.random.default_rng([seed, 0]), recording.heads()
    truth, boxes = [], []
    there = ~np.column_stack([stretches(len(heads), dropped, rng) for _ in range(heads.shape[1])])
    for t, frame in enumerate(heads):
        in_view = np.isfinite(frame[:, 0])
        truth.append(FrameBoxes(frame[in_view], np.flatnonzero(in_view), np.ones(in_view.sum())))
        boxes.append(with_errors(frame, rng)[in_view & there[t]])
    speaking = recording.speaking(WINDOW) & np.isfinite(heads[..., 0])
    return Scene(recording, boxes, directions(recording, clutter, np.random.default_rng([seed, 1])), truth, speaking)


def with_errors(boxes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Boxes (K, 4) as a detector has them: BOX_ERROR in size, half of it in place."""
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return boxes + BOX_ERROR / np.sqrt(2.0) * size * rng.normal(size=boxes.shape)


def stretches(count: int, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """(T,) true in stretches of DROPPED_SECONDS on average, for a fraction of the time."""
    found, at, is_dropped = np.zeros(count, dtype=bool), 0, bool(rng.random() < fraction)
    while fraction > 0.0 and at < count:
        mean = DROPPED_SECONDS * (1.0 if is_dropped else (1.0 - fraction) / fraction)
        length = max(1, round(25.0 * rng.exponential(mean)))
        found[at : at + length] = is_dropped
        at, is_dropped = at + length, not is_dropped
    return found


def directions(recording: Recording, clutter: float, rng: np.random.Generator) -> list[list[Heard]]:
    """What is heard up to each image since the one before: frames of 10 ms, without any where nothing is."""
    found: list[list[Heard]] = []
    for end in recording.time:
        inside = (recording.heard_time > end - 0.04) & (recording.heard_time <= end)
        number = rng.poisson(clutter)
        times = np.concatenate([recording.heard_time[inside], end - 0.04 + 0.01 * rng.integers(1, 5, number)])
        angles = np.concatenate([recording.heard_azimuth[inside], rng.uniform(-np.pi, np.pi, number)])
        slots = np.round(times, 2)
        parts = [(slot, angles[slots == slot]) for slot in np.unique(slots)]
        found.append([Heard(float(slot), each, np.ones(len(each)), 1.0) for slot, each in parts])
    return found


def bearing_map(recording: Recording) -> CalibratedMap:
    """Of the calibration that comes with the recording."""
    return CalibratedMap(recording.camera, recording.pose, SEEN)


def learned_map(others: Sequence[Recording], num_pieces: int = 8) -> AffineMap:
    """From the other sequences of the same camera."""
    heads = np.concatenate([other.heads()[::STRIDE].reshape(-1, 4) for other in others])
    azimuths = np.concatenate([other.azimuths()[::STRIDE].ravel() for other in others])
    known = np.isfinite(heads).all(axis=1) & np.isfinite(azimuths)
    return AffineMap.fit(
        heads[known], azimuths[known], IMAGE_SIZE, AffineConfig(num_pieces=num_pieces, mouth_height=MOUTH_HEIGHT)
    )


def follow(scene: Scene, mode: str, bearings: BearingMap) -> Result:
    """mode: vision, audio or both."""
    calibrated = bearing_map(scene.recording)
    tracker = OnlineTracker.load(image_size=IMAGE_SIZE)
    method = AudioVisualTracker(tracker, None if mode == "vision" else bearings, HEARD)
    nobody = np.zeros((0, 4))
    frames = [
        method.update(nobody if mode == "audio" else boxes, time, heard=heard if mode != "vision" else (),
                      looked=mode != "audio")
        for boxes, time, heard in zip(scene.boxes, scene.recording.time.tolist(), scene.heard, strict=True)
    ]  # fmt: skip
    mass = windowed([masses(frame) for frame in frames], scene.recording.time)
    found = [shown(frame, heard, calibrated, mode) for frame, heard in zip(frames, mass, strict=True)]
    return Result(found, mass, frames)


def masses(frame: AudioVisualFrame) -> dict[int, float]:
    """Directions of each source in one frame."""
    total: dict[int, float] = {}
    for responsibilities in frame.responsibilities:
        for source, mass in zip(frame.sources.source_id.tolist(), responsibilities[:, :-1].sum(axis=0), strict=True):
            total[source] = total.get(source, 0.0) + float(mass)
    return total


def windowed(each: list[dict[int, float]], time: np.ndarray) -> list[dict[int, float]]:
    """Sums over the window around each frame."""
    half, found = round(0.5 * WINDOW * 25.0), []
    for t in range(len(time)):
        total: dict[int, float] = {}
        for part in each[max(0, t - half) : t + half + 1]:
            for source, mass in part.items():
                total[source] = total.get(source, 0.0) + mass
        found.append(total)
    return found


def shown(frame: AudioVisualFrame, heard: dict[int, float], calibrated: CalibratedMap, mode: str) -> FrameBoxes:
    """Who is seen, or was seen before and is heard, in the image; by hearing alone, who is heard."""
    tracks = frame.tracks
    least = max(LEAST_SHARE * sum(heard.values()), 1e-3)
    voice = np.array([heard.get(int(track), 0.0) >= least for track in tracks.track_id], dtype=bool)
    doubt = np.sqrt(tracks.variance[:, [0, 2]].mean(axis=1))
    keep = tracks.visible | ((tracks.state != TrackState.TENTATIVE) & voice & (doubt <= SURE))
    boxes, ids = tracks.boxes[keep], tracks.track_id[keep]
    if mode == "audio":
        loud = np.array([heard.get(int(each), 0.0) >= least for each in frame.sources.source_id], dtype=bool)
        boxes, ids = placed(frame.sources.azimuth[loud], calibrated), frame.sources.source_id[loud]
    centre = 0.5 * (boxes[:, :2] + boxes[:, 2:])
    inside = (centre >= 0.0).all(axis=1) & (centre <= IMAGE_SIZE).all(axis=1)
    return FrameBoxes(boxes[inside], ids[inside], np.ones(inside.sum()))


def placed(azimuth: np.ndarray, calibrated: CalibratedMap) -> np.ndarray:
    """Boxes (M, 4) where somebody who stands at a usual distance would be, NaN behind the camera."""
    far = np.full((2, len(azimuth)), np.array(STANDING)[:, None])
    centre = calibrated.pixels(azimuth, far[1], far[0])
    return np.hstack([centre - HEAD / 2.0, centre + HEAD / 2.0])


def score(scene: Scene, result: Result, mode: str) -> Scores:
    """All scores of a run."""
    tracking = tracking_scores({"all": (scene.truth, result.found)}, near)
    named = [largest(found) for found in result.found] if mode == "vision" else [loudest(mass) for mass in result.mass]
    return Scores(
        tracking.mota, tracking.idf1, float(ospa_t(scene.truth, result.found).mean()),
        right_speaker(scene, result, named),
    )  # fmt: skip


def loudest(mass: dict[int, float]) -> int | None:
    """Who is heard most, if anybody."""
    name = max(mass, key=mass.__getitem__, default=None)
    return name if name is not None and mass[name] > 0.0 else None


def near(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Distance of centres in pixels, NaN beyond NEAR."""
    distance = centre_distance(truth, found)
    return np.where(distance <= NEAR, distance, np.nan)


def largest(found: FrameBoxes) -> int | None:
    """Who a camera alone would take for the one who speaks: the nearest."""
    return int(found.ids[(found.boxes[:, 3] - found.boxes[:, 1]).argmax()]) if len(found.ids) else None


def right_speaker(scene: Scene, result: Result, named: list[int | None], every: int = 1) -> float:
    """Percent of the images in which somebody in view is heard where the box of the one who is named is at their head,
    within NEAR; of a voice without a box, where somebody at a usual distance would be."""
    right = []
    for t in np.flatnonzero(scene.speaking.any(axis=1)):
        if t % every:
            continue
        truth, frame, name = scene.truth[t], result.frames[t], named[t]
        tracks, sources = frame.tracks, frame.sources
        box = tracks.boxes[tracks.track_id == (0 if name is None else name)]
        if not len(box) and name is not None:
            box = placed(sources.azimuth[sources.source_id == name], bearing_map(scene.recording))
        away = np.nan_to_num(centre_distance(truth.boxes, box), nan=np.inf)
        right.append(bool(len(box)) and away.min() <= NEAR and scene.speaking[t, truth.ids[away[:, 0].argmin()]])
    return 100.0 * float(np.mean(right)) if right else float("nan")


def by_clusters(scene: Scene, result: Result, kind: str) -> list[int | None]:
    """Who is named when clustering takes the place of E-W, in images EVERY apart: the same tracks, the same
    directions."""
    half = round(0.5 * WINDOW * 25.0)
    named: list[int | None] = [None] * len(result.frames)
    for t in range(0, len(result.frames), EVERY):
        window = slice(max(0, t - half), t + half + 1)
        sources = [frame.sources for frame in result.frames[window]]
        heads, ids = (np.concatenate([each[i] for each in sources]) for i in (2, 0))
        heads, ids = heads[np.isfinite(heads)], ids[np.isfinite(heads)]
        heard = np.concatenate([each.azimuth for part in scene.heard[window] for each in part] or [np.zeros(0)])
        known, person = np.unique(ids, return_inverse=True)
        mass = auditory_mass(heads, person, heard, kind)  # type: ignore[arg-type]
        named[t] = int(known[mass.argmax()]) if len(mass) and mass.max() > 0.0 else None
    return named
