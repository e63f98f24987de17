"""Parameters while a node runs."""

from __future__ import annotations

from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from dvae_perception.msg import Track, TrackArray
from live_messages import detections
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy

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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_missed_seconds": 3}, None),  # as YAML reads `3`
        ({"max_missed_seconds": "3"}, "max_missed_seconds: expected float, got '3'"),
        ({"max_missed_seconds": True}, "max_missed_seconds: expected float, got True"),
        ({"max_missed_seconds": [3]}, "max_missed_seconds: expected float, got"),
        ({"max_missed_seconds": -1.0}, "max_missed_seconds: expected a value in"),
        ({"confirm_hits": 2.0}, "confirm_hits: expected int, got 2.0"),
        ({"confirm_hits": 0}, "confirm_hits: expected a value in"),
        ({"markers": 1}, "markers: expected bool, got 1"),
        ({"model": True}, "model: expected str, got True"),
        ({"autostart": "yes"}, "autostart: expected true or false, got 'yes'"),
    ],
)
def test_a_number_that_fits_is_taken_and_another_value_ends_only_that_node(
    stage: Any, given: dict[str, Any], said: str | None, capfd: Any
) -> None:
    node = stage.add(TrackerNode, **given)
    errors = [line for line in capfd.readouterr().err.splitlines() if "not configured" in line]
    assert node.active == (said is None)
    assert len(errors) == (said is not None)
    if said is not None:
        assert said in errors[0]
        name = next(iter(given))
        default = {"autostart": True, "model": "motion_srnn", "markers": False, "confirm_hits": 2}.get(name, 2.0)
        assert node.set_parameters([Parameter(name, value=default)])[0].successful
        node.autostart()
        assert node.active


def test_a_slip_of_the_pen_is_named(stage: Any) -> None:
    node = stage.add(
        TrackerNode, max_mised_seconds=3.0, enable=["tracker"], **{"qos_overrides./detectons.subscription.depth": 9}
    )
    assert list(stage.problems(node)) == [
        "parameter max_mised_seconds: there is none of this name, it is ignored; the nearest is max_missed_seconds",
        "parameter qos_overrides./detectons.subscription.depth: there is none of this name, it is ignored; "
        "the nearest is qos_overrides./detections.subscription.depth",
    ]


def test_durability_is_overridden_and_a_wrong_policy_is_named(stage: Any, capfd: Any) -> None:
    late = {"qos_overrides./tracks.publisher.durability": "transient_local"}
    node = stage.add(TrackerNode, **late)
    infos = node.get_publishers_info_by_topic("/tracks")
    assert [info.qos_profile.durability for info in infos] == [DurabilityPolicy.TRANSIENT_LOCAL]
    node = stage.add(TrackerNode, **{"qos_overrides./tracks.publisher.durability": "for_ever"})
    assert not node.active
    (error,) = [line for line in capfd.readouterr().err.splitlines() if "not configured" in line]
    assert "for_ever" in error
    assert "durability" in error
