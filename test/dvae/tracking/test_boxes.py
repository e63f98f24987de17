from __future__ import annotations

import numpy as np

from dvae.tracking.boxes import valid_boxes


def test_valid_boxes_without_image_size() -> None:
    assert valid_boxes(np.array([[5000.0, 0, 5010, 10], [0, 0, 0, 1]]), None).tolist() == [True, False]
