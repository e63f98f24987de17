"""Odd detection messages through the tracker's pipeline, odd arrays through the tracker itself."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import odd
from make_bag import audio_types
from outcome import Effort, Meter, Outcome, memory
from tqdm import tqdm

from dvae.signal.audio_clock import NANOSECONDS
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker
from dvae.tracking.tracks import TrackState
from dvae_nodes.lifecycle.pipeline import Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.tracker import TrackerNodeConfig, TrackerPipeline
from dvae_nodes.wire import conversions as convert

STEP = NANOSECONDS // 30
SIZE = (1920, 1080)
PEOPLE = np.array([[100.0, 200.0], [500.0, 180.0], [900.0, 220.0], [1400.0, 240.0]])
WALK = np.array([[2.0, 0.2], [-1.5, 0.1], [1.0, -0.3], [-2.0, 0.0]])
SETTLING_FRAMES, GOOD_FRAMES = 65, 60  # what the storm left is forgotten after two seconds
COMPILING = 20  # messages, after which all code is compiled
MAX_SECONDS = 1.0  # CPU time for one message
MAX_GROWTH = 12.0  # MiB
SETTINGS = [
    Settings(),
    Settings(
        TrackerNodeConfig(image_width=SIZE[0], image_height=SIZE[1], smoothing_lag=5, markers=True, ros4hri=True),
    ),
    Settings(TrackerNodeConfig(class_id="person, человек")),
    Settings(TrackerConfig(exclusive_assignment=False, max_detections=50, confirm_hits=1)),
    Settings(TrackerNodeConfig(image_width=SIZE[0], image_height=SIZE[1]), TrackerConfig(camera_motion=False)),
]


def walkers(frame: int) -> np.ndarray[Any, Any]:
    """Four people who walk to and fro, (4, 4) as x1, y1, x2, y2."""
    corner = PEOPLE + WALK * abs(frame % 240 - 120)
    return np.hstack([corner, corner + [60.0, 160.0]])


def detection(box: Any, score: float = 0.9, name: str = "person", theta: float = 0.0) -> Any:
    """vision_msgs/Detection2D of centre and size (4)."""
    x, y, width, height = box
    center = SimpleNamespace(position=SimpleNamespace(x=x, y=y), theta=theta)
    hypothesis = SimpleNamespace(hypothesis=SimpleNamespace(class_id=name, score=score))
    return SimpleNamespace(
        results=[hypothesis], bbox=SimpleNamespace(center=center, size_x=width, size_y=height), id=""
    )


def frame_of(stamp: Any, boxes: Any) -> Any:
    """vision_msgs/Detection2DArray of corners (K, 4)."""
    centres = np.hstack([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]])
    header = SimpleNamespace(stamp=stamp, frame_id="camera")
    return SimpleNamespace(header=header, detections=[detection(box) for box in centres.tolist()])


def odd_detection(rng: odd.Rng) -> Any:
    """One that a broken detector might send."""
    box = [float(v) for v in rng.uniform(20, 1000, size=4)]
    for i in range(4):
        if rng.random() < 0.4:
            box[i] = odd.number(rng)
    found = detection(box, odd.number(rng) if rng.random() < 0.5 else 0.9, odd.pick(rng, odd.TEXTS))
    found.bbox.center.theta = odd.number(rng) if rng.random() < 0.3 else 0.0
    if rng.random() < 0.1:
        found.results = found.results * int(rng.integers(0, 4))
    return found


def odd_frame(rng: odd.Rng, frame: int, last: int) -> Any:
    """A good frame with a few odd detections among its own, none at all, or thousands."""
    message = frame_of(odd.stamp(rng, last, STEP), walkers(frame) + rng.normal(0, 2, size=(4, 4)))
    kind = rng.random()
    if kind < 0.1:
        message.detections = []
    elif kind < 0.12:
        corner = rng.uniform(0, 1500, size=(int(rng.integers(200, 3000)), 2))
        message.detections = frame_of(None, np.hstack([corner, corner + rng.uniform(1, 300, size=(1, 2))])).detections
    elif kind < 0.15:
        for k, each in enumerate(message.detections):
            each.results[0].hypothesis.class_id = f"class {frame}-{k}"
    elif kind < 0.8:
        message.detections += [odd_detection(rng) for _ in range(int(rng.integers(1, 6)))]
    return message


def check_tracks(message: Any) -> None:
    """Of a TrackArray: finite numbers, boxes with a size, each id once."""
    ids = [track.id for track in message.tracks]
    assert len(set(ids)) == len(ids), f"expected each id once, got {ids}"
    for track in message.tracks:
        values = [*track.box, *track.velocity, *track.variance, track.confidence, track.age, track.time_since_detection]
        assert np.isfinite(np.asarray(values, dtype=float)).all(), f"expected finite values, got {track}"


def plain(value: Any) -> Any:
    """A message as JSON can hold it."""
    return vars(value) if isinstance(value, SimpleNamespace) else str(value)


class PipelineStorm:
    """One pipeline under odd messages."""

    def __init__(self, effort: Effort, settings: Settings, label: str) -> None:
        self.effort, self.label = effort, label
        self.reported: list[str] = []
        self.types = audio_types(False)
        self.pipeline = TrackerPipeline(self.types, settings, Reporter(self.reported.append))
        self.meter, self.last, self.frame = Meter(), 1000 * NANOSECONDS, 0
        self.recent: deque[Any] = deque(maxlen=5)
        self.failed = self.refused = 0

    def send(self, message: Any) -> list[Any]:
        """Results of a message; what must hold for every message is checked."""
        self.recent.append(message)
        try:
            outputs = self.meter.time(partial(self.pipeline.on_detections, message, self.last))
            if len(self.meter.times) > COMPILING:
                assert self.meter.times[-1] < MAX_SECONDS, f"one message took {self.meter.times[-1]:.2f} s"
            for output in outputs:
                if output.type.endswith("TrackArray"):
                    check_tracks(output.message)
                if self.frame % 10 == 0:
                    self.types.store.serialize_cdr(output.message, output.type)
            return list(outputs)
        except ValueError:
            self.refused += 1
        except Exception as error:
            self.fail(f"message {self.frame}: {type(error).__name__}: {error}")
        return []

    def fail(self, text: str) -> None:
        """Keep the last messages."""
        self.failed += 1
        self.effort.fail(f"tracker {self.label}", text, messages__json=json.dumps(list(self.recent), default=plain))

    def storm(self, rng: odd.Rng, count: int) -> None:
        """So many odd messages."""
        for _ in range(count):
            message = odd_frame(rng, self.frame, self.last)
            self.send(message)
            self.last = convert.stamp_to_nanoseconds(message.header.stamp)
            if not 0 < self.last < 2**30 * NANOSECONDS:
                self.last = int(rng.integers(1, 10**9)) * NANOSECONDS
            self.frame += 1

    def recover(self) -> None:
        """After two seconds 60 good frames must give four people the same four ids."""
        seen: list[tuple[int, ...]] = []
        start = self.last + 5 * NANOSECONDS
        for t in range(SETTLING_FRAMES + GOOD_FRAMES):
            outputs = self.send(frame_of(odd.stamp_of(start + t * STEP), walkers(t)))
            tracks = [o.message for o in outputs if o.topic == "tracks"]
            found = [track.id for track in tracks[0].tracks if track.visible] if tracks else []
            seen.append(tuple(sorted(found)))
        self.last = start + (SETTLING_FRAMES + GOOD_FRAMES) * STEP
        settled = set(seen[SETTLING_FRAMES:])
        if len(settled) != 1 or len(seen[-1]) != 4:
            self.fail(f"message {self.frame}: expected four stable ids after the storm, got {sorted(settled)}")


def through_pipeline(effort: Effort, count: int) -> Outcome:
    """Odd messages in stretches, each followed by good ones."""
    began, stretch = time.perf_counter(), 500
    storms = [PipelineStorm(effort, settings, f"pipeline {i}") for i, settings in enumerate(SETTINGS)]
    rng = np.random.default_rng([effort.seed, 1])
    rounds = max(1, count // (stretch * len(storms)))
    warm = memory()
    for number in tqdm(range(rounds), desc="detection messages", unit=f"x{stretch * len(storms)}"):
        for storm in storms:
            storm.storm(rng, count // (rounds * len(storms)))
            storm.recover()
        warm = memory() if number <= rounds // 4 else warm
    growth = memory() - warm
    failed = sum(storm.failed for storm in storms)
    if growth > MAX_GROWTH:
        failed += 1
        effort.fail("tracker memory", f"expected flat memory, got {growth:.1f} MiB more in the last three quarters")
    times = np.concatenate([storm.meter.times for storm in storms]) * 1e3
    facts = f"{sum(storm.refused for storm in storms)} refused; memory {growth:+.1f} MiB; "
    facts += f"p50 / p99 / longest {np.median(times):.1f} / {np.percentile(times, 99):.1f} / {times.max():.0f} ms"
    what = f"detection messages: odd boxes, scores, classes, stamps; {rounds * len(storms)} times 60 good frames after"
    return Outcome("tracker", what, len(times), failed, facts, time.perf_counter() - began)


def odd_arrays(rng: odd.Rng, frame: int) -> dict[str, Any]:
    """Arguments for `OnlineTracker.update` but the time."""
    boxes: Any = walkers(frame) + rng.normal(0, 2, size=(4, 4))
    arguments: dict[str, Any] = {"boxes": boxes}
    kind = rng.random()
    if kind < 0.5:
        extra = np.array([[odd.number(rng) if rng.random() < 0.5 else 300.0 + 50 * i for i in range(4)]])
        arguments["boxes"] = np.vstack([boxes, extra])
    elif kind < 0.6:
        shapes = [(0, 4), (0,), (4,), (1, 5), (4, 4, 1), (2, 3), ()]
        arguments["boxes"] = np.zeros(odd.pick(rng, shapes))
    elif kind < 0.62:
        arguments["boxes"] = odd.pick(rng, [None, "boxes", [[1, 2, 3, "x"]], [[1, 2], [3]], {}, [[None] * 4]])
    rows = np.shape(arguments["boxes"])[0] if isinstance(arguments["boxes"], np.ndarray) and kind < 0.5 else 4
    if rng.random() < 0.4:
        arguments["scores"] = [odd.number(rng) if rng.random() < 0.3 else 0.9 for _ in range(rows)]
    if rng.random() < 0.2:
        arguments["labels"] = [odd.pick(rng, [0, 1, -1, 2**31, 2**62, 7]) for _ in range(rows)]
    if rng.random() < 0.05:
        arguments["scores"] = odd.pick(rng, [[0.5], np.ones((2, 2)), "score", None, [None] * rows])
    if rng.random() < 0.05:
        arguments["labels"] = odd.pick(rng, [[0.5] * rows, [np.nan] * rows, ["a"] * rows, [0]])
    if rng.random() < 0.3:
        camera = np.eye(2, 3) + rng.normal(0, 1e-3, size=(2, 3))
        if rng.random() < 0.6:
            camera[int(rng.integers(2)), int(rng.integers(3))] = odd.number(rng)
        arguments["camera"] = camera if rng.random() < 0.95 else np.zeros(odd.pick(rng, [(3, 3), (6,), (2, 2)]))
    return arguments


class ArrayStorm:
    """One tracker under odd arguments."""

    def __init__(self, effort: Effort, config: TrackerConfig, size: tuple[int, int] | None) -> None:
        self.effort, self.time, self.failed, self.refused = effort, 0.0, 0, 0
        self.tracker = OnlineTracker.load(config=config, image_size=size)
        self.meter = Meter()
        self.tracker.update(walkers(0), self.time)  # from here on time cannot go back

    def update(self, **arguments: Any) -> Any:
        """The tracks, or None where the arguments are refused, after which the tracker is as it was."""
        before = self.tracker._state
        try:
            tracks = self.meter.time(partial(self.tracker.update, **arguments))
            assert self.meter.times[-1] < MAX_SECONDS, f"one frame took {self.meter.times[-1]:.2f} s"
            for name, values in tracks._asdict().items():
                assert np.isfinite(values).all(), f"expected finite {name}, got {values}"
            assert len(set(tracks.track_id.tolist())) == len(tracks.track_id), "an id twice"
            return tracks
        except (ValueError, TypeError):
            self.refused += 1
            if self.tracker._state is not before:
                self.fail("refused arguments changed the state", arguments)
        except Exception as error:
            self.fail(f"{type(error).__name__}: {error}", arguments)
        return None

    def fail(self, text: str, arguments: dict[str, Any]) -> None:
        """Keep the arguments."""
        self.failed += 1
        self.effort.fail("tracker arrays", f"arguments {arguments}\n{text}")

    def storm(self, rng: odd.Rng, count: int) -> None:
        """So many odd frames."""
        for frame in range(count):
            time = self.time + 1 / 30
            if rng.random() < 0.15:
                jumps = [np.nan, np.inf, -np.inf, self.time, self.time - 1.0, -1e308, self.time + 10.0, self.time + 1e5]
                time = float(odd.pick(rng, [*jumps, self.time + 1e-9]))
            tracks = self.update(time=time, **odd_arrays(rng, frame))
            self.time = time if tracks is not None else self.time

    def recover(self) -> None:
        """After two seconds 60 good frames must give four people the same four ids."""
        seen = []
        for t in range(SETTLING_FRAMES + GOOD_FRAMES):
            self.time += 1 / 30
            tracks = self.update(boxes=walkers(t), time=self.time)
            found = tracks.track_id[tracks.visible & (tracks.state != TrackState.TENTATIVE)] if tracks else []
            seen.append(tuple(sorted(int(i) for i in found)))
        settled = set(seen[SETTLING_FRAMES:])
        if len(settled) != 1 or len(seen[-1]) != 4:
            self.fail(f"expected four stable ids after the storm, got {sorted(settled)}", {})


def through_tracker(effort: Effort, count: int) -> Outcome:
    """Odd arrays, in stretches with good frames after each."""
    began, rng, stretch = time.perf_counter(), np.random.default_rng([effort.seed, 2]), 250
    configs = [TrackerConfig(), dataclasses.replace(TrackerConfig(), exclusive_assignment=False)]
    storms = [ArrayStorm(effort, config, size) for config in configs for size in (None, SIZE)]
    warm, rounds = memory(), max(1, count // (stretch * len(storms)))
    for number in tqdm(range(rounds), desc="arrays of detections", unit=f"x{stretch * len(storms)}"):
        for storm in storms:
            storm.storm(rng, stretch)
            storm.recover()
        warm = memory() if number <= rounds // 4 else warm
    growth, failed = memory() - warm, sum(storm.failed for storm in storms)
    if growth > MAX_GROWTH:
        failed += 1
        effort.fail("tracker memory", f"expected flat memory, got {growth:.1f} MiB more in the last three quarters")
    times = np.concatenate([storm.meter.times for storm in storms]) * 1e3
    facts = f"{sum(storm.refused for storm in storms)} refused; memory {growth:+.1f} MiB; longest {times.max():.0f} ms"
    what = "arrays for the tracker: odd shapes, numbers, times, labels, camera maps"
    return Outcome("tracker", what, len(times), failed, facts, time.perf_counter() - began)


def outcomes(effort: Effort) -> Iterator[Outcome]:
    """Both storms."""
    yield through_pipeline(effort, effort.count(100_000, 5_000))
    yield through_tracker(effort, effort.count(100_000, 5_000))
