"""Parameters while a node runs."""

from __future__ import annotations

from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from dvae_perception.msg import Track, TrackArray
from live_messages import detections
from rclpy.parameter import Parameter

from dvae_nodes.tracker import TrackerNode


def test_tracker_takes_live_parameters_and_refuses_others(stage: Any) -> None:
    node = stage.add(TrackerNode)
    tracks = stage.listen(TrackArray, "tracks")
    refused = node.set_parameters([Parameter("max_detections", value=3)])[0]
    assert not refused.successful
    assert "max_detections is fixed once the node is configured" in refused.reason
    refused = node.set_parameters([Parameter("confirm_hits", value=0)])[0]
    assert not refused.successful
    assert node.set_parameters([Parameter("confirm_hits", value=1)])[0].successful
    message = stage.send("detections", detections(1.0), tracks)
    assert message.tracks[0].state == Track.CONFIRMED
    described = node.describe_parameter("max_missed_seconds")
    assert "[s]" in described.description
