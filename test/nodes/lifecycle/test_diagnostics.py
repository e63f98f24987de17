"""What a node says of itself on /diagnostics, from its first moment on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from dvae_perception.msg import TrackArray
from live_messages import detections
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Bool, Int64
from toy_capability import adder_node

from dvae_nodes.lifecycle import diagnostics
from dvae_nodes.tracker import TrackerNode


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "PERIOD_SECONDS", 0.1)


def listen(stage: Any) -> Callable[[bytes, str], None]:
    """A function that waits for a status of this level with these words in its message."""
    found = stage.listen(DiagnosticArray, "/diagnostics")

    def wait(level: bytes, words: str) -> None:
        del found[:]  # from now on
        stage.until(lambda: any(s.level == level and words in s.message for d in found for s in d.status))

    return wait


def test_diagnostics_say_rate_latency_and_model(stage: Any) -> None:
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


def test_each_state_of_life_is_said(stage: Any) -> None:
    node, wait = stage.add(adder_node(), start=False, step="three"), listen(stage)
    wait(DiagnosticStatus.WARN, "unconfigured")
    node.trigger_configure()
    wait(DiagnosticStatus.ERROR, "not configured: step: expected int, got 'three'")
    node.set_parameters([Parameter("step", value=3)])
    node.trigger_configure()
    wait(DiagnosticStatus.OK, "inactive")
    node.trigger_activate()
    wait(DiagnosticStatus.OK, "running")
    node.trigger_deactivate()
    wait(DiagnosticStatus.OK, "inactive")
    node.trigger_cleanup()
    wait(DiagnosticStatus.WARN, "unconfigured")
    node.trigger_shutdown()
    wait(DiagnosticStatus.WARN, "shut down")


def test_a_failure_in_a_transition_is_an_error(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    node, wait = stage.add(adder_node()), listen(stage)

    def fail() -> None:
        raise ArithmeticError("in the middle")

    monkeypatch.setattr(node, "_stop", fail)
    node.trigger_deactivate()
    wait(DiagnosticStatus.ERROR, "it failed while it was active")


def test_one_bad_message_warns_for_a_while_and_a_run_of_them_is_an_error(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnostics, "RECENT_SECONDS", 1.5)
    monkeypatch.setattr(diagnostics, "SILENCE_SECONDS", 1e9)
    node, wait = stage.add(adder_node()), listen(stage)
    sums = stage.listen(Int64, "sums")
    stage.send("numbers", Int64(data=1), sums)
    stage.publish("numbers", Int64(data=-1))
    wait(DiagnosticStatus.WARN, "1 problem in 2 s, the last: numbers: message ignored: expected a number of 0 or more")
    wait(DiagnosticStatus.OK, "running")
    assert stage.problems(node) == {"numbers ArithmeticError": 1}  # counted still
    for _ in range(3):
        stage.publish("numbers", Int64(data=-1))
    wait(DiagnosticStatus.ERROR, "the last 4 messages on numbers all failed: numbers: message ignored: expected a")


def test_silence_is_explained_with_what_came_before(stage: Any, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    monkeypatch.setattr(diagnostics, "SILENCE_SECONDS", 1.0)
    stage.add(adder_node())
    wait, sums = listen(stage), stage.listen(Int64, "sums")
    wait(DiagnosticStatus.WARN, "s (none yet): no publisher on /numbers, expected one of std_msgs/msg/Int64")
    stage.send("numbers", Int64(data=1), sums)
    stage.send("numbers", Int64(data=1), sums)
    wait(DiagnosticStatus.WARN, "s (2 before): /numbers: 1 publisher, which sends nothing")
    stage.unpublish("numbers")
    wait(DiagnosticStatus.WARN, "s (2 before): no publisher on /numbers")
    assert capfd.readouterr().err.count("no message on numbers") == 1


def test_a_publisher_that_does_not_fit_is_explained(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "SILENCE_SECONDS", 1.0)
    stage.add(adder_node(), **{"qos_overrides./numbers.subscription.reliability": "reliable"})
    wait = listen(stage)
    best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    stage.peer.create_publisher(Int64, "numbers", best_effort)
    wait(DiagnosticStatus.WARN, "the publisher's QoS does not fit")


def test_a_wrong_type_is_said_with_the_topic_to_remap(stage: Any, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    monkeypatch.setattr(diagnostics, "SILENCE_SECONDS", 1.0)
    stage.add(adder_node())
    # one participant cannot have two types on a topic
    stranger = rclpy.create_node("stranger", context=stage.another_process())
    stranger.create_publisher(Bool, "numbers", 1)
    stranger.create_publisher(Int64, "true_numbers", 1)
    text = "/numbers: expected messages of type std_msgs/msg/Int64, got publishers of std_msgs/msg/Bool"
    listen(stage)(DiagnosticStatus.WARN, f"{text}; there is /true_numbers (Int64): remap `numbers` to it")
    assert f"{text}; there is /true_numbers (Int64): remap `numbers` to it: nothing is read" in capfd.readouterr().err
    stranger.destroy_node()


def test_sim_time_without_clock_is_said_in_the_log_too(stage: Any, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    monkeypatch.setattr(diagnostics, "SILENCE_SECONDS", 1.0)
    stage.add(adder_node(), use_sim_time=True)
    wait = listen(stage)
    for _ in range(2):
        wait(DiagnosticStatus.WARN, "use_sim_time is set, but nothing comes on /clock")
    stage.until(
        lambda: "nothing comes on /clock: set it to false, or play the bag with --clock" in capfd.readouterr().err
    )
