from __future__ import annotations

import numpy as np
import pytest

from dvae.inference.responsibilities import Assignment
from dvae.tracking.assignment import Match
from dvae.tracking.boxes import BoxEstimate
from dvae.tracking.config import TrackerConfig
from dvae.tracking.detector_noise import DetectorNoise
from dvae.tracking.frame import Frame, choose_detections
from dvae.tracking.life import alive, improved, newborns, published, remember, unexplained
from dvae.tracking.population import Population, join, select
from dvae.tracking.tracks import TrackState

BOXES = np.array([[0.0, 0.0, 40.0, 100.0], [300.0, 0.0, 340.0, 100.0], [600.0, 0.0, 640.0, 100.0]])
CONFIG = TrackerConfig()


def frame_at(time: float, boxes: np.ndarray, scores: object = None, labels: object = None) -> Frame:
    return choose_detections(boxes, scores, labels, (time, 1.0), TrackerConfig(min_score=0.0, duplicate_iou=1.0), None)


def three(config: TrackerConfig = CONFIG) -> Population:
    return newborns(frame_at(1.0, BOXES, [0.7, 0.8, 0.9], [5, 6, 7]), np.arange(3), 11, config)


def test_newborns_are_their_detections() -> None:
    people = newborns(frame_at(1.0, BOXES, [0.7, 0.8, 0.9], [5, 6, 7]), np.array([0, 2]), 11, CONFIG)
    assert people.track_id.tolist() == [11, 12]
    assert people.label.tolist() == [5, 7]
    assert people.score.tolist() == [0.7, 0.9]
    assert people.birth_time.tolist() == people.seen_time.tolist() == [1.0, 1.0]
    assert people.hits.tolist() == people.in_a_row.tolist() == people.agility.tolist() == [1, 1]
    assert people.missed.tolist() == [0, 0]
    assert not people.confirmed.any()
    assert three(TrackerConfig(confirm_hits=1)).confirmed.all()
    assert np.array_equal(people.recent, BOXES[[0, 2], None].repeat(4, axis=1))


def test_what_a_frame_adds_to_memory() -> None:
    people = three()._replace(
        confidence=np.array([0.4, 0.6, 0.8]), hits=np.array([2, 5, 2]), agility=np.array([2.0, 2.0, 2.0])
    )
    before = [part.copy() for part in people]
    frame = frame_at(1.5, BOXES[[2, 0]] + 3.0, [0.5, 0.4])
    match = Match(np.array([1.2, 0.2, 0.9]), np.array([True, False, True]), np.array([1, 0]))
    predicted, posterior = BoxEstimate(BOXES, np.full((3, 4), 8.0)), BOXES + 1.0
    config = TrackerConfig(confirm_hits=3, confidence_rate=0.25, agility_rate=0.5)
    after = remember(people, frame, match, predicted, posterior, config)
    assert after.seen_time.tolist() == [1.5, 1.0, 1.5]
    assert after.hits.tolist() == [3, 5, 3]
    assert after.in_a_row.tolist() == [2, 0, 2]
    assert after.missed.tolist() == [0, 1, 0]
    assert after.confirmed.tolist() == [True, True, True]
    np.testing.assert_allclose(after.confidence, [0.4 + 0.25 * 0.6, 0.6 - 0.25 * 0.4, 0.8 + 0.25 * 0.1])
    np.testing.assert_allclose(after.score, [0.9 * 0.7 + 0.1 * 0.4, 0.8, 0.9 * 0.9 + 0.1 * 0.5])
    np.testing.assert_array_equal(after.recent[:, -1], [BOXES[0] + 3.0, BOXES[1] + 1.0, BOXES[2] + 3.0])
    np.testing.assert_array_equal(after.recent[:, :-1], people.recent[:, 1:])
    # the variance without agility is 8 / 2; Phi is (0.08 w)^2, (0.08 h)^2
    surprise = np.mean([9.0 / (4.0 + 3.2**2), 9.0 / (4.0 + 8.0**2)])
    agility = 2.0 * np.exp(0.5 * (surprise - 1.0))
    np.testing.assert_allclose(after.agility, [max(agility, 1.0), 2.0, max(agility, 1.0)])
    assert all(np.array_equal(old, now) for old, now in zip(before, people, strict=True))  # nothing in place


@pytest.mark.parametrize(("offset", "expected"), [(0.0, 1.0), (1e3, 1.5 * np.exp(0.1 * 9.0)), (6.0, None)])
def test_agility_follows_surprise_within_limits(offset: float, expected: float | None) -> None:
    people = three()._replace(agility=np.full(3, 1.5))
    frame = frame_at(1.5, BOXES + offset)
    match, predicted = Match(np.ones(3), np.ones(3, dtype=bool), np.arange(3)), BoxEstimate(BOXES, np.full((3, 4), 3.0))
    config = TrackerConfig(agility_rate=0.1)
    after = remember(people, frame, match, predicted, BOXES, config).agility
    if expected is None:
        surprise = np.mean([36.0 / (2.0 + 3.2**2), 36.0 / (2.0 + 8.0**2)])
        expected = 1.5 * np.exp(0.1 * (surprise - 1.0))
    if offset == 0.0:
        expected = 1.5 * np.exp(-0.1)
    np.testing.assert_allclose(after, expected)
    for _ in range(40):
        people = remember(people, frame, match, predicted, BOXES, config)
    assert offset == 6.0 or people.agility.tolist() == [10.0 if offset else 1.0] * 3


def test_detections_that_nobody_explains_are_born() -> None:
    over = BOXES[:1] + [0, 0, 0, -60]  # 0.4 of the track
    boxes = np.concatenate([over, over, BOXES[1:2] + 150.0, BOXES[1:2] + 151.0, BOXES[1:2] + 700.0])
    frame = frame_at(1.5, boxes, [0.9, 0.9, 0.59, 0.6, 0.9], [5, 6, 5, 5, 5])
    clutter = np.array([1.0, 1.0, 1.0, 0.51, 0.5])
    assignment = Assignment(np.zeros((5, 1)), clutter)
    born = unexplained(frame, assignment, np.array([5]), BOXES[:1], TrackerConfig(birth_iou=0.39, birth_score=0.6))
    assert born.tolist() == [1, 3]  # another label; well scored; not over a track of its label, not half explained
    born = unexplained(frame, assignment, np.array([5]), BOXES[:1], TrackerConfig(birth_iou=0.41, birth_score=0.6))
    assert born.tolist() == [0, 1, 3]


def test_boxes_are_improved_by_bayes_rule_where_there_is_a_detection() -> None:
    predicted = BoxEstimate(BOXES[:2], np.full((2, 4), 9.0))
    frame = frame_at(1.0, BOXES[1:2] + 6.0)
    noise = DetectorNoise(np.full(4, 0.05**2))
    found = improved(frame, Match(np.zeros(2), np.array([False, True]), np.array([0])), predicted, noise, CONFIG)
    phi = 2.0 * np.square([0.05 * 40, 0.05 * 100] * 2)
    np.testing.assert_allclose(found.mean, [BOXES[0], BOXES[1] + 6.0 * 9.0 / (9.0 + phi)])
    np.testing.assert_allclose(found.variance, [np.full(4, 9.0), 9.0 * phi / (9.0 + phi)])


def test_what_is_published() -> None:
    people = three()._replace(
        confirmed=np.array([True, True, False]), seen_time=np.array([2.0, 1.9, 2.0]), missed=np.array([0, 2, 0]),
        confidence=np.array([0.2, 0.7, 0.9]), score=np.array([0.55, 0.6, 0.9]),
    )  # fmt: skip
    boxes = BoxEstimate(BOXES, np.ones((3, 4)))

    def show(**facts: object) -> object:
        changed = people._replace(**{name: np.array(value) for name, value in facts.items()})
        return published(changed, boxes, BOXES * 0, np.array([3, -1, 4]), 2.0, CONFIG)

    tracks = show()
    assert tracks.state.tolist() == [TrackState.CONFIRMED, TrackState.OCCLUDED, TrackState.TENTATIVE]
    assert tracks.visible.tolist() == [True, True, False]
    assert tracks.age.tolist() == [1.0] * 3
    np.testing.assert_allclose(tracks.time_since_detection, [0.0, 0.1, 0.0])
    assert show(score=[0.54, 0.6, 0.9]).visible.tolist() == [False, True, False]
    assert show(missed=[0, 3, 0]).visible.tolist() == [True, False, False]
    assert show(confidence=[0.2, 0.69, 0.9]).visible.tolist() == [True, False, False]
    assert tracks.track_id is not people.track_id  # the user's to change


def test_who_goes_on_living() -> None:
    people = three()._replace(seen_time=np.array([1.0, 2.0, 1.0]))
    boxes = BoxEstimate(BOXES, np.ones((3, 4)))

    def living(now: float, confirmed: list[bool], size: tuple[int, int] | None = None) -> list[bool]:
        tracks = published(people, boxes, BOXES * 0, np.zeros(3, dtype=np.int64), now, CONFIG)
        return alive(tracks, np.array(confirmed), TrackerConfig(max_missed_seconds=1.0), size).tolist()

    assert living(2.0, [True, False, False]) == [True, True, False]  # a tracklet dies at its first miss
    assert living(2.1, [True, True, True]) == [False, True, False]  # and a track after its time
    assert living(2.0, [True, True, True], (500, 500)) == [True, True, False]  # or outside the image
    assert living(2.0, [True, True, True], (200, 500)) == [True, True, False]  # where it is not seen


def test_rows_are_selected_and_joined() -> None:
    people = three()
    few, more = select(people, np.array([True, False, True])), join(people, people)
    assert few.track_id.tolist() == [11, 13]
    assert few.recent.shape == (2, 4, 4)
    assert more.track_id.tolist() == [11, 12, 13] * 2
