"""People who are seen and heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from bearings import LinearMap, heard
from people import SIZE, run, still_model, walkers

from dvae.audiovisual.config import OF_TRACKS, AudioVisualConfig
from dvae.audiovisual.scene import Heard
from dvae.audiovisual.tracker import AudioVisualFrame, AudioVisualTracker
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker
from dvae.tracking.tracks import TrackState

NO_BOXES = np.zeros((0, 4))
Voices = Callable[[int], Sequence[float]]


def listen(
    tracker: AudioVisualTracker, frames: Sequence[np.ndarray], voices: Voices, first: int = 0, **facts: Any
) -> list[AudioVisualFrame]:
    """30 images a second, and voices(frame) in degrees, heard once an image."""
    return [
        tracker.update(boxes, t / 30, heard=[heard(t / 30, *voices(t), speech=float(len(voices(t)) > 0))], **facts)
        for t, boxes in enumerate(frames, start=first)
    ]


def still_tracker(**settings: Any) -> OnlineTracker:
    """People who stay where they are, more or less."""
    return OnlineTracker(still_model("relative", np.log(0.1)), TrackerConfig(camera_motion=False, **settings), SIZE)


def same(one: Any, other: Any) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def scene(rng: np.random.Generator) -> list[np.ndarray]:
    """Three people, one hidden for a while, one who comes later."""
    truth = walkers(50, [[100, 300], [400, 320], [700, 300]], [[3, 0], [0, 0], [-2, 1]])
    seen = np.ones((50, 3), dtype=bool)
    seen[20:35, 0] = seen[:10, 2] = False
    return [boxes[s] + rng.normal(0, 2, boxes[s].shape) for boxes, s in zip(truth, seen, strict=True)]


@pytest.mark.parametrize("what", ["no map", "nothing", "no directions", "no weight", "no speech"])
def test_without_sound_it_is_the_visual_tracker_to_the_last_bit(
    shipped: TrajectorySRNN, rng: np.random.Generator, what: str
) -> None:
    frames = scene(rng)
    plain = run(OnlineTracker(shipped, image_size=SIZE), frames)
    tracker = AudioVisualTracker(OnlineTracker(shipped, image_size=SIZE), None if what == "no map" else LinearMap())
    for t, (boxes, expected) in enumerate(zip(frames, plain, strict=True)):
        degrees = [] if what == "no directions" else [18.0, 5.0]
        sound = heard(t / 30, *degrees, weight=float(what != "no weight"), speech=float(what != "no speech"))
        found = tracker.update(boxes, t / 30, heard=[] if what == "nothing" else [sound])
        assert same(found.tracks, expected)
        if what == "no map":
            assert (found.responsibilities[0] == [0.0] * len(found.sources.source_id) + [1.0]).all()
            assert np.isnan(found.sources.azimuth).all()


def test_one_person_and_one_direction_is_a_kalman_update_of_the_centre() -> None:
    line, config = LinearMap(), AudioVisualConfig(directions_per_second=1e6)
    tracker = AudioVisualTracker(still_tracker(confirm_hits=1), line, config)
    box = np.array([[400.0, 100.0, 480.0, 300.0]])
    tracker.update(box, 0.0)
    tracker.update(box, 0.1)
    plain = still_tracker(confirm_hits=1)
    plain.update(box, 0.0)
    plain.update(box, 0.1)
    for time, boxes in ((0.2, box + 10.0), (0.3, NO_BOXES)):
        prior = plain.associate(boxes, time).given_boxes()
        found = tracker.update(boxes, time, heard=[heard(time, 2.0)])
        beta = found.responsibilities[0][0, 0]
        noise = (np.radians(5.0) ** 2 + line.variance) / line.slope**2 / beta
        spread, centre = prior.variance[0, ::2].sum() / 4.0, prior.mean[0, ::2].mean()
        gain = spread / (spread + noise)
        expected = centre + gain * (500.0 - 2.0 / 60.0 * 1000.0 - centre)
        after = tracker._tracker._state.motion
        assert after.source[0, ::2].mean() == pytest.approx(expected, rel=1e-9)
        assert after.variance[0, ::2].sum() / 4.0 == pytest.approx((1 - gain) * spread, rel=1e-9)
        assert gain > (1e-4 if len(boxes) else 1e-3)
        plain = tracker._tracker


def test_a_person_at_half_a_turn_is_pulled_the_short_way() -> None:
    still = OnlineTracker(still_model("relative", np.log(4.0)), TrackerConfig(confirm_hits=1), SIZE)
    tracker = AudioVisualTracker(still, LinearMap(middle=180.0))
    box = np.array([[470.0, 100.0, 510.0, 300.0]])  # at -179.4 degrees
    listen(tracker, [box] * 5, lambda t: [])
    missing = [NO_BOXES] * 30
    for towards, moves in ((177.0, 1.0), (-176.0, -1.0)):
        tracker.reset()
        listen(tracker, [box] * 5, lambda t: [], first=0)
        found = listen(tracker, missing, lambda t, towards=towards: [towards], first=5)  # type: ignore[misc]
        columns = [frame.tracks.boxes[0, ::2].mean() for frame in found]
        assert moves * (columns[-1] - 490.0) > 20.0
        assert np.abs(np.array(columns) - 490.0).max() < 80.0
    assert (np.abs([frame.sources.azimuth[0] for frame in found]) <= np.pi).all()


def test_a_gap_of_boxes_keeps_the_id_and_follows_the_voice(shipped: TrajectorySRNN) -> None:
    truth = walkers(200, [[300, 300], [700, 300]], [[2, 0], [0, 0]])
    truth[60:, 0, ::2] -= 4.0 * np.arange(140)[:, None]  # turns where nobody sees it
    frames = [boxes if not 60 <= t < 150 else boxes[1:] for t, boxes in enumerate(truth)]
    line = LinearMap()
    voice = np.degrees(line.at(truth[:, 0, ::2].mean(axis=1)))
    found = listen(AudioVisualTracker(OnlineTracker(shipped, image_size=SIZE), line), frames, lambda t: [voice[t]])
    for t, frame in enumerate(found[3:], start=3):
        assert frame.tracks.track_id.tolist() == [1, 2]
        hidden = 60 <= t < 150
        assert frame.tracks.state.tolist() == [TrackState.OCCLUDED if hidden else TrackState.CONFIRMED, 1]
        assert frame.tracks.time_since_detection[0] == pytest.approx((t - 59) / 30 if hidden else 0.0)
        if t > 100:
            assert abs(frame.tracks.boxes[0, ::2].mean() - truth[t, 0, ::2].mean()) < 40.0
        assert frame.responsibilities[0][0, 0] > 0.7
    alone = run(OnlineTracker(shipped, image_size=SIZE), frames)  # by the eyes alone it is another person
    assert 1 not in alone[-1].track_id


@pytest.mark.parametrize("limit", [0.5, 1.5])
def test_who_falls_silent_out_of_sight_is_given_up(shipped: TrajectorySRNN, limit: float) -> None:
    truth = walkers(40, [[300, 300]], [[0, 0]])
    tracker = AudioVisualTracker(
        OnlineTracker(shipped, TrackerConfig(max_missed_seconds=1.0), SIZE), LinearMap(),
        AudioVisualConfig(max_silent_seconds=limit),
    )  # fmt: skip
    listen(tracker, list(truth), lambda t: [])
    found = listen(tracker, [NO_BOXES] * 180, lambda t: [10.2] if t < 100 else [], first=40)
    lives = [len(frame.tracks.track_id) for frame in found]
    last = 40 + lives.index(0) - 1
    assert all(lives[: lives.index(0)])
    assert last / 30 == pytest.approx(99 / 30 + limit, abs=0.3)  # the level takes time to fall


def test_whose_voice_it_is_of_ten_people_and_three_voices(shipped: TrajectorySRNN, rng: np.random.Generator) -> None:
    truth = walkers(60, [[90.0 * n, 300] for n in range(10)], [[0, 0]] * 10)
    line, voices = LinearMap(), [1, 5, 9]
    tracker = AudioVisualTracker(
        OnlineTracker(shipped, image_size=SIZE), line, AudioVisualConfig(direction_deviation=2.0)
    )
    mass = np.zeros(10)
    for t, boxes in enumerate(truth):
        degrees = np.degrees(line.at(boxes[voices, ::2].mean(axis=1))) + rng.normal(0, 1.0, 3)
        found = tracker.update(boxes, t / 30, heard=[heard(t / 30, *degrees, rng.uniform(60, 300))])
        if t >= 5:
            assert found.sources.track_id[:10].tolist() == list(range(1, 11))
            np.testing.assert_allclose(found.responsibilities[0].sum(axis=1), 1.0)
            mass += found.responsibilities[0][:, :10].sum(axis=0)
    assert set(np.argsort(mass)[-3:]) == set(voices)


def test_who_is_heard_and_not_seen_is_a_source_until_silence() -> None:
    line, config = LinearMap(), AudioVisualConfig(unseen_silent_seconds=1.0)
    tracker = AudioVisualTracker(still_tracker(), line, config)
    found = listen(tracker, [NO_BOXES] * 120, lambda t: [100.0, 20.0] if t < 60 else [])
    born = [frame.sources.source_id.tolist() for frame in found]
    assert born[8] == []  # 0.3 s
    assert born[40] == [-1, -2]
    sources = found[59].sources
    np.testing.assert_allclose(np.degrees(sources.azimuth), [100.0, 20.0], atol=0.5)
    assert sources.in_view.tolist() == [False, True]
    assert sources.track_id.tolist() == [0, 0]
    np.testing.assert_allclose(found[59].responsibilities[0].argmax(axis=1), [0, 1])
    spread = [frame.sources.azimuth_variance[0] for frame in found[62:85]]
    assert (np.diff(spread) > 0.0).all()
    assert spread[-1] - spread[0] == pytest.approx(np.radians(10.0) ** 2 * 22 / 30)
    assert [-1, -2] in born[60:85]
    assert born[-1] == []
    again = listen(tracker, [NO_BOXES] * 40, lambda t: [100.0], first=120)
    assert again[-1].sources.source_id.tolist() == [-3]  # never used again
    tracker.reset()
    anew = listen(tracker, [NO_BOXES] * 40, lambda t: [100.0])
    assert anew[-1].sources.source_id.tolist() == [-4]


def test_directions_at_random_are_nobody(rng: np.random.Generator) -> None:
    tracker = AudioVisualTracker(still_tracker(), LinearMap())
    found = listen(tracker, [NO_BOXES] * 600, lambda t: rng.uniform(-180, 180, rng.integers(0, 3)).tolist())
    assert np.mean([len(frame.sources.source_id) > 0 for frame in found]) < 0.1


def test_who_was_heard_only_becomes_the_person_who_is_seen_there() -> None:
    line = LinearMap()
    tracker = AudioVisualTracker(still_tracker(), line)
    box = np.array([[670.0, 300.0, 730.0, 460.0]])
    voice = float(np.degrees(line.at(np.array(700.0))))
    before = listen(tracker, [NO_BOXES] * 40, lambda t: [voice])
    assert before[-1].sources.source_id.tolist() == [-1]
    after = listen(tracker, [box] * 20, lambda t: [voice], first=40)
    assert after[0].sources.source_id.tolist() == [-1]  # not yet a track
    assert after[2].sources.source_id.tolist() == [1]
    assert after[2].responsibilities[0][0, 0] > 0.9  # and has what was heard
    assert all(frame.sources.source_id.tolist() == [1] for frame in after[2:])
    held = listen(tracker, [NO_BOXES] * 10, lambda t: [voice], first=60)
    assert held[-1].sources.source_id.tolist() == [1]


def test_who_leaves_the_image_while_speaking_is_heard_only() -> None:
    line = LinearMap()
    truth = walkers(120, [[600, 300]], [[4, 0]])
    model = OnlineTracker.load("motion_srnn", image_size=SIZE)
    voice = np.degrees(line.at(truth[:, 0, ::2].mean(axis=1)))
    frames = [boxes if boxes[0, 2] < 1000 else NO_BOXES for boxes in truth]
    found = listen(AudioVisualTracker(model, line), frames, lambda t: [voice[t]])
    ids = [frame.sources.source_id.tolist() for frame in found[3:]]
    gone = ids.index([-1])
    assert all(each == [1] for each in ids[:gone])
    assert all(each == [-1] for each in ids[gone:])  # at once, and the same until the end
    assert not found[-1].sources.in_view[0]
    assert abs(np.degrees(found[-1].sources.azimuth[0]) - voice[-1]) < 8.0


def test_a_person_held_by_the_voice_hands_over_to_one_who_is_found_there(shipped: TrajectorySRNN) -> None:
    line, box = LinearMap(), np.array([[270.0, 300.0, 330.0, 460.0]])
    voice = float(np.degrees(line.at(np.array(300.0))))
    tracker = AudioVisualTracker(OnlineTracker(shipped, OF_TRACKS, SIZE), line)
    listen(tracker, [box] * 30, lambda t: [voice], labels=[7])
    held = listen(tracker, [NO_BOXES] * 90, lambda t: [voice], first=30)
    assert held[-1].tracks.label.tolist() == [7]
    found = listen(tracker, [box] * 20, lambda t: [voice], first=120, labels=[9])
    assert [frame.tracks.label.tolist() for frame in found[:3]] == [[7, 9], [9], [9]]
    assert found[1].responsibilities[0][0, 0] > 0.9
    assert found[-1].sources.source_id.tolist() == [2]


def test_boxes_that_are_tracked_already_keep_their_tracks(shipped: TrajectorySRNN, rng: np.random.Generator) -> None:
    truth = walkers(60, [[200, 300], [260, 300], [600, 300], [640, 310]], [[4, 0], [0, 0], [0, 0], [-1, 0]])
    truth[40:, 3, ::2] -= 300.0  # found again elsewhere
    tracker = AudioVisualTracker(OnlineTracker(shipped, OF_TRACKS, SIZE), LinearMap())
    labels = np.array([12, 40, 7, 3])
    for t, boxes in enumerate(truth):
        order = rng.permutation(4)[: 4 if t % 7 else 2]
        found = tracker.update(boxes[order], t / 30, labels=labels[order], heard=[heard(t / 30, 5.0)])
        tracks = found.tracks
        assert len(set(tracks.label.tolist())) == len(tracks.label) <= 4
        for box, label in zip(boxes[order], labels[order], strict=True):
            (n,) = np.flatnonzero(tracks.label == label)
            assert np.abs(tracks.boxes[n] - box).max() < 30.0 or t in (40, 41)
            assert tracks.state[n] == TrackState.CONFIRMED
    assert sorted(tracks.track_id) == [1, 2, 3, 4]


@pytest.mark.parametrize("wrong", [heard(1.0, np.nan), heard(1.0, 5.0, weight=-1.0), heard(0.2, 5.0), heard(np.inf)])
def test_after_an_error_the_tracker_is_as_it_was(shipped: TrajectorySRNN, wrong: Heard) -> None:
    truth = walkers(60, [[300, 300], [700, 300]], [[2, 0], [0, 0]])
    both = [AudioVisualTracker(OnlineTracker(shipped, image_size=SIZE), LinearMap()) for _ in range(2)]
    for tracker in both:
        listen(tracker, list(truth[:30]), lambda t: [10.0, 100.0])
    with pytest.raises(ValueError, match="expected"):
        both[0].update(truth[30], 1.0, heard=[heard(0.99, 4.0), wrong])
    with pytest.raises(ValueError, match="expected a time after"):
        both[0].update(truth[30], 0.5, heard=[heard(0.99, 4.0)])
    one, other = (listen(tracker, list(truth[30:]), lambda t: [10.0, 100.0], first=30) for tracker in both)
    for a, b in zip(one, other, strict=True):
        assert same(a.tracks, b.tracks)
        assert same(a.sources, b.sources)
        assert same(a.responsibilities, b.responsibilities)


def test_sound_alone_goes_on_between_images(shipped: TrajectorySRNN) -> None:
    truth = walkers(40, [[300, 300]], [[0, 0]])
    line = LinearMap()
    tracker = AudioVisualTracker(OnlineTracker(shipped, image_size=SIZE), line)
    listen(tracker, list(truth), lambda t: [10.2])
    found = [
        tracker.update([], 40 / 30 + 0.1 * t, heard=[heard(40 / 30 + 0.1 * t, 0.0)], looked=False) for t in range(40)
    ]
    assert all(frame.tracks.track_id.tolist() == [1] for frame in found)
    assert found[-1].tracks.boxes[0, ::2].mean() == pytest.approx(500.0, abs=15.0)
    with pytest.raises(ValueError, match="expected no boxes where there is no image"):
        tracker.update(truth[0], 10.0, looked=False)


def test_a_map_may_come_and_change_while_it_runs(shipped: TrajectorySRNN) -> None:
    truth = walkers(60, [[300, 300]], [[0, 0]])
    tracker = AudioVisualTracker(OnlineTracker(shipped, image_size=SIZE), None)
    voice = 12.0 - 0.2  # where the middle of the box is
    found = listen(tracker, list(truth[:20]), lambda t: [voice])
    assert found[-1].responsibilities[0].tolist() == [[0.0, 1.0]]
    tracker.bearings = LinearMap()
    found = listen(tracker, list(truth[20:40]), lambda t: [voice], first=20)
    assert found[0].responsibilities[0][0, 0] > 0.9
    tracker.bearings = LinearMap(middle=90.0)
    found = listen(tracker, list(truth[40:]), lambda t: [voice], first=40)
    assert found[0].responsibilities[0][0, 0] < 0.01
    assert np.degrees(found[0].sources.azimuth[0]) == pytest.approx(100.2, abs=1.0)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_comes_responsibilities_sum_to_one_and_ids_are_unique(shipped: TrajectorySRNN, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = walkers(300, [[100, 300], [400, 320], [900, 300]], [[3, 0], [0, 0], [-3, 1]])
    line = LinearMap(middle=170.0)
    tracker = AudioVisualTracker(OnlineTracker(shipped, image_size=SIZE), line)
    presence = np.repeat(rng.random((10, 3)) < 0.4, 30, axis=0)
    dead: set[int] = set()
    before: set[int] = set()
    for t, boxes in enumerate(truth):
        voices = np.degrees(line.at(boxes[:, ::2].mean(axis=1)))[rng.random(3) < 0.5]
        frames = [
            heard((t - 1 + part) / 30, *voices, *rng.uniform(-180, 180, rng.integers(0, 3)), weight=rng.random())
            for part in (0.3, 0.6, 1.0)[: rng.integers(0, 4)]
        ]
        found = tracker.update(boxes[presence[t]], t / 30, heard=frames)
        assert len(found.responsibilities) == len(found.heard) == len(frames)
        for each, beta in zip(frames, found.responsibilities, strict=True):
            assert beta.shape == (len(each.azimuth), len(found.sources.source_id) + 1)
            np.testing.assert_allclose(beta.sum(axis=1), 1.0)
            assert (beta >= 0.0).all()
        ids = found.sources.source_id.tolist()
        confirmed = found.tracks.track_id[found.tracks.state != TrackState.TENTATIVE]
        assert found.sources.track_id[found.sources.source_id > 0].tolist() == confirmed.tolist()
        assert len(set(ids)) == len(ids)
        assert not dead & set(ids)
        dead |= before - set(ids)
        before = set(ids)
        assert np.isfinite(found.sources.azimuth).all()
        assert (found.sources.azimuth_variance > 0.0).all()
    assert dead
