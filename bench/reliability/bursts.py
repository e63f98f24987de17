"""Detections and audio at 200 Hz in bursts, to the real nodes over real topics, all in one process."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import samples
from hearing import Hearing
from outcome import Check, Effort, Outcome, run_check
from storm_tracker import walkers

from dvae.signal.audio_clock import NANOSECONDS
from dvae.threads import use_one_thread
from dvae_nodes.wire import audio
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.messages import LiveTypes

RATE = 200  # messages a second, of each kind
BURST, NUM_BURSTS = 40, 5
MAX_LATENCY = 0.25  # s, of the last result after a quiet second
PATIENCE = 30.0


class Peer:
    """Publishes to the nodes and listens to them, in their executor."""

    def __init__(self, nodes: list[Any]) -> None:
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.node import Node

        self.executor, self.node, self.nodes = SingleThreadedExecutor(), Node("reliability"), nodes
        for each in [self.node, *nodes]:
            self.executor.add_node(each)
        for each in nodes:
            each.autostart()
        self.heard: dict[str, list[tuple[float, Any]]] = {}

    def listen(self, kind: type, topic: str) -> None:
        """Keep what comes, with the time it came."""
        found = self.heard.setdefault(topic, [])
        self.node.create_subscription(kind, topic, lambda m: found.append((time.monotonic(), m)), 1000)

    def publisher(self, kind: type, topic: str) -> Any:
        """One that a node listens to."""
        made = self.node.create_publisher(kind, topic, 1000)
        self.until(lambda: made.get_subscription_count() > 0)
        return made

    def until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Handle callbacks until it is true, or the time is over."""
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.005)
        return condition()

    def close(self) -> None:
        for each in [*self.nodes, self.node]:
            self.executor.remove_node(each)
            each.destroy_node()


def bursts(_: Path) -> str:
    """200 messages a second of both kinds, in bursts of 40 at once with silence between."""
    import rclpy
    from audio_common_msgs.msg import AudioDataStamped, AudioInfo
    from dvae_perception.msg import TrackArray
    from rclpy.parameter import Parameter
    from vision_msgs.msg import Detection2DArray

    from dvae_nodes.enhancer import EnhancerNode
    from dvae_nodes.tracker import TrackerNode

    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    rclpy.init()
    try:
        use_one_thread()
        parameters = [Parameter("audio_type", value="AudioDataStamped"), Parameter("sample_rate", value=16000)]
        peer = Peer([TrackerNode(), EnhancerNode(parameter_overrides=parameters)])
        peer.listen(TrackArray, "tracks")
        peer.listen(AudioDataStamped, "audio/enhanced")
        to_tracker = peer.publisher(Detection2DArray, "detections")
        to_enhancer = peer.publisher(AudioDataStamped, "audio")
        assert AudioInfo
        return send_bursts(peer, to_tracker, to_enhancer)
    finally:
        rclpy.try_shutdown()


def send_bursts(peer: Peer, to_tracker: Any, to_enhancer: Any) -> str:
    """Send, wait, count."""
    types, waveform = LiveTypes(), samples.speech(BURST * NUM_BURSTS / RATE + 1.0)
    chunk, number, began = 16000 // RATE, 0, time.monotonic()
    start = 1_700_000_000 * NANOSECONDS
    for burst in range(NUM_BURSTS):
        peer.until(lambda burst=burst: time.monotonic() >= began + burst * BURST / RATE)
        for _ in range(BURST):
            header = convert.make_header(types, start + number * NANOSECONDS // RATE, "sensor")
            boxes = walkers(number // 7)
            to_tracker.publish(convert.detections_to_message(types, header, boxes, np.ones(4), "person"))
            piece = waveform[number * chunk : (number + 1) * chunk]
            to_enhancer.publish(audio.audio_message(types, audio.DATA_STAMPED, header, piece, 16000))
            number += 1
    heard = peer.heard["audio/enhanced"]
    peer.until(lambda: False, 1.0)
    for node in peer.nodes[1:]:
        node.trigger_deactivate()  # gives what it holds
    expected = number * chunk
    peer.until(lambda: sum(Hearing().decode(m).size for _, m in heard) >= expected)
    received = sum(Hearing().decode(m).size for _, m in heard)
    assert received == expected, f"audio: expected {expected} samples, got {received}"
    latency = single_latency(peer, to_tracker, start + number * NANOSECONDS // RATE)
    tracks = len(peer.heard["tracks"])
    peer.close()
    assert latency < MAX_LATENCY, f"expected a result within {MAX_LATENCY} s after the bursts, got {latency:.3f} s"
    return f"{received} of {expected} samples; {tracks - 1} of {number} frames; {1e3 * latency:.0f} ms afterwards"


def single_latency(peer: Peer, to_tracker: Any, stamp: int) -> float:
    """Seconds from one frame of detections to its tracks."""
    types, count, sent = LiveTypes(), len(peer.heard["tracks"]), time.monotonic()
    header = convert.make_header(types, stamp, "sensor")
    to_tracker.publish(convert.detections_to_message(types, header, walkers(0), np.ones(4), "person"))
    assert peer.until(lambda: len(peer.heard["tracks"]) > count), "no result after the bursts"
    return peer.heard["tracks"][-1][0] - sent


def outcomes(effort: Effort) -> Iterator[Outcome]:
    """Where there is a ROS."""
    what = f"bursts of {BURST} messages at {RATE} Hz, detections and audio, two live nodes"
    if importlib.util.find_spec("rclpy") is None:
        yield Outcome("bursts", what, 0, 0, "not tried: rclpy is not installed", 0.0)
        return
    yield run_check(effort, Check("bursts", what, bursts))
