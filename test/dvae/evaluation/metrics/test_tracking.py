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
