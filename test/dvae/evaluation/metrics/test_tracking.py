from __future__ import annotations

import numpy as np

from dvae.data.motchallenge import FrameBoxes
from dvae.evaluation.metrics.tracking import tracking_scores


def test_tracking_scores_of_a_swap() -> None:
    boxes = np.array([[0.0, 0, 10, 20], [50, 0, 60, 20]])
    truth = [FrameBoxes(boxes, np.array([1, 2]), np.ones(2))] * 10
    swapped = [FrameBoxes(boxes, np.array([7, 8] if t < 5 else [8, 7]), np.ones(2)) for t in range(10)]
    perfect, half = tracking_scores({"a": (truth, truth)}), tracking_scores({"a": (truth, swapped)})
    assert (perfect.mota, perfect.motp, perfect.idf1, perfect.switches) == (100.0, 100.0, 100.0, 0)
    assert (half.mota, half.idf1, half.switches) == (90.0, 50.0, 2)


def test_matches_by_another_distance() -> None:
    """Boxes of other sizes that share their centre do not overlap enough, but are near."""
    truth = [FrameBoxes(np.array([[0.0, 0.0, 10.0, 10.0]]), np.array([1]), np.ones(1))] * 3
    found = [FrameBoxes(np.array([[-20.0, -20.0, 30.0, 30.0]]), np.array([4]), np.ones(1))] * 3
    assert tracking_scores({"a": (truth, found)}).mota == -100.0
    near = tracking_scores({"a": (truth, found)}, lambda a, b: np.zeros((len(a), len(b))))
    assert (near.mota, near.idf1) == (100.0, 100.0)
