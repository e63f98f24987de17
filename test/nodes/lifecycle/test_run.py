"""The end of a process of nodes: nothing that has come is lost, and nobody can delay it much."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from toy_capability import adder_node

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from rclpy.duration import Duration
from rclpy.qos import QoSProfile
from std_msgs.msg import Int64

from dvae_nodes.lifecycle.run import drain, first_line

MANY = 100_000  # callbacks: more than can be run in a moment


def test_messages_that_have_come_are_handled(stage: Any) -> None:
    node = stage.add(adder_node(), **{"qos_overrides./numbers.subscription.reliability": "reliable"})
    publisher = stage.peer.create_publisher(Int64, "numbers", QoSProfile(depth=5))
    stage.until(lambda: publisher.get_subscription_count() == 1)
    for _ in range(5):
        publisher.publish(Int64(data=1))
    assert publisher.wait_for_all_acked(Duration(seconds=10))  # they are there, and nobody has looked
    assert node.meter("numbers").count == 0
    drain(stage.executor, 30.0)
    assert node.meter("numbers").count == 5


def test_messages_that_come_faster_than_they_are_handled_do_not_delay_the_end_for_ever(stage: Any) -> None:
    handled: list[int] = []

    def ready_again() -> None:
        handled.append(1)
        if len(handled) < MANY:
            again.trigger()

    again = stage.peer.create_guard_condition(ready_again)
    again.trigger()
    drain(stage.executor, 0.05)
    assert 0 < len(handled) < MANY


def test_subscribers_that_are_frozen_delay_the_end_once_not_for_each_topic(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, now, waited = stage.add(adder_node(), late=True), [0.0], []

    class Frozen:
        """A publisher whose subscriber never answers."""

        def wait_for_all_acked(self, timeout: Duration) -> bool:
            waited.append(timeout.nanoseconds / 1e9)
            now[0] += waited[-1]
            return False

    monkeypatch.setattr(node._results, "_made", dict.fromkeys(("a", "b", "c"), Frozen()))
    monkeypatch.setattr("dvae_nodes.lifecycle.publishers.time.monotonic", lambda: now[0])
    node.wait_until_received(1.0)
    assert waited == [1.0, 0.0, 0.0]
    monkeypatch.undo()


def test_an_error_of_rcl_is_one_line() -> None:
    error = RuntimeError(
        "Couldn't parse params file: '--params-file x'. Error: bad\n  thing, at /src/rcl.c:1, at /y.c:2"
    )
    assert first_line(error) == "Couldn't parse params file: '--params-file x'. Error: bad thing"


LOADING = """
import importlib, time
from dvae_nodes import programs
importlib.import_module = lambda name: (print("loading", flush=True), time.sleep(99))
programs.tracker()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_loads_ends_it_quietly(number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LOADING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "loading\n"
        process.send_signal(number)
        assert process.wait() == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("program", "arguments", "said"),
    [
        (
            "perception",
            ["-p", "enable:=tracer"],
            "enable: expected some of detector, tracker, enhancer, speakers, overlay, got tracer",
        ),
        ("detector", ["--params-file", "mixed.yaml"], "mixed.yaml"),
        ("detector", ["-p", "use_sim_time:=1"], "'use_sim_time' to '1' of type 'INTEGER'"),
    ],
)
def test_what_cannot_start_says_why_in_one_line(program: str, arguments: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "mixed.yaml").write_text("/**:\n  ros__parameters:\n    enable: [tracker, 3]\n")
    command = [sys.executable, "-m", f"dvae_nodes.{program}", "--ros-args", *arguments]
    found = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert found.returncode == 2
    assert said in found.stderr
    assert "Traceback" not in found.stderr
    assert len([line for line in found.stderr.splitlines() if "[rcl]" not in line]) == 1  # rcl has one of its own


def test_one_name_without_brackets_is_enough() -> None:
    command = [sys.executable, "-m", "dvae_nodes.perception", "--ros-args", "-p", "enable:=detector"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stderr.readline()
        assert "[detector]: active: model OpenCV HOG people detector; reads /image (sensor_msgs/msg/Image)" in line
        assert "publishes /detections (vision_msgs/msg/Detection2DArray)" in line
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
        assert process.stderr.read() == ""
