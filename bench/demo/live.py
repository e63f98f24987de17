"""Plays a bag into the live nodes over DDS, in real time, and records what comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosbags.highlevel import AnyReader
from tqdm import tqdm

from dvae_nodes.wire.messages import message_class

READY_SECONDS, ATTEMPTS = 45.0, 3  # now and then two participants of Fast DDS do not find each other: both start anew
QUIET_SECONDS = 3.0
NODES = ("detector", "tracker", "enhancer", "speakers", "overlay")


@dataclass
class Recording:
    """What came back: for each topic the messages and when they came (monotonic seconds); when inputs were sent."""

    received: dict[str, list[tuple[float, Any]]] = field(default_factory=dict)
    sent: dict[str, list[tuple[float, int]]] = field(default_factory=dict)  # time sent, stamp in ns
    diagnostics: dict[str, Any] = field(default_factory=dict)


class Player(Node):
    """Publishes the bag's messages and listens to the nodes' results."""

    def __init__(self, bag: Path, outputs: dict[str, str]) -> None:
        super().__init__("demo_player")
        self.recording, self.last_received = Recording(), 0.0
        with AnyReader([bag]) as reader:
            self.kinds = {connection.topic: connection.msgtype for connection in reader.connections}
            self.messages = [(time, connection.topic, bytes(raw)) for connection, time, raw in reader.messages()]
        self.inputs = {t: self.create_publisher(message_class(k), t, 50) for t, k in self.kinds.items()}
        reliable = QoSProfile(depth=500, reliability=ReliabilityPolicy.RELIABLE)
        for topic, kind in outputs.items():
            self.recording.received[topic] = []
            self.create_subscription(
                message_class(kind), topic, lambda message, topic=topic: self._receive(topic, message), reliable
            )
        self.create_subscription(DiagnosticArray, "/diagnostics", self._diagnose, 50)

    def _receive(self, topic: str, message: Any) -> None:
        self.last_received = time.monotonic()
        self.recording.received[topic].append((self.last_received, message))

    def _diagnose(self, array: DiagnosticArray) -> None:
        for status in array.status:
            self.recording.diagnostics[status.name.lstrip("/")] = status

    def is_ready(self) -> bool:
        """All nodes report, and all inputs have a listener."""
        listening = all(publisher.get_subscription_count() for publisher in self.inputs.values())
        return listening and all(name in self.recording.diagnostics for name in NODES)


def play(bag: Path, outputs: dict[str, str], log: Path, arguments: Sequence[str] = ()) -> Recording:
    """Start the nodes with `arguments`, play `bag`, stop the nodes; RuntimeError with the end of their log when they do
    not start."""
    for attempt in range(1, ATTEMPTS + 1):
        recording = _play_once(bag, outputs, log, arguments)
        if recording:
            return recording
        print(f"attempt {attempt} of {ATTEMPTS}: nodes and player did not find each other in {READY_SECONDS:.0f} s")
    raise RuntimeError(f"the nodes did not start; the end of {log}:\n{log.read_text()[-2000:]}")


def _play_once(bag: Path, outputs: dict[str, str], log: Path, arguments: Sequence[str]) -> Recording | None:
    """As `play`; None when the nodes do not report in time."""
    # Fast DDS drops other messages when images of 1.3 MB fill its default buffers; other middlewares ignore this
    os.environ.setdefault(
        "FASTDDS_BUILTIN_TRANSPORTS", "LARGE_DATA?max_msg_size=4MB&sockets_size=8MB&non_blocking=true"
    )
    rclpy.init()
    executor = SingleThreadedExecutor()
    with log.open("w") as stream:
        command = [find_program("perception"), *arguments]
        nodes = subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)
        player = Player(bag, outputs)
        executor.add_node(player)
        try:
            spin_until(executor, lambda: player.is_ready() or nodes.poll() is not None, READY_SECONDS)
            if not player.is_ready():
                return None
            spin_until(executor, lambda: False, 1.0)  # the other side of each connection may be ready a little later
            send(executor, player)
            quiet = lambda: time.monotonic() - player.last_received > QUIET_SECONDS  # noqa: E731
            spin_until(executor, quiet, 30.0)
            nodes.send_signal(signal.SIGINT)  # deactivates: the enhancer hands out its last samples
            spin_until(executor, lambda: nodes.poll() is not None, 20.0)
            spin_until(executor, lambda: False, 0.5)
        finally:
            nodes.kill()
            nodes.wait()
            player.destroy_node()
            rclpy.try_shutdown()
    return player.recording


def find_program(name: str) -> str:
    """The installed program of this package (what `ros2 run dvae_perception NAME` starts)."""
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(":"):
        path = Path(prefix) / "lib" / "dvae_perception" / name
        if path.is_file():
            return str(path)
    raise RuntimeError(
        f"expected the program {name} in lib/dvae_perception of AMENT_PREFIX_PATH: build the package first"
    )


def spin_until(executor: SingleThreadedExecutor, condition: Any, seconds: float) -> None:
    """Handle callbacks until `condition()` or for `seconds`."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.02)


def send(executor: SingleThreadedExecutor, player: Player) -> None:
    """Publish every message at its time in the bag, in real time."""
    first, began = player.messages[0][0], time.monotonic()
    for stamp, topic, raw in tqdm(player.messages, desc="play", unit="msg"):
        due = began + (stamp - first) * 1e-9
        spin_until(executor, lambda due=due: time.monotonic() >= due - 0.001, due - time.monotonic())
        player.inputs[topic].publish(raw)
        player.recording.sent.setdefault(topic, []).append((time.monotonic(), stamp))
