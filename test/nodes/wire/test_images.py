"""Image messages to arrays and back."""

from __future__ import annotations

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from live_messages import frame_message

from dvae_nodes.wire import images


def test_cv_bridge_and_our_own_conversion_agree() -> None:
    pytest.importorskip("cv_bridge", reason="cv_bridge is missing: not available as a wheel")
    image = np.random.default_rng(0).integers(0, 255, size=(5, 7, 3), dtype=np.uint8)
    message = frame_message(1.0, image)
    assert np.array_equal(images.image_from_message(message), images._image_by_rosbags(message))
