"""The life of a node: configured, active, cleaned up; clocks, QoS, and models that are missing."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from dvae_perception.msg import TrackArray
from live_messages import SECOND, detections
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Int64
from toy_capability import AdderPipeline, adder_node
from vision_msgs.msg import Detection2DArray

from dvae_nodes.perception import NODES
from dvae_nodes.tracker import TrackerNode
from dvae_nodes.wire.topics import Topic


@pytest.mark.parametrize("model", ["missing", "damaged"])
def test_a_bad_model_is_named_and_the_node_can_be_configured_afterwards(
    stage: Any, model: str, tmp_path: Path, capfd: Any
) -> None:
    from dvae.models.store.find import find_model

    if model == "damaged":
        for path in find_model("motion_srnn").iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes()[:200])
    name = str(tmp_path) if model == "damaged" else "no_such_model"
    node = stage.add(TrackerNode, start=False, model=name)
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    error = capfd.readouterr().err
    assert "not configured" in error
    assert "expected" in error
    assert name in error
    node.set_parameters([Parameter("model", value="motion_srnn")])
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS


def test_incompatible_qos_is_named(stage: Any) -> None:
    node = stage.add(TrackerNode, **{"qos_overrides./detections.subscription.reliability": "reliable"})
    best_effort = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
    stage.peer.create_publisher(Detection2DArray, "detections", best_effort)
    stage.until(lambda: "qos detections" in stage.problems(node))
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    stage.listen(TrackArray, "tracks", latched)
    stage.until(lambda: "qos tracks" in stage.problems(node))
    assert node.active


def test_sim_time_without_clock_is_said_and_a_jump_back_resets(stage: Any) -> None:
    node = stage.add(TrackerNode, use_sim_time=True, confirm_hits=1)
    found, tracks = stage.listen(DiagnosticArray, "/diagnostics"), stage.listen(TrackArray, "tracks")
    stage.until(lambda: any("nothing comes on /clock" in s.message for d in found for s in d.status))
    for seconds in (100, 101):
        stage.publish("/clock", Clock(clock=Time(sec=seconds)))
        stage.until(lambda seconds=seconds: node.get_clock().now().nanoseconds >= seconds * SECOND)
    assert [t.id for t in stage.send("detections", detections(101.0), tracks).tracks] == [1]
    stage.publish("/clock", Clock(clock=Time(sec=50)))
    stage.until(lambda: "clock" in stage.problems(node))
    assert [t.id for t in stage.send("detections", detections(50.0), tracks).tracks] == [2]


@pytest.mark.parametrize("name", list(NODES))
def test_two_lifecycle_rounds_leave_nothing_behind(stage: Any, name: str) -> None:
    node = stage.add(NODES[name], start=False)

    def entities() -> tuple[int, ...]:
        gc.collect()
        return tuple(len(list(found)) for found in (node.subscriptions, node.publishers, node.timers))

    before = entities()
    for _ in range(2):
        for transition in ("configure", "activate", "deactivate", "cleanup"):
            assert getattr(node, f"trigger_{transition}")() == TransitionCallbackReturn.SUCCESS
    assert entities() == before
    assert node.trigger_shutdown() == TransitionCallbackReturn.SUCCESS


def test_twenty_rounds_leave_no_entity_thread_or_callback_behind(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Worker(AdderPipeline):
        """With a thread, and a topic that changes its type."""

        inputs = (
            AdderPipeline.inputs[0]._replace(
                newest_only=True, topic=Topic("numbers", ("std_msgs/msg/Int64", "std_msgs/msg/Int32"))
            ),
        )

    node = stage.add(adder_node(Worker), start=False)

    handles: list[Any] = []
    create = node.get_clock().create_jump_callback

    def remember(*arguments: Any, **options: Any) -> Any:
        handle = create(*arguments, **options)
        handles.append(weakref.ref(handle))
        return handle

    monkeypatch.setattr(node.get_clock(), "create_jump_callback", remember)

    def kept() -> tuple[int, ...]:
        entities = [len(list(found)) for found in (node.subscriptions, node.publishers, node.timers)]
        return (*entities, threading.active_count())

    found = []
    for _ in range(20):
        node.trigger_configure()
        node.trigger_activate()
        count = stage.peer.count_subscribers("/numbers")
        stage.publish("numbers", Int64(data=1))
        stage.until(lambda: node.meter("numbers").num_arrived > 0)
        assert count <= 1
        node.trigger_deactivate()
        node.trigger_cleanup()
        stage.unpublish("numbers")
        found.append(kept())
    assert found[1:] == found[1:2] * 19
    gc.collect()
    assert [handle() for handle in handles] == [None] * 20


def test_an_inactive_node_drops_and_says_so(stage: Any) -> None:
    node = stage.add(TrackerNode)
    node.trigger_deactivate()
    stage.publish("detections", detections(1.0))
    stage.until(lambda: node.meter("detections").drops == 1)
    tracks = stage.listen(TrackArray, "tracks")
    node.trigger_activate()
    assert stage.send("detections", detections(2.0), tracks).tracks[0].id == 1


def test_every_pipeline_has_its_node_in_the_one_process_and_in_the_documents() -> None:
    from dvae_nodes.pipelines.table import PIPELINES

    assert {name: node.pipeline_class for name, node in NODES.items()} == {kind.name: kind for kind in PIPELINES}
