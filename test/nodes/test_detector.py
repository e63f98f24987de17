"""The detector node, alone and with those that read its results."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from dvae_perception.msg import Track, TrackArray
from live_messages import DATA, frame_message
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from dvae_nodes.detector import DetectorNode
from dvae_nodes.overlay import OverlayNode
from dvae_nodes.tracker import TrackerNode


def test_detector_tracker_and_overlay_work_together(stage: Any) -> None:
    video = cv2.VideoCapture(str(DATA / "demo_video.mp4"))
    stage.add(DetectorNode)
    stage.add(TrackerNode)
    stage.add(OverlayNode)
    tracks, annotated = stage.listen(TrackArray, "tracks"), stage.listen(Image, "image/annotated")
    reliable = QoSProfile(depth=5)
    for index in range(5):
        _, image = video.read()
        stage.publish("image", frame_message(1 + index / 10, image), reliable)
        stage.until(lambda index=index: len(tracks) > index or len(annotated) > index, seconds=60)
    stage.until(lambda: bool(annotated))
    assert any(t.state == Track.CONFIRMED for t in tracks[-1].tracks)
    newest = annotated[-1]
    assert (newest.width, newest.height, newest.encoding, newest.header.frame_id) == (768, 576, "bgr8", "camera")


def test_unknown_encoding_is_named_and_the_node_goes_on(stage: Any, capfd: Any) -> None:
    node = stage.add(DetectorNode)
    found = stage.listen(Detection2DArray, "detections")
    image = np.zeros((200, 150, 3), dtype=np.uint8)
    strange = frame_message(1.0, image)
    strange.encoding = "nothing8"
    stage.publish("image", strange)
    stage.until(lambda: any("image" in cause for cause in stage.problems(node)))
    assert "expected an image that converts to bgr8, got encoding 'nothing8', 150x200" in capfd.readouterr().err
    short = frame_message(1.5, image)
    short.data = short.data[:100]
    stage.publish("image", short)
    assert stage.send("image", frame_message(2.0, image), found).detections == []
