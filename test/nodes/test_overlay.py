"""The overlay node: images and tracks in, annotated images out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from dvae_perception.msg import TrackArray
from live_messages import BOX, SECOND, TYPES, frame_message
from sensor_msgs.msg import Image

from dvae_nodes.overlay import OverlayNode
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire import images


def test_overlay_pairs_by_stamp_in_any_order_and_survives_a_bad_image(stage: Any) -> None:
    node = stage.add(OverlayNode)
    annotated = stage.listen(Image, "image/annotated")
    image = np.zeros((200, 300, 3), dtype=np.uint8)
    track = TYPES.make(
        "dvae_perception/msg/Track",
        id=1,
        state=1,
        box=np.array(BOX),
        velocity=np.zeros(4),
        variance=np.ones(4),
        confidence=1.0,
        age=1.0,
        time_since_detection=0.0,
        detection_index=0,
    )

    def tracks(seconds: float) -> Any:
        header = convert.make_header(TYPES, round(seconds * SECOND), "camera")
        return TrackArray(header=header, image_width=300, image_height=200, tracks=[track])

    stage.publish("image", frame_message(1.0, image))
    stage.publish("image", frame_message(2.0, image))
    stage.publish("tracks", tracks(2.0))
    stage.until(lambda: len(annotated) == 1)
    assert convert.stamp_to_nanoseconds(annotated[0].header.stamp) == 2 * SECOND
    drawn = images.image_from_message(annotated[0])
    assert drawn[150, 100].any()  # the left side of the box
    assert not drawn[150, 130].any()  # its inside
    strange = frame_message(3.0, image)
    strange.encoding = "nothing8"
    stage.publish("tracks", tracks(3.0))
    stage.publish("image", strange)
    stage.until(lambda: bool(stage.problems(node)))
    stage.publish("tracks", tracks(4.0))
    stage.publish("image", frame_message(4.0, image))
    stage.until(lambda: len(annotated) == 2)
