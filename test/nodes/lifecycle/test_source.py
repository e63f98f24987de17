"""An input takes the type that is published on its topic, whenever that comes or changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from toy_capability import NUMBERS, SUMS, AdderPipeline, adder_node

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from live_messages import audio_messages
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Int32, Int64, UInt8

from dvae_nodes.lifecycle.graph import type_to_take
from dvae_nodes.lifecycle.pipeline import OutputTopic
from dvae_nodes.wire.topics import Topic

KINDS = ("std_msgs/msg/Int64", "std_msgs/msg/Int32")


@pytest.mark.parametrize(
    ("published", "current", "expected"),
    [
        ([], "a", "a"),
        (["b"], "a", "b"),
        (["a", "b"], "b", "b"),
        (["a", "b"], "a", "a"),
        (["x"], "b", "b"),
        (["c", "b"], "a", "b"),
    ],
)
def test_the_first_type_that_can_be_read_and_is_published(published: list[str], current: str, expected: str) -> None:
    assert type_to_take(("a", "b", "c"), published, current) == expected


class EitherPipeline(AdderPipeline):
    """Reads numbers of two types; sums are of the type that came."""

    outputs = (OutputTopic(Topic("sums", KINDS), "the sum", follows=NUMBERS),)

    def on_number(self, message: Any, time: int) -> list[Any]:
        kind = f"std_msgs/msg/{type(message).__name__}"
        return [Topic("sums", KINDS).output(self.types.make(kind, data=message.data + 1), kind=kind)]

    inputs = (AdderPipeline.inputs[0]._replace(topic=Topic(NUMBERS.name, KINDS), handler=on_number),)


@pytest.fixture
def stranger(stage: Any) -> Iterator[Callable[[], Any]]:
    """Nodes of another process: one participant cannot have two types on a topic at a time."""
    made: list[Any] = []
    context = stage.another_process()

    def make() -> Any:
        made.append(rclpy.create_node(f"stranger{len(made)}", context=context))
        return made[-1]

    yield make
    for node in made:
        node.destroy_node()


def send(stage: Any, publisher: Any, message: Any, results: list[Any]) -> Any:
    """The result of a message, sent when it is read."""
    stage.until(lambda: publisher.get_subscription_count() > 0)
    publisher.publish(message)
    stage.until(lambda: bool(results))
    return results.pop()


def test_the_type_that_comes_late_and_changes_is_taken(stage: Any, stranger: Any) -> None:
    node = stage.add(adder_node(EitherPipeline))
    for kind in (Int32, Int64, Int32):
        other, results = stranger(), []
        publisher = other.create_publisher(kind, "numbers", 10)
        executor = rclpy.executors.SingleThreadedExecutor(context=other.context)
        executor.add_node(other)
        other.create_subscription(kind, "sums", results.append, 10)
        stage.until(lambda publisher=publisher: publisher.get_subscription_count() > 0)
        stage.until(lambda kind=kind: node._sources.sources["numbers"].kind.endswith(kind.__name__))
        end = []
        while not results and len(end) < 300:
            publisher.publish(kind(data=4))
            stage.executor.spin_once(timeout_sec=0.05)
            executor.spin_once(timeout_sec=0.05)
            end.append(1)
        assert results[0].data == 5
        other.destroy_publisher(publisher)
        executor.shutdown()
        other.destroy_node()
    assert not stage.problems(node)


def test_nodes_of_one_process_change_together(stage: Any, stranger: Any) -> None:
    class Other(adder_node(EitherPipeline)):  # type: ignore[misc]
        """A second reader of the topic, as tracker and overlay both read images."""

        def __init__(self, **options: Any) -> None:
            super().__init__(namespace="second", cli_args=["--ros-args", "-r", "numbers:=/numbers"], **options)

    nodes = [stage.add(adder_node(EitherPipeline)), stage.add(Other)]
    publisher = stranger().create_publisher(Int32, "numbers", 10)
    stage.until(lambda: publisher.get_subscription_count() == 2)
    publisher.publish(Int32(data=4))
    stage.until(lambda: all(node.meter("numbers").count == 1 for node in nodes))
    assert not [stage.problems(node) for node in nodes if stage.problems(node)]


def test_a_type_that_cannot_be_read_is_said_once_and_left_when_it_is_mended(stage: Any, stranger: Any) -> None:
    node = stage.add(adder_node(EitherPipeline))
    other = stranger()
    wrong = other.create_publisher(UInt8, "numbers", 10)
    stage.until(lambda: "type numbers std_msgs/msg/UInt8" in stage.problems(node))
    other.destroy_publisher(wrong)
    sums = stage.listen(Int64, SUMS.name)
    assert send(stage, stage.peer.create_publisher(Int64, "numbers", 10), Int64(data=1), sums).data == 2


def test_the_enhancer_takes_what_audio_capture_publishes(stage: Any, stranger: Any) -> None:
    """That of ros-drivers: AudioData on `audio`, AudioDataStamped on `audio_stamped`."""
    import numpy as np
    from audio_common_msgs.msg import AudioData, AudioDataStamped

    from dvae_nodes.enhancer import EnhancerNode

    node = stage.add(EnhancerNode, sample_rate=16000)
    capture = stranger()
    plain, stamped = (
        capture.create_publisher(kind, topic, 10)
        for kind, topic in ((AudioData, "audio"), (AudioDataStamped, "audio_stamped"))
    )
    stage.until(lambda: plain.get_subscription_count() == 1)
    enhanced = stage.listen(AudioData, "audio/enhanced")
    messages = audio_messages(np.zeros(16000, dtype=np.float32))
    for count, message in enumerate(messages, start=1):
        stamped.publish(message)
        plain.publish(message.audio)
        stage.until(lambda count=count: node.meter("audio").count == count)
    node.trigger_deactivate()
    stage.until(lambda: sum(len(message.data) for message in enhanced) == 2 * 16000)


def test_all_who_read_images_take_compressed_ones(stage: Any, stranger: Any) -> None:
    """Of one process, and a camera that starts after them."""
    import cv2
    import numpy as np
    from sensor_msgs.msg import CompressedImage, Image

    from dvae_nodes.detector import DetectorNode
    from dvae_nodes.overlay import OverlayNode

    nodes = [stage.add(DetectorNode), stage.add(OverlayNode)]
    camera = stranger()
    publisher = camera.create_publisher(CompressedImage, "image", 10)
    stage.until(lambda: publisher.get_subscription_count() == 2)
    message = CompressedImage(format="jpeg", data=cv2.imencode(".jpg", np.zeros((128, 96, 3), np.uint8))[1].tobytes())
    publisher.publish(message)
    stage.until(lambda: all(node.meter("image").count == 1 for node in nodes))
    assert not [stage.problems(node) for node in nodes if stage.problems(node)]
    camera.destroy_publisher(publisher)
    publisher = stranger().create_publisher(Image, "image", 10)  # the camera's driver with other settings
    stage.until(lambda: publisher.get_subscription_count() == 2)
    publisher.publish(Image(height=2, width=3, encoding="bgr8", step=9, data=bytes(18)))
    stage.until(lambda: all(node.meter("image").num_arrived == 2 for node in nodes))


class LosslessPipeline(AdderPipeline):
    """Every number counts."""

    inputs = (AdderPipeline.inputs[0]._replace(lossless=True),)


def reliabilities(node: Any) -> list[ReliabilityPolicy]:
    """Of the subscriptions to the numbers."""
    return [info.qos_profile.reliability for info in node.get_subscriptions_info_by_topic("/numbers")]


def test_what_counts_is_read_reliably_where_all_offer_it(stage: Any) -> None:
    node = stage.add(adder_node(LosslessPipeline))
    sums = stage.listen(Int64, SUMS.name)
    reliable = stage.peer.create_publisher(Int64, "numbers", QoSProfile(depth=10))
    send(stage, reliable, Int64(data=1), sums)
    assert reliabilities(node) == [ReliabilityPolicy.RELIABLE]
    lossy = stage.peer.create_publisher(
        Int64, "numbers", QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
    )

    def is_read() -> bool:
        reliable.publish(Int64(data=1))  # never falls silent
        return lossy.get_subscription_count() > 0

    stage.until(is_read)
    assert reliabilities(node) == [ReliabilityPolicy.BEST_EFFORT]
    assert not stage.problems(node)


def test_a_parameter_has_the_last_word_on_reliability(stage: Any) -> None:
    node = stage.add(adder_node(LosslessPipeline), **{"qos_overrides./numbers.subscription.reliability": "best_effort"})
    publisher = stage.peer.create_publisher(Int64, "numbers", QoSProfile(depth=10))
    stage.until(lambda: publisher.get_subscription_count() == 1)
    assert reliabilities(node) == [ReliabilityPolicy.BEST_EFFORT]


def test_topics_of_ids_are_read_as_long_as_their_list_has_them(stage: Any) -> None:
    from hri_msgs.msg import IdsList
    from rclpy.qos import DurabilityPolicy

    from dvae_nodes.lifecycle.pipeline import Input
    from dvae_nodes.wire.topics import FACES

    class PerIdPipeline(AdderPipeline):
        """Adds what comes on the topic of any id on the list."""

        def on_list(self, message: Any, _: int) -> list[Any]:
            return []

        def on_number_of(self, message: Any, time: int, topic_id: str) -> list[Any]:
            return self.on_number(Int64(data=message.data * (10 if topic_id == "f2" else 1)), time)

        inputs = (
            Input(FACES, on_list, "ids"),
            Input(Topic("/numbers/<id>/one", NUMBERS.types), on_number_of, "a number of each", listed_in=FACES),
        )

    node = stage.add(adder_node(PerIdPipeline), start=False, step=0)
    latched = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = stage.peer.create_publisher(IdsList, FACES.name, latched)
    publisher.publish(IdsList(ids=["f1", "f2"]))  # before the node is there
    node.autostart()
    sums = stage.listen(Int64, "sums")
    stage.until(lambda: stage.peer.count_subscribers("/numbers/f2/one") == 1)
    assert stage.send("/numbers/f1/one", Int64(data=1), sums).data == 1
    assert stage.send("/numbers/f2/one", Int64(data=2), sums).data == 21
    publisher.publish(IdsList(ids=["f2", "no name", "f3"]))  # what cannot be a topic takes no other with it
    stage.until(lambda: stage.peer.count_subscribers("/numbers/f1/one") == 0)
    stage.until(lambda: stage.peer.count_subscribers("/numbers/f3/one") == 1)
    assert stage.send("/numbers/f3/one", Int64(data=5), sums).data == 26
    assert list(stage.problems(node)) == ["/numbers/no name/one RCLError"]
    node.trigger_deactivate()
    node.trigger_cleanup()
    stage.until(lambda: stage.peer.count_subscribers("/numbers/f2/one") == 0)
