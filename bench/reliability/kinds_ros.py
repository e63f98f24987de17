"""What robots do to nodes, one check for each kind of trouble; live ones through real rclpy."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import odd
import samples
from bursts import Peer
from hearing import Hearing
from make_bag import audio_types
from outcome import Check, memory
from storm_tracker import SIZE, STEP, frame_of, walkers

from dvae.signal.audio_clock import NANOSECONDS
from dvae.tracking.config import TrackerConfig
from dvae_nodes.lifecycle.pipeline import Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.tracker import TrackerNodeConfig, TrackerPipeline
from dvae_nodes.wire import audio
from dvae_nodes.wire import conversions as convert

START = 1_700_000_000 * NANOSECONDS


@contextmanager
def ros() -> Iterator[Any]:
    """rclpy, up and then down."""
    import rclpy

    rclpy.init()
    try:
        yield rclpy
    finally:
        rclpy.try_shutdown()


def track(pipeline: TrackerPipeline, frames: int, name: str = "person", first: int = 1) -> list[Any]:
    """Outputs of good frames of one class."""
    outputs = []
    for frame in range(first, first + frames):
        message = frame_of(odd.stamp_of(START + frame * STEP), walkers(frame))
        for each in message.detections:
            each.results[0].hypothesis.class_id = name
        outputs += pipeline.on_detections(message, START + frame * STEP)
    return outputs


def audio_capture(_: Path) -> str:
    """AudioData on `audio`, AudioDataStamped on `audio_stamped`, as audio_capture publishes them."""
    with ros() as rclpy:
        from audio_common_msgs.msg import AudioData, AudioDataStamped
        from rclpy.parameter import Parameter

        from dvae_nodes.enhancer import EnhancerNode
        from dvae_nodes.wire.messages import LiveTypes

        other = rclpy.context.Context()
        rclpy.init(context=other)
        capture = rclpy.create_node("audio_capture", context=other)
        plain = capture.create_publisher(AudioData, "audio", 100)
        stamped = capture.create_publisher(AudioDataStamped, "audio_stamped", 100)
        peer = Peer([EnhancerNode(parameter_overrides=[Parameter("sample_rate", value=16000)])])
        heard: list[Any] = []
        peer.node.create_subscription(AudioData, "audio/enhanced", heard.append, 1000)
        peer.until(lambda: plain.get_subscription_count() > 0)
        waveform, types = samples.speech(2.0), LiveTypes()
        for first in range(0, waveform.size, 1600):
            chunk = audio.audio_bytes_message(types, waveform[first : first + 1600])
            plain.publish(chunk)
            stamped.publish(AudioDataStamped(audio=chunk))
            peer.until(lambda: False, 0.02)
        peer.until(lambda: sum(Hearing().decode(each).size for each in heard) > waveform.size // 2, 10.0)
        found = sum(Hearing().decode(each).size for each in heard)
        peer.close()
        capture.destroy_node()
        rclpy.shutdown(context=other)
        assert found > waveform.size // 2, f"{waveform.size} samples sent, {found} enhanced"
    return f"{found} of {waveform.size} samples before the end"


def people_only(_: Path) -> str:
    """ROS4HRI means people: chairs, class "0" and boxes without results are no bodies, and it is said."""
    node = TrackerNodeConfig(ros4hri=True, image_width=SIZE[0], image_height=SIZE[1])
    for name in ("chair", "0", ""):
        log: list[str] = []
        outputs = track(TrackerPipeline(audio_types(False), Settings(node), Reporter(log.append)), 120, name)
        bodies = {each for o in outputs if o.topic == "/humans/bodies/tracked" for each in o.message.ids}
        assert not bodies, f"{name!r} are bodies: {bodies}"
        assert log, f"{name!r}: nothing said"
    outputs = track(TrackerPipeline(audio_types(False), Settings(node), Reporter(log.append)), 30)
    assert len(outputs[-1].message.ids if hasattr(outputs[-1].message, "ids") else [1]), "no bodies"
    return "no bodies, and it is said why"


def two_cameras(_: Path) -> str:
    """One list with the bodies of both."""
    with ros():
        from hri_msgs.msg import IdsList
        from rclpy.parameter import Parameter
        from rclpy.qos import DurabilityPolicy, QoSProfile
        from vision_msgs.msg import Detection2DArray

        from dvae_nodes.tracker import TrackerNode
        from dvae_nodes.wire.messages import LiveTypes

        def node(name: str) -> Any:
            values = {"ros4hri": True, "image_width": 1920, "image_height": 1080, "body_prefix": name}
            overrides = [Parameter(key, value=value) for key, value in values.items()]
            return TrackerNode(parameter_overrides=overrides, namespace=f"cam_{name}")

        peer, types = Peer([node("a"), node("b")]), LiveTypes()
        lists: list[Any] = []
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        peer.node.create_subscription(IdsList, "/humans/bodies/tracked", lists.append, latched)
        cameras = [peer.publisher(Detection2DArray, f"/cam_{name}/detections") for name in ("a", "b")]
        for frame in range(20):
            header = convert.make_header(types, START + frame * STEP, "camera")
            for camera in cameras:
                boxes = walkers(frame)[:2]
                camera.publish(convert.detections_to_message(types, header, boxes, [0.9, 0.9], "person"))
            peer.until(lambda: False, 0.03)
        both = peer.until(lambda: bool(lists) and len(lists[-1].ids) == 4, 10.0)
        last = list(lists[-1].ids) if lists else []
        peer.close()
        assert both, f"expected four bodies in one list, got {last}"
    return f"{', '.join(sorted(last))} in one list"


def whole_numbers(_: Path) -> str:
    """`max_missed_seconds: 3` in YAML."""
    with ros():
        from rclpy.parameter import Parameter

        from dvae_nodes.tracker import TrackerNode

        node = TrackerNode(parameter_overrides=[Parameter("max_missed_seconds", value=3)])
        peer = Peer([node])
        assert node.active, "not active"
        peer.close()
    return "taken"


def lifecycle_cycles(_: Path) -> str:
    """Configure, activate, deactivate, clean up, twenty times; /diagnostics says which state it is."""
    with ros():
        from diagnostic_msgs.msg import DiagnosticArray

        from dvae_nodes.tracker import TrackerNode

        node = TrackerNode()
        peer, said = Peer([node]), list[str]()
        peer.node.create_subscription(
            DiagnosticArray, "/diagnostics", lambda m: said.extend(s.message for s in m.status), 10
        )
        used = 0.0
        for cycle in range(20):
            node.trigger_deactivate()
            node.trigger_cleanup()
            node.trigger_configure()
            node.trigger_activate()
            used = memory() if cycle == 5 else used
        growth = memory() - used
        node.trigger_deactivate()
        said.clear()
        assert peer.until(lambda: len(said) > 1, 10.0), "an inactive node says nothing"
        peer.close()
        assert "inactive" in said[-1], said[-1]
        assert growth < 8, f"{growth:.1f} MiB more"
    return f"memory {growth:+.1f} MiB after 15 cycles; inactive is called so"


def settings_apart(_: Path) -> str:
    """min_score above birth_score: refused or said."""
    log: list[str] = []
    config = TrackerConfig(min_score=0.8, birth_score=0.6)
    try:
        TrackerPipeline(audio_types(False), Settings(config), Reporter(log.append))
    except ValueError as error:
        log.append(str(error))
    assert any("min_score" in text and "birth_score" in text for text in log), log
    return "said"


def one_stampless(_: Path) -> str:
    """One message without a stamp does not end all tracks."""
    log: list[str] = []
    pipeline = TrackerPipeline(audio_types(False), Settings(), Reporter(log.append))
    track(pipeline, 30)
    pipeline.on_detections(frame_of(odd.stamp_of(0), walkers(30)), 0)
    outputs = track(pipeline, 10, first=32)
    tracks = [o.message for o in outputs if o.topic == "tracks"][-1]
    assert sorted(each.id for each in tracks.tracks) == [1, 2, 3, 4], tracks
    return "ids 1 to 4 stay"


LIVE = {
    "audio_capture with both of its topics": audio_capture,
    "two cameras on one robot": two_cameras,
    "whole numbers in YAML": whole_numbers,
    "twenty cycles of the lifecycle": lifecycle_cycles,
}
WORKS: dict[str, Callable[[Path], str]] = {
    "ROS4HRI and what is no person": people_only,
    "min_score above birth_score": settings_apart,
    "one message without a stamp": one_stampless,
    **(LIVE if importlib.util.find_spec("rclpy") else {}),
}
CHECKS = [Check("ROS", what, work) for what, work in WORKS.items()]
