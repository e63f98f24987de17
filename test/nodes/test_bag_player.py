"""A bag is played when the nodes are active, not before."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
from typing import Any

import pytest
from toy_capability import adder_node

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")

from dvae_nodes.lifecycle.names import split_names

PLAY = [sys.executable, "-c", "print('playing', flush=True); import sys; sys.exit(3)"]


def start(*arguments: str) -> subprocess.Popen[str]:
    """The program, in the process of its own that launch gives it."""
    command = [sys.executable, "-m", "dvae_nodes.bag_player", *arguments, "--ros-args", "-r", "__ns:=/robot"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    "given",
    [
        "tracker,enhancer",
        "[tracker, enhancer]",
        "tracker enhancer",
        "['tracker', \"enhancer\"]",
        "tracker,enhancer,tracker",
    ],
)
def test_names_with_and_without_brackets(given: str) -> None:
    assert split_names(given) == split_names(["tracker", "enhancer"]) == ["tracker", "enhancer"]


def test_it_waits_until_the_node_is_active(stage: Any) -> None:
    kind = type(
        "Node", (adder_node(),), {"__init__": lambda self, **o: super(kind, self).__init__(namespace="robot", **o)}
    )
    node = stage.add(kind, start=False)
    with start("[adder]", "--", *PLAY) as player:
        stage.until(lambda: stage.peer.count_clients("/robot/adder/get_state") == 1)
        for transition in (node.trigger_configure, node.trigger_activate):
            for _ in range(10):  # it asks and is told
                stage.executor.spin_once(timeout_sec=0.05)
            assert player.poll() is None
            transition()
        stage.until(lambda: player.poll() is not None)
        assert player.stdout.read() == "playing\n"
        assert player.returncode == 3


def test_it_gives_up_on_a_node_that_stays_unconfigured(stage: Any) -> None:
    kind = type(
        "Node", (adder_node(),), {"__init__": lambda self, **o: super(kind, self).__init__(namespace="robot", **o)}
    )
    stage.add(kind, start=False)
    with start("adder", "--wait", "0.5", "--", *PLAY) as player:
        stage.until(lambda: player.poll() is not None)
        assert player.returncode == 1
        assert player.stdout.read() == ""
        assert "expected all nodes to be active within 0.5 s, got adder: " in player.stderr.read()


def test_a_signal_ends_what_is_played(stage: Any) -> None:
    kind = type(
        "Node", (adder_node(),), {"__init__": lambda self, **o: super(kind, self).__init__(namespace="robot", **o)}
    )
    stage.add(kind)
    with start(
        "adder", "--", sys.executable, "-c", "print('playing', flush=True); import time; time.sleep(99)"
    ) as player:
        stage.until(lambda: bool(select.select([player.stdout], [], [], 0)[0]))
        assert player.stdout.readline() == "playing\n"
        player.send_signal(signal.SIGTERM)
        assert player.wait() == 0
