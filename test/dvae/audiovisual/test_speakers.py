"""The finder with a hearing and a tracker that are told what to say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import ArrayLike

from dvae.audiovisual.association import assign_directions
from dvae.audiovisual.binding import Bodies
from dvae.audiovisual.scene import Heard, Scene
from dvae.audiovisual.speakers import SpeakerConfig, SpeakerFinder, _observed, _people
from dvae.audiovisual.tracker import AudioVisualFrame, Sources
from dvae.signal.audio_file import Audio
from dvae.tracking.tracks import Tracks, TrackState

HOP = 512  # samples
RATE = 16000


class FakeHearing:
    """Channel 0 holds the azimuth in rad of who speaks, or 9 in silence; two channels for two talkers."""

    num_channels, latency_seconds, robot_speaks = 2, 0.064, False

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._kept, self._index = np.zeros((2, 0), np.float32), 0

    def check(self, samples: Audio) -> None:
        if samples.shape[0] != 2:
            raise ValueError(f"expected 2 channels, got {len(samples)}")

    def feed(self, samples: Audio) -> list[Heard]:
        self._kept = np.concatenate([self._kept, samples], axis=1)
        found = []
        while self._kept.shape[1] >= 2 * HOP:  # one hop of latency
            azimuth = self._kept[:, 0].astype(np.float64)
            speaks = (azimuth < 9.0).any() and not self.robot_speaks
            azimuth = azimuth[azimuth < 9.0] if self.num_channels > 1 else np.zeros(0)
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

    bearings: Any = None

    def __init__(self) -> None:
        self.maps: list[Any] = []  # of the images
        self.reset()

    def reset(self) -> None:
        self.times: list[tuple[float, bool, int]] = []
        self._boxes, self._ids = np.zeros((0, 4)), np.zeros(0, np.int64)

    def update(
        self, boxes: ArrayLike, time: float, scores: Any = None, labels: Any = None, camera: Any = None,
        heard: Sequence[Heard] = (), looked: bool = True,
    ) -> AudioVisualFrame:  # fmt: skip
        assert not self.times or time > self.times[-1][0]
        self.times.append((time, looked, len(heard)))
        self.maps += [self.bearings] if looked else []
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


def test_an_image_keeps_the_map_of_its_time_while_it_waits_for_the_sound() -> None:
    who, tracker = finder(), FakeTracker()
    who._tracker = tracker  # type: ignore[assignment]
    maps = ["before the turn", "after it"]
    for k in range(2):
        who.bearings = maps[k]  # type: ignore[assignment]
        assert not who.see(boxes(0), 0.1 * (k + 1))
    who.hear(sound(1.0), 0.0)
    assert tracker.maps == maps


def test_the_one_who_speaks_is_said_to_and_her_voice_is_hers() -> None:
    scenes = play(finder(), sound(4.0, Talk(-15, 0.5, 3.0)), [15, -15])
    assert [round(scene.time, 6) for scene in scenes] == pytest.approx(np.arange(1, 41) / 10)
    now = at(scenes, 2.0).speakers
    assert now.track_id.tolist() == [1, 2]
    assert now.speaking.tolist() == [False, True]
    assert now.voice_id.tolist() == [0, 1]
    assert 0.3 < now.since[1] < 1.0
    pair = at(scenes, 2.0).matches
    assert (pair.voice_id.tolist(), pair.track_id.tolist()) == ([1], [2])
    assert pair.confidence[0] > 0.8
    assert not at(scenes, 4.0).speakers.speaking.any()
    assert not at(scenes, 0.4).speakers.speaking.any()


def same(first: list[Scene], second: list[Scene]) -> None:
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        assert one.time == other.time
        for part in ("tracks", "speakers", "matches"):
            for a, b in zip(getattr(one, part), getattr(other, part), strict=True):
                np.testing.assert_array_equal(a, b)


def talks(seed: int, *people: Talk) -> Audio:
    """As `sound`, with errors of 4 degrees."""
    samples = sound(max(talk.end for talk in people) + 1.0, *people)
    error = np.random.default_rng(seed).normal(0.0, np.radians(4.0), samples.shape)
    return np.where(samples < 9.0, samples + error, samples).astype(np.float32)


TWO = (Talk(-15, 0.5, 3.0), Talk(15, 2.5, 5.0), Talk(-15, 5.0, 6.0))


@pytest.mark.parametrize("chunk", [160, 1000, 4096])
@pytest.mark.parametrize("rate", [5.0, 30.0])
def test_any_pieces_give_the_same_scenes(chunk: int, rate: float) -> None:
    samples = talks(0, *TWO)
    same(play(finder(), samples, [15, -15], rate), play(finder(), samples, [15, -15], rate, chunk))


def test_any_order_within_the_wait_gives_the_same_scenes() -> None:
    samples, degrees = talks(1, *TWO), [15, -15]
    expected = play(finder(), samples, degrees)
    for delay in (-0.9, 0.9):  # of the sound
        who, scenes = finder(), []
        events = [(k / 10, 1, k) for k in range(1, 71)]
        events += [((k + 512) / RATE + delay, 0, k) for k in range(0, samples.shape[1], 512)]
        for time, kind, k in sorted(events):
            got = who.see(boxes(*degrees), time) if kind else who.hear(samples[:, k : k + 512], k / RATE)
            scenes += got
        same(expected, scenes + who.flush())
    who = finder(max_wait_seconds=1e9)  # as files are read: all of one stream, then all of the other
    scenes = who.hear(samples, 0.0)
    for k in range(1, 71):
        scenes += who.see(boxes(*degrees), k / 10)
    same(expected, scenes + who.flush())


def test_several_speak_at_once_a_swap_is_followed_and_nobody_speaks_in_silence() -> None:
    scenes = play(finder(), talks(2, *TWO), [15, -15])
    assert at(scenes, 2.9).speakers.speaking.tolist() == [True, True]
    assert at(scenes, 4.0).speakers.speaking.tolist() == [True, False]
    assert at(scenes, 5.9).speakers.speaking.tolist() == [False, True]
    assert at(scenes, 3.4).matches.track_id.tolist() == [1, 2]  # within a second of the swap
    assert at(scenes, 3.4).matches.voice_id.tolist() == [2, 1]
    assert at(scenes, 6.0).speakers.voice_id.tolist() == [2, 1]  # a voice for each person, not for each turn
    assert not at(scenes, 7.0).speakers.speaking.any()


def test_the_robot_is_nobody() -> None:
    who = finder()
    samples = talks(3, Talk(-15, 0.5, 4.0))
    scenes = play(who, samples[:, : 2 * RATE], [15, -15])
    assert scenes[-1].speakers.speaking.tolist() == [False, True]
    who.robot_speaks = True
    assert who.robot_speaks
    for k in range(20, 40):
        begin = round(k / 10 * RATE)
        scenes = who.see(boxes(15, -15), (k + 1) / 10) + who.hear(samples[:, begin : begin + RATE // 10], k / 10)
        assert all(not scene.speakers.speaking.any() and scene.speakers.probability.max() < 0.01 for scene in scenes)
    scenes = who.flush()
    assert not scenes[-1].speakers.speaking.any()


@pytest.mark.parametrize("degrees", [0.0, 5.0, 10.0])
def test_of_two_people_ten_degrees_apart_nobody_is_said_to_speak(degrees: float) -> None:
    scenes = play(finder(), talks(4, Talk(degrees, 0.5, 5.0)), [0, 10])
    for scene in scenes:
        assert not len(scene.matches.voice_id)
        assert not scene.speakers.speaking[:2].any()
        assert scene.speakers.probability[:2].max() < 0.6
    now = at(scenes, 4.0).speakers
    assert now.track_id.tolist() == [1, 2, 0]
    assert now.speaking.tolist() == [False, False, True]
    assert np.degrees(now.azimuth[2]) == pytest.approx(degrees, abs=4.0)


@pytest.mark.parametrize(
    ("seen_for", "lost_for", "x", "is_there"),
    [(0.6, 0.7, 120.0, False), (0.6, 0.5, 120.0, True), (0.6, 5.0, 300.0, True), (16.0, 3.0, 120.0, True)],
)
def test_who_was_seen_shorter_than_lost_is_nobody_where_somebody_is_seen(
    seen_for: float, lost_for: float, x: float, is_there: bool
) -> None:
    state, ids = np.array([TrackState.CONFIRMED, TrackState.OCCLUDED], dtype=np.int64), np.array([1, 2])
    places = np.array([[100.0, 0.0, 200.0, 300.0], [x, 50.0, x + 40.0, 150.0]])
    tracks = Tracks(
        ids, state, ids > 0, ids, places, places * 0, places * 0, np.ones(2), np.array([20.0, seen_for + lost_for]),
        np.array([0.0, lost_for]), np.array([0, -1]),
    )  # fmt: skip
    assert _people(tracks).track_id.tolist() == ([1, 2] if is_there else [1])


@pytest.mark.parametrize("degrees", [180.0, -170.0, 60.0])
def test_a_voice_where_nobody_is_belongs_to_nobody(degrees: float) -> None:
    scenes = play(finder(), talks(5, Talk(degrees, 0.5, 4.0)), [0, 20])
    assert not any(len(scene.matches.voice_id) for scene in scenes)
    now = at(scenes, 3.0).speakers
    assert now.track_id.tolist() == [1, 2, 0]
    assert now.speaking.tolist() == [False, False, True]
    away = np.degrees(now.azimuth[2]) - degrees
    assert abs((away + 180) % 360 - 180) < 4.0
    assert at(scenes, 3.5).speakers.voice_id[2] == now.voice_id[2]


def test_a_voice_is_kept_when_its_speaker_walks_into_the_picture_and_out_of_it() -> None:
    who, samples = finder(), talks(6, Talk(40, 0.5, 9.0))
    scenes = []
    for k in range(90):
        begin = round(k / 10 * RATE)
        scenes += who.hear(samples[:, begin : begin + RATE // 10], k / 10)
        people = boxes(0, 40) if 30 <= k < 60 else boxes(0)
        scenes += who.see(people, (k + 1) / 10, [7, 9] if len(people) == 2 else [7])
    scenes += who.flush()
    early, seen, late = (at(scenes, time).speakers for time in (2.5, 5.5, 8.5))
    assert early.track_id.tolist() == late.track_id.tolist() == [7, 0]
    assert seen.track_id.tolist() == [7, 9]
    assert early.voice_id[1] == seen.voice_id[1] == late.voice_id[1] == 1
    said = [pair for scene in scenes for pair in zip(*scene.matches, strict=True)]
    assert {(voice, track) for voice, track, _ in said} == {(1, 9)}
    assert [confidence == 0.0 for _, _, confidence in said] == [False] * (len(said) - 1) + [True]


def test_a_voice_goes_after_ten_seconds_of_silence_and_its_number_is_not_used_again() -> None:
    samples = talks(7, Talk(0, 0.5, 2.0), Talk(0, 9.0, 10.0), Talk(0, 22.0, 24.0))
    scenes = play(finder(), samples, [0])
    assert at(scenes, 9.9).speakers.voice_id.tolist() == [1]
    assert at(scenes, 19.5).matches.voice_id.tolist() == [1]
    ends = [scene for scene in scenes if (scene.matches.confidence == 0.0).any()]
    assert len(ends) == 1
    assert 19.6 < ends[0].time < 20.2
    assert at(scenes, 21.5).speakers.voice_id.tolist() == [0]
    assert at(scenes, 23.5).speakers.voice_id.tolist() == [2]


def test_reset_ends_what_was_said_and_numbers_go_on() -> None:
    who = finder()
    before = play(who, talks(8, Talk(0, 0.5, 3.0)), [0])
    assert at(before, 3.0).matches.voice_id.tolist() == [1]
    who.reset()
    after = play(who, talks(8, Talk(0, 0.5, 3.0)), [0])
    assert [list(part) for part in after[0].matches] == [[1], [1], [0.0]]
    assert at(after, 3.0).speakers.voice_id.tolist() == [2]


def test_sound_alone_gives_scenes_at_a_steady_rate() -> None:
    scenes = play(finder(), talks(9, Talk(30, 0.5, 3.0)), [], rate=0)
    assert np.diff([scene.time for scene in scenes]) == pytest.approx(0.1, abs=1e-9)
    assert 38 <= len(scenes) <= 42
    now = at(scenes, 2.5).speakers
    assert now.track_id.tolist() == [0]
    assert now.speaking.tolist() == [True]


def test_video_alone_gives_a_scene_for_each_image_and_says_so() -> None:
    who = finder()
    scenes = [scene for k in range(20) for scene in who.see(boxes(0, 20), k / 10)]
    assert [scene.time for scene in scenes] == [k / 10 for k in range(6)]  # a second is waited, and what hearing takes
    assert not any(scene.speakers.speaking.any() for scene in scenes)
    assert who.facts.frames_without_sound == 6


def test_sound_that_is_late_is_left_out_and_counted() -> None:
    who, samples = finder(), talks(10, Talk(0, 0.5, 3.0))
    for k in range(30):
        who.see(boxes(0), (k + 1) / 10)
        begin = round((k - 13) / 10 * RATE)  # 1.3 s behind
        if begin >= 0:
            who.hear(samples[:, begin : begin + RATE // 10], (k - 13) / 10)
    assert who.facts.late_heard > 20
    assert who.facts.video_ahead_seconds == pytest.approx(1.3, abs=0.01)


def test_a_known_offset_of_the_clocks_is_taken_out() -> None:
    samples = talks(11, Talk(0, 0.5, 3.0))
    expected = play(finder(), samples, [0])
    who, scenes = finder(audio_offset_seconds=0.75), []
    for k in range(40):
        begin = round(k / 10 * RATE)
        scenes += who.hear(samples[:, begin : begin + RATE // 10], k / 10 - 0.75)
        scenes += who.see(boxes(0), (k + 1) / 10)
    for one, other in zip(expected, scenes + who.flush(), strict=True):
        assert one.time == other.time
        assert one.speakers.probability == pytest.approx(other.speakers.probability, abs=1e-9)


def test_a_gap_in_the_sound_loses_nothing_else() -> None:
    who, samples = finder(), talks(12, Talk(-15, 0.5, 6.0))
    scenes = []
    for k in range(60):
        begin = round(k / 10 * RATE)
        if not 20 <= k < 35:
            scenes += who.hear(samples[:, begin : begin + RATE // 10], k / 10)
        scenes += who.see(boxes(15, -15), (k + 1) / 10)
    scenes += who.flush()
    assert [scene.time for scene in scenes] == [k / 10 for k in range(1, 61)]
    assert who.facts.gaps == 1
    assert at(scenes, 1.9).speakers.speaking.tolist() == [False, True]
    assert at(scenes, 3.1).speakers.speaking.tolist() == [False, False]
    assert at(scenes, 5.9).speakers.speaking.tolist() == [False, True]
    assert at(scenes, 5.9).speakers.voice_id.tolist() == [0, 1]


@pytest.mark.parametrize("stream", ["sound", "video"])
def test_time_that_steps_back_begins_anew(stream: str) -> None:
    who, samples = finder(), talks(13, Talk(0, 0.5, 3.0))
    scenes = play(who, samples, [0])
    first = who.see(boxes(0), 0.1) if stream == "video" else who.hear(samples[:, :1600], 0.0)
    again = first + play(who, samples, [0])
    assert who.facts.resets >= 1
    assert at(scenes, 2.5).speakers.voice_id.tolist() == [1]
    assert at(again, 2.5).speakers.voice_id.tolist() == [2]


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a finite time in s, got nan"):
        finder().hear(np.zeros((2, 512), np.float32), float("nan"))
    with pytest.raises(ValueError, match="expected a finite time in s, got inf"):
        finder().see(boxes(0), float("inf"))


def test_what_is_refused_is_refused_at_once_and_loses_nothing() -> None:
    samples = talks(17, Talk(-15, 0.5, 3.0))
    expected = play(finder(), samples, [15, -15], ids=[3, 4])
    who, scenes = finder(), []
    for k in range(40):
        begin = round(k / 10 * RATE)
        scenes += who.hear(samples[:, begin : begin + RATE // 10], k / 10)
        for wrong_time in (k / 10 + 0.1, 0.05, 100.0):  # the next one, after a step back, after a gap
            with pytest.raises(ValueError, match="expected 2 channels"):
                who.hear(np.zeros((3, 1600), np.float32), wrong_time)
        for wrong in ((np.zeros((2, 3)), [3, 4]), (boxes(15, -15), [3]), (boxes(15), [0.5]), (boxes(15), [3], [1, 2])):
            with pytest.raises(ValueError, match="expected"):
                who.see(wrong[0], (k + 1) / 10, *wrong[1:])  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="expected a finite time"):
            who.see_lips([], [], float("nan"))
        mine = boxes(15, -15)
        scenes += who.see(mine, (k + 1) / 10, [3, 4])
        mine[:] = 0.0  # it waits for the sound: what is done to the array then does not matter
    same(expected, scenes + who.flush())


def test_a_manager_of_persons_with_a_threshold_of_a_half_gets_who_they_are() -> None:
    """As hri_person_manager: edges of at least 0.5 make a person of a voice and a body, 0.0 takes the edge away."""
    edges: dict[tuple[int, int], float] = {}
    persons = {}
    for scene in play(finder(), talks(14, *TWO, Talk(170, 6.5, 8.5)), [15, -15], ids=[31, 32]):
        edges |= {(int(v), int(t)): float(c) for v, t, c in zip(*scene.matches, strict=True)}
        persons[scene.time] = {voice: track for (voice, track), confidence in edges.items() if confidence >= 0.5}
        assert len(set(persons[scene.time].values())) == len(persons[scene.time])
    assert persons[2.0] == {1: 32}
    assert persons[4.0] == {1: 32, 2: 31}
    assert persons[8.5] == {1: 32, 2: 31}


@pytest.mark.parametrize("people", [2, 5])
@pytest.mark.parametrize("microphones", [1, 2])
def test_lips_say_whose_voice_it_is(microphones: int, people: int) -> None:
    """People five degrees apart, and with one microphone without any direction."""
    who, samples = finder(), talks(15, Talk(0, 0.5, 8.0))
    who._sound.hearing.num_channels = microphones
    draw = np.random.default_rng(0)
    level = np.clip(np.convolve(draw.normal(0, 1, 900), np.hanning(12) / 3, "same"), 0, None)  # at 100 Hz
    who._loudness.hear = lambda samples, time: None  # type: ignore[method-assign]
    scenes = []
    for k in range(90):
        begin = round(k / 10 * RATE)
        for j in range(10):
            who._loudness.add(k / 10 + j / 100, float(np.log10(level[10 * k + j] + 0.01)))
        for j in range(3):
            now = [min(10 * k + 3 * j + 5, 899), *((10 * k + 3 * j + 333 + 97 * n) % 900 for n in range(people - 1))]
            mouths = 0.2 * level[now] + draw.normal(0, 0.01, people)
            who.see_lips(np.arange(1, people + 1), mouths, k / 10 + j / 30)
        scenes += who.hear(samples[:, begin : begin + RATE // 10], k / 10)
        scenes += who.see(boxes(*(5.0 * np.arange(people))), (k + 1) / 10)
    said = {int(track) for scene in scenes for track in scene.matches.track_id}
    assert said == {1}
    assert at(scenes, 6.0).speakers.speaking.tolist() == [True] + [False] * (people - 1)
    assert at(scenes, 6.0).speakers.voice_id[0] > 0


def test_one_microphone_without_lips_says_nothing_of_anybody() -> None:
    who = finder()
    who._sound.hearing.num_channels = 1
    for scene in play(who, talks(16, Talk(0, 0.5, 5.0)), [0, 20]):
        assert not scene.speakers.speaking.any()
        assert not len(scene.matches.voice_id)


def test_a_track_that_another_one_continues_is_the_same_person() -> None:
    where = np.array([[0.0, 0.0, 50.0, 100.0], [5.0, 0.0, 55.0, 100.0], [300.0, 0.0, 350.0, 100.0]])
    lost, seen = TrackState.OCCLUDED, TrackState.CONFIRMED
    for other, age, people in ((seen, 1.2, [2, 3]), (seen, 9.0, [1, 2, 3]), (lost, 1.2, [1, 2, 3])):
        tracks = Tracks(
            np.array([1, 2, 3]), np.array([lost, other, lost]), np.ones(3, bool), np.zeros(3, np.int64), where,
            where * 0, where * 0, np.ones(3), np.array([20.0, age, 20.0]), np.array([1.0, 0.0, 1.0]), np.arange(3),
        )  # fmt: skip
        assert _people(tracks).track_id.tolist() == people


def test_what_is_heard_of_others_is_no_bodys() -> None:
    """Of two people and one who is heard only; lips are one more factor of the responsibilities."""
    ids, angles = np.array([1, 2, -1]), np.zeros(3)
    sources = Sources(ids, np.array([1, 2, 0]), angles, angles, ids > 0)
    bodies = Bodies(np.array([2, 1]), angles[:2], angles[:2], np.full(2, np.nan))
    sound = Heard(0.0, np.zeros(2), np.array([0.8, 0.5]), 0.9)
    shares = np.array([[0.6, 0.1, 0.2, 0.1], [0.0, 0.5, 0.0, 0.5]])
    found = _observed(sound, shares, sources, bodies, 0.2)
    np.testing.assert_allclose(found.weight, [0.08 + 0.25, 0.48])
    assert found.others == pytest.approx(0.16 + 0.3 * (0.08 + 0.25))
    assert found.speech == 0.9
    lips = _observed(sound, shares, sources, bodies._replace(nats=np.array([np.nan, np.log(2.0)])), 0.2)
    np.testing.assert_allclose(lips.weight, [0.08 / 1.6 + 0.25, 0.48 * 2.0 / 1.6])
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)  # those given are as they were
