"""The finder with a hearing and a tracker that are told what to say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import ArrayLike

from dvae.audiovisual.association import assign_directions
from dvae.audiovisual.scene import Heard, Scene
from dvae.audiovisual.speakers import SpeakerConfig, SpeakerFinder
from dvae.audiovisual.tracker import AudioVisualFrame, Sources
from dvae.signal.audio_file import Audio
from dvae.tracking.tracks import Tracks

HOP = 512  # samples
RATE = 16000


class FakeHearing:
    """Channel 0 holds the azimuth in rad of who speaks, or 9 in silence; two channels for two talkers."""

    num_channels, latency_seconds, robot_speaks = 2, 0.064, False

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._kept, self._index = np.zeros((2, 0), np.float32), 0

    def feed(self, samples: Audio) -> list[Heard]:
        self._kept = np.concatenate([self._kept, samples], axis=1)
        found = []
        while self._kept.shape[1] >= 2 * HOP:  # one hop of latency
            azimuth = self._kept[:, 0].astype(np.float64)
            azimuth = azimuth[azimuth < 9.0]
            speaks = bool(len(azimuth)) and not self.robot_speaks
            weight = np.full(len(azimuth), 0.8 if speaks else 0.0)
            found.append(Heard((self._index + 0.5) * HOP / RATE, azimuth, weight, 0.9 if speaks else 0.0))
            self._kept, self._index = self._kept[:, HOP:], self._index + 1
        return found

    def flush(self) -> list[Heard]:
        found = self.feed(np.full((2, HOP), 9.0, np.float32)) if self._kept.shape[1] >= HOP else []
        self.reset()
        return found


class FakeTracker:
    """Every box is a confirmed track; its x1 is its azimuth in degrees times ten, its id the label. Between images
    people stay."""

    def __init__(self) -> None:
        self.reset()
        self.times: list[tuple[float, bool, int]] = []

    def reset(self) -> None:
        self._boxes, self._ids = np.zeros((0, 4)), np.zeros(0, np.int64)

    def update(
        self, boxes: ArrayLike, time: float, scores: Any = None, labels: Any = None, camera: Any = None,
        heard: Sequence[Heard] = (), looked: bool = True,
    ) -> AudioVisualFrame:  # fmt: skip
        assert not self.times or time > self.times[-1][0]
        self.times.append((time, looked, len(heard)))
        if looked:
            self._boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
            self._ids = np.arange(1, len(self._boxes) + 1) if labels is None else np.asarray(labels, dtype=np.int64)
        ids, n = self._ids, len(self._ids)
        azimuth, variance = np.radians(self._boxes[:, 0] / 10.0), np.full(n, np.radians(2.0) ** 2)
        tracks = Tracks(
            ids, np.ones(n, np.int64), np.ones(n, bool), ids, self._boxes, self._boxes * 0, self._boxes * 0, np.ones(n),
            np.ones(n), np.zeros(n), np.arange(n),
        )  # fmt: skip
        found = [assign_directions(each.azimuth, azimuth, variance + np.radians(5.0) ** 2, 0.2) for each in heard]
        shared = tuple(np.column_stack([*each.responsibilities.T, each.clutter]) for each in found)
        return AudioVisualFrame(time, tracks, Sources(ids, ids, azimuth, variance, ids > 0), tuple(heard), shared)


class Talk(NamedTuple):
    """Somebody speaks: azimuth in degrees, from when to when."""

    degrees: float
    begin: float
    end: float


def sound(seconds: float, *talks: Talk) -> Audio:
    time = np.arange(round(seconds * RATE)) / RATE
    samples = np.full((2, len(time)), 9.0, np.float32)
    for talk in talks:
        now = (time >= talk.begin) & (time < talk.end)
        free = np.where(samples[0, now] == 9.0, 0, 1)
        samples[free, np.flatnonzero(now)] = np.radians(talk.degrees)
    return samples


def boxes(*degrees: float) -> np.ndarray:
    return np.array([[10.0 * each, 0.0, 10.0 * each + 50.0, 100.0] for each in degrees]).reshape(-1, 4)


def finder(**settings: float) -> SpeakerFinder:
    return SpeakerFinder(FakeHearing(), FakeTracker(), SpeakerConfig(**settings))  # type: ignore[arg-type]


def play(
    who: SpeakerFinder, samples: Audio, degrees: Sequence[float], rate: float = 10.0, chunk: int = 512, ids: Any = None
) -> list[Scene]:
    """Both streams by time, video frames of people who stand still."""
    seconds = samples.shape[1] / RATE
    events = [(k / rate, 1, k) for k in range(1, round(seconds * rate) + 1)] if rate else []
    events += [((k + chunk) / RATE, 0, k) for k in range(0, samples.shape[1], chunk)]
    scenes = []
    for time, kind, k in sorted(events):
        if kind:
            scenes += who.see(boxes(*degrees), time, ids)
        else:
            scenes += who.hear(samples[:, k : k + chunk], k / RATE)
    return scenes + who.flush()


def at(scenes: list[Scene], time: float) -> Scene:
    return min(scenes, key=lambda scene: abs(scene.time - time))


def test_the_one_who_speaks_is_said_to_and_her_voice_is_hers() -> None:
    scenes = play(finder(), sound(4.0, Talk(-15, 0.5, 3.0)), [15, -15])
    assert [round(scene.time, 6) for scene in scenes] == pytest.approx(np.arange(1, 41) / 10)
    now = at(scenes, 2.0).speakers
    assert now.track_id.tolist() == [1, 2]
    assert now.speaking.tolist() == [False, True]
    assert now.voice_id.tolist() == [0, 1]
    assert 0.5 < now.since[1] < 1.1
    pair = at(scenes, 2.0).matches
    assert (pair.voice_id.tolist(), pair.track_id.tolist()) == ([1], [2])
    assert pair.confidence[0] > 0.8
    assert not at(scenes, 4.0).speakers.speaking.any()
    assert not at(scenes, 0.4).speakers.speaking.any()
