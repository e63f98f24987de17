"""What a node says of itself on /diagnostics."""

from __future__ import annotations

from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from diagnostic_msgs.msg import DiagnosticArray
from dvae_perception.msg import TrackArray
from live_messages import detections
from sensor_msgs.msg import Image

from dvae_nodes.tracker import TrackerNode


def test_diagnostics_say_rate_latency_model_and_why_nothing_comes(stage: Any) -> None:
    stage.add(TrackerNode)
    found, tracks = stage.listen(DiagnosticArray, "/diagnostics"), stage.listen(TrackArray, "tracks")
    for t in range(3):
        stage.send("detections", detections(10 + t / 30), tracks)
    stage.until(lambda: any(status_values(d).get("detections messages") == "3" for d in found))
    values = status_values(found[-1])
    assert {
        "model",
        "device",
        "detections rate [Hz]",
        "detections processing p99 [ms]",
        "detections drops",
    } <= values.keys()
    assert values["model"] == "motion_srnn"


def status_values(message: Any) -> dict[str, str]:
    return {entry.key: entry.value for status in message.status for entry in status.values}


def test_silence_is_explained(stage: Any) -> None:
    from dvae_nodes.lifecycle.diagnostics import explain_silence

    node = stage.add(TrackerNode)
    expected = "vision_msgs/msg/Detection2DArray"
    # a topic of its own: DDS forgets the publishers of earlier tests slowly
    assert "nobody publishes it" in explain_silence(node, "quiet", expected)
    other = rclpy.context.Context()  # one participant cannot have two types on a topic
    rclpy.init(context=other)
    stranger = rclpy.create_node("stranger", context=other)
    stranger.create_publisher(Image, "quiet", 1)
    stage.until(lambda: "got publishers of sensor_msgs/msg/Image" in explain_silence(node, "quiet", expected))
    stranger.destroy_node()
    rclpy.try_shutdown(context=other)
