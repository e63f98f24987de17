from __future__ import annotations

import numpy as np

from dvae.tracking.config import TrackerConfig
from dvae.tracking.frame import Frame, choose_detections

BOXES = np.array([[10.0 * k, 5.0, 10.0 * k + 8.0, 25.0] for k in range(6)])


def test_the_best_scores_are_kept_in_the_order_given() -> None:
    scores = [0.5, 0.9, 0.4, 0.8, 0.29, 0.8]
    config = TrackerConfig(max_detections=3, min_score=0.3, observation_ratio=0.1)
    frame = choose_detections(BOXES, scores, [3, 4, 5, 6, 7, 8], (2.0, 1.5), config, None)
    assert frame.given_index.tolist() == [1, 3, 5]
    assert frame.label.tolist() == [4, 6, 8]
    assert frame.scores.tolist() == [0.9, 0.8, 0.8]
    assert np.array_equal(frame.boxes, BOXES[[1, 3, 5]])
    np.testing.assert_allclose(frame.variance, [[0.8**2, 2.0**2, 0.8**2, 2.0**2]] * 3)
    assert (frame.time, frame.rate) == (2.0, 1.5)


def test_scores_at_the_least_are_used_and_below_it_not() -> None:
    frame = choose_detections(BOXES[:3], [0.3, 0.29, np.nan], None, (0.0, 1.0), TrackerConfig(min_score=0.3), None)
    assert frame.given_index.tolist() == [0]
    assert frame.label.tolist() == [0]


def test_without_scores_all_are_sure_and_boxes_outside_the_image_are_left_out() -> None:
    frame = choose_detections(BOXES, None, None, (0.0, 1.0), TrackerConfig(), (25, 100))
    assert frame.given_index.tolist() == [0, 1, 2]
    assert frame.scores.tolist() == [1.0] * 3


def test_an_empty_frame_has_no_detections() -> None:
    assert [part.shape for part in Frame.empty()[:5]] == [(0, 4), (0, 4), (0,), (0,), (0,)]
