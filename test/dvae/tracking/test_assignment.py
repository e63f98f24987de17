from __future__ import annotations

import numpy as np
import pytest

from dvae.inference.responsibilities import Assignment
from dvae.tracking.assignment import assign, detectable, match_of
from dvae.tracking.boxes import BoxEstimate
from dvae.tracking.config import TrackerConfig
from dvae.tracking.frame import Frame, choose_detections
from dvae.tracking.life import newborns
from dvae.tracking.population import Population

BOXES = np.array([[0.0, 0.0, 40.0, 100.0], [300.0, 0.0, 340.0, 100.0]])


def two(**facts: object) -> tuple[Frame, Population]:
    """A frame with two people, and the population of both."""
    frame = choose_detections(BOXES, None, None, (0.0, 1.0), TrackerConfig(), None)
    people = newborns(frame, np.arange(2), 1, TrackerConfig())
    return frame, people._replace(**{name: np.array(value) for name, value in facts.items()})


def test_a_track_is_detected_as_often_as_its_confidence_and_scores_say() -> None:
    _, people = two(confidence=[0.8, 0.4], score=[0.5, 0.9])
    np.testing.assert_allclose(detectable(people, TrackerConfig(detection_probability=0.6)), [0.6 * 0.4, 0.6 * 0.36])
    _, doubtful = two(confidence=[0.001, 1.0], score=[0.5, 1.7])  # kept from 0, scores from above 1
    np.testing.assert_allclose(detectable(doubtful, TrackerConfig(detection_probability=0.6)), [0.6 * 0.0075, 0.6])


@pytest.mark.parametrize("fact", ["confidence", "score"])
@pytest.mark.parametrize("alone", [True, False])
def test_of_two_tracks_in_one_place_the_surer_gets_the_detection(fact: str, alone: bool) -> None:
    frame, people = two(**{fact: [0.9, 0.3]})
    frame = frame._replace(**{name: getattr(frame, name)[:1] for name in frame._fields[:5]})
    predicted = BoxEstimate(BOXES[[0, 0]], np.full((2, 4), 4.0))
    found = assign(frame, predicted, people, TrackerConfig(exclusive_assignment=alone)).responsibilities[0]
    # the likelihoods are equal: what is left are the odds of a detection, and of none for the other if it has but one
    chance = detectable(people, TrackerConfig())
    odds = chance / (1 - chance) if alone else chance
    assert found[0] / found[1] == pytest.approx(odds[0] / odds[1], rel=1e-3)


@pytest.mark.parametrize(
    ("direction", "deviation"),
    [
        ([1, 0, 1, 0], 0.08 * 40 / np.sqrt(2)),  # of the centre
        ([0, 1, 0, 1], 0.08 * 100 / np.sqrt(2)),
        ([-0.5, 0, 0.5, 0], 0.08 * 40 * np.sqrt(2)),  # of the width
        ([0, -0.5, 0, 0.5], 0.08 * 100 * np.sqrt(2) * 0.9),  # of the height, with its spread
    ],
)
def test_clutter_explains_what_fits_worse_than_its_nats(direction: list[float], deviation: float) -> None:
    frame, people = two(confidence=[1.0, 1.0], score=[1.0, 1.0])
    config = TrackerConfig(exclusive_assignment=False, detection_probability=0.5, height_spread=0.9)
    for deviations in (2.0, 5.7, 7.3, 7.4, 9.0):  # at 7.35 it is out of the gate
        moved = BOXES + deviations * deviation * np.array(direction)
        found = assign(frame, BoxEstimate(moved, np.zeros((2, 4))), people, config)
        log_odds = config.clutter_nats - 0.5 * deviations**2 + np.log(0.5)
        inside = 0.5 * deviations**2 < config.clutter_nats + 10.0
        expected = 1 / (1 + np.exp(-log_odds)) if inside else 0.0
        np.testing.assert_allclose(found.responsibilities.diagonal(), expected, rtol=1e-6)
        np.testing.assert_allclose(found.clutter, 1.0 - expected, rtol=1e-6)


def test_a_track_is_detected_where_detections_more_probably_than_not_show_it() -> None:
    eta = np.array([[0.3, 0.1, 0.0], [0.3, 0.5, 0.2], [0.1, 0.0, 0.7]])
    match = match_of(Assignment(eta, 1.0 - eta.sum(1)))
    np.testing.assert_allclose(match.support, [0.7, 0.6, 0.9])
    assert match.detected.tolist() == [True, True, True]
    assert match.detection.tolist() == [0, 1, 2]
    half = match_of(Assignment(eta[:2, :2] * [[1, 0], [1, 1]], np.zeros(2)))
    assert half.detected.tolist() == [True, False]  # 0.5 is not more
    assert half.detection.tolist() == [0]
    frame = Frame.empty()._replace(given_index=np.array([4, 6]))
    assert half.given_index(frame).tolist() == [4, -1]


def test_nothing_is_detected_in_an_empty_frame() -> None:
    match = match_of(Assignment(np.zeros((0, 2)), np.zeros(0)))
    assert match.detected.tolist() == [False, False]
    assert len(match.detection) == 0
