from __future__ import annotations

import numpy as np
import pytest

from dvae.tracking.admission import Rule, judge, possible_map, valid_boxes
from dvae.tracking.boxes import iou
from dvae.tracking.config import TrackerConfig

CONFIG = TrackerConfig()
GOOD = [100.0, 100.0, 160.0, 260.0]


def rule_of(box: list[float], score: float = 0.9, size: tuple[int, int] | None = None) -> Rule:
    return Rule(judge(np.array([box]), np.array([score]), np.zeros(1, dtype=np.int64), CONFIG, size)[0])


def test_valid_boxes_without_image_size() -> None:
    assert valid_boxes(np.array([[5000.0, 0, 5010, 10], [0, 0, 0, 1]]), None).tolist() == [True, False]


@pytest.mark.parametrize("size", [None, (640, 480)])
def test_each_rule_leaves_out_what_it_names(size: tuple[int, int] | None) -> None:
    assert rule_of(GOOD, size=size) == Rule.USED
    assert rule_of([np.nan, 0, 10, 20], size=size) == rule_of([0, 0, 10, np.inf], size=size) == Rule.NOT_FINITE
    assert rule_of([5, 5, 5, 9], size=size) == rule_of([9, 5, 5, 9], size=size) == Rule.NO_SIZE
    for side in (1e-5, 1e-155, 1e-163, 5e-324):
        assert rule_of([0, 0, side, 100], size=size) == rule_of([0, 0, 100, side], size=size) == Rule.TOO_SMALL
    for side in (1e6, 1e154, 1e155, 1e200, 1e308):
        assert rule_of([0, 0, side, 100], size=size) == rule_of([-side, 0, 50, 100], size=size) == Rule.TOO_LARGE
        assert rule_of([0, 0, 100, side], size=size) == rule_of([0, -side, 100, 50], size=size) == Rule.TOO_LARGE
    for score in (np.nan, np.inf, 1e300, -1e300):
        assert rule_of(GOOD, score, size) == Rule.NO_SCORE
    assert rule_of(GOOD, 0.29, size) == rule_of(GOOD, -1.0, size) == Rule.LOW_SCORE
    assert rule_of(GOOD, 0.3, size) == Rule.USED
    assert rule_of([np.nan] * 4, -np.inf, size) == Rule.UNWANTED


def test_the_image_has_to_show_some_of_a_box() -> None:
    outside = [[640, 0, 650, 9], [0, 480, 9, 490], [-9, 0, 0, 9], [0, -9, 9, 0]]
    assert [rule_of(box, size=(640, 480)) for box in outside] == [Rule.OUTSIDE] * 4
    assert rule_of([639, 479, 700, 500], size=(640, 480)) == Rule.USED
    assert rule_of([-100, -100, 1, 1], size=(640, 480)) == Rule.USED


def test_duplicates_are_left_out_as_by_a_plain_search(rng: np.random.Generator) -> None:
    corner = rng.uniform(0, 60, size=(80, 2))
    boxes, scores = np.hstack([corner, corner + rng.uniform(80, 100, size=(80, 2))]), rng.uniform(0.3, 1.0, size=80)
    label = rng.integers(0, 2, size=80)
    config = TrackerConfig(duplicate_iou=0.5, max_detections=6)
    kept: list[int] = []
    expected = np.full(80, Rule.DUPLICATE)
    overlap = iou(boxes, boxes)
    for k in np.argsort(-scores):
        if any(label[j] == label[k] and overlap[j, k] > 0.5 for j in kept):
            continue
        expected[k] = Rule.USED if len(kept) < 6 else Rule.TOO_MANY
        kept += [k] if len(kept) < 6 else []
    assert judge(boxes, scores, label, config, None).tolist() == expected.tolist()
    assert {Rule.USED, Rule.DUPLICATE, Rule.TOO_MANY} == set(expected)


@pytest.mark.parametrize("times", [2, 3, 10])
def test_of_one_box_given_many_times_the_first_is_used(times: int) -> None:
    boxes = np.array([GOOD] * times)
    rules = judge(boxes, np.full(times, 0.9), np.zeros(times, dtype=np.int64), CONFIG, None)
    assert rules.tolist() == [Rule.USED] + [Rule.DUPLICATE] * (times - 1)
    all_used = judge(boxes, np.full(times, 0.9), np.arange(times), CONFIG, None)  # each of another class
    assert not all_used.any()


POSSIBLE = {
    "still": [[1, 0, 0], [0, 1, 0]],
    "pan": [[1, 0, 300], [0, 1, -100]],
    "zoom": [[1.9, 0, -450], [0, 1.9, -350]],
    "turn": [[0.8, -0.6, 300], [0.6, 0.8, 0]],
}
IMPOSSIBLE = {
    "nan": [[1, 0, np.nan], [0, 1, 0]],
    "huge": [[1e200, 0, 0], [0, 1e200, 0]],
    "zero": [[0, 0, 0], [0, 0, 0]],
    "singular": [[1, 1, 0], [1, 1, 0]],
    "mirrored": [[-1, 0, 1000], [0, 1, 0]],
    "upside down": [[-1, 0, 1000], [0, -1, 800]],
    "sheared": [[1, 5, 0], [0, 1, 0]],
    "zoomed far": [[100, 0, 0], [0, 100, 0]],
    "out of sight": [[1, 0, 5000], [0, 1, 0]],
    "far": [[1, 0, 1e308], [0, 1, 0]],
    "a row of detections": [[-1, 102.13, 199.87], [60.64, 160.10, 0.90]],
}


@pytest.mark.parametrize("name", [*POSSIBLE, *IMPOSSIBLE])
def test_maps_that_a_camera_can_have_made(name: str) -> None:
    affine = np.array({**POSSIBLE, **IMPOSSIBLE}[name], dtype=float)
    assert possible_map(affine, (1000, 800)) == (name in POSSIBLE)
