"""Two nodes list their bodies on one topic: a reader of the newest list sees all of them."""

from __future__ import annotations

from typing import Any

import pytest
from toy_capability import AdderConfig, AdderPipeline, adder_node

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
from hri_msgs.msg import IdsList
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Int64

from dvae_nodes.wire import topics

LIST = topics.BODIES.name


class ListPipeline(AdderPipeline):
    """A number is a body that comes, or goes when it is there; the letter before it is that of the node."""

    prefix = "a"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.bodies: list[str] = []

    def on_number(self, message: Any, time: int) -> list[Any]:
        body = f"{self.prefix}{message.data}"
        self.bodies = [each for each in self.bodies if each != body] if body in self.bodies else [*self.bodies, body]
        return self._list()

    def close(self) -> list[Any]:
        self.bodies = []
        return self._list()

    def _list(self) -> list[Any]:
        header = self.types.make("std_msgs/msg/Header")
        region = self.types.make(topics.BODY_REGION.types[0], header=header)
        listed = topics.BODIES.output(self.types.make(topics.IDS_LIST, header=header, ids=self.bodies))
        return [listed, *(topics.BODY_REGION.output(region, body) for body in self.bodies)]

    inputs = (AdderPipeline.inputs[0]._replace(handler=on_number),)


class Robot:
    """Nodes with a prefix each, one process or several, and the newest list, which a client reads."""

    def __init__(self, stage: Any, in_one_process: bool) -> None:
        self.stage, self.in_one_process = stage, in_one_process
        self.executors: list[SingleThreadedExecutor] = []
        self.nodes: dict[str, Any] = {}
        qos = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.lists = stage.listen(IdsList, LIST, qos)

    def add(self, namespace: str, prefix: str) -> None:
        """A node that is active."""
        kind = type("Pipeline", (ListPipeline,), {"prefix": prefix})
        # reliable: a best-effort message may be lost while two processes find each other
        reliable = Parameter(f"qos_overrides./{namespace}/numbers.subscription.reliability", value="reliable")
        options: dict[str, Any] = {"namespace": namespace, "parameter_overrides": [reliable]}
        executor = self.stage.executor
        if not self.in_one_process:
            options["context"] = self.stage.another_process()
            executor = SingleThreadedExecutor(context=options["context"])
            self.executors.append(executor)
        self.nodes[namespace] = node = adder_node(kind)(**options)
        executor.add_node(node)
        node.autostart()

    def number(self, namespace: str, number: int) -> None:
        """A body comes or goes."""
        node = self.nodes[namespace]
        count = node.meter("numbers").count
        self.stage.publish(f"/{namespace}/numbers", Int64(data=number))
        self.until(lambda: node.meter("numbers").count > count)

    def until(self, condition: Any) -> None:
        """Spin all until `condition()`."""

        def spun() -> bool:
            for executor in self.executors:
                executor.spin_once(timeout_sec=0.01)
            return bool(condition())

        self.stage.until(spun)

    def listed(self, *ids: str) -> None:
        """Wait until the newest list has just these ids, and nobody has more to say."""
        self.until(lambda: bool(self.lists) and sorted(self.lists[-1].ids) == sorted(ids))
        count = len(self.lists)
        for _ in range(20):  # whoever hears it and knows better answers at once
            self.until(lambda: True)
        assert sorted(self.lists[-1].ids) == sorted(ids)
        assert len(self.lists) <= count + len(self.nodes)

    def remove(self, namespace: str) -> None:
        """As a process that is killed: nothing is handed out."""
        node = self.nodes.pop(namespace)
        for executor in [*self.executors, self.stage.executor]:
            executor.remove_node(node)
        node.destroy_node()

    def close(self) -> None:
        for namespace in list(self.nodes):
            self.remove(namespace)
        for executor in self.executors:
            executor.shutdown()


@pytest.fixture(params=[True, False], ids=["one process", "two processes"])
def robot(stage: Any, request: Any) -> Any:
    found = Robot(stage, request.param)
    yield found
    found.close()


def test_the_newest_list_has_the_bodies_of_all_nodes(robot: Robot) -> None:
    for namespace, prefix in (("left", "ca"), ("right", "cb")):
        robot.add(namespace, prefix)
    for number in (1, 2):
        robot.number("left", number)
    robot.listed("ca1", "ca2")
    for number in (1, 2):
        robot.number("right", number)
    robot.listed("ca1", "ca2", "cb1", "cb2")
    robot.number("left", 1)  # goes
    robot.listed("ca2", "cb1", "cb2")
    robot.number("right", 3)
    robot.listed("ca2", "cb1", "cb2", "cb3")
    assert robot.nodes["left"].trigger_deactivate() == TransitionCallbackReturn.SUCCESS
    robot.listed("cb1", "cb2", "cb3")
    robot.number("right", 2)
    robot.listed("cb1", "cb3")
    robot.nodes["left"].trigger_activate()
    robot.number("left", 7)
    robot.listed("ca7", "cb1", "cb3")
    robot.remove("right")  # killed: nobody takes its bodies from the list but the others
    robot.listed("ca7")
    robot.number("left", 8)
    robot.listed("ca7", "ca8")


def test_both_change_at_once(robot: Robot) -> None:
    for namespace, prefix in (("left", "ca"), ("middle", "cm"), ("right", "cb")):
        robot.add(namespace, prefix)
    for namespace in robot.nodes:
        robot.stage.publish(f"/{namespace}/numbers", Int64(data=1))
    robot.listed("ca1", "cm1", "cb1")
    for number in (2, 3, 1, 4):
        for namespace in robot.nodes:
            robot.stage.publish(f"/{namespace}/numbers", Int64(data=number))
    robot.listed(*(f"{prefix}{number}" for prefix in ("ca", "cm", "cb") for number in (2, 3, 4)))


def test_a_list_is_never_without_somebody_who_is_there(robot: Robot) -> None:
    for namespace, prefix in (("left", "ca"), ("right", "cb")):
        robot.add(namespace, prefix)
    robot.number("left", 1)
    robot.listed("ca1")
    for number in (1, 2, 3, 2, 3):
        robot.number("right", number)
    robot.listed("ca1", "cb1")
    assert all("ca1" in message.ids for message in robot.lists)


def test_who_reads_later_gets_one_list_from_all(robot: Robot) -> None:
    for namespace, prefix in (("left", "ca"), ("right", "cb")):
        robot.add(namespace, prefix)
    robot.number("left", 1)
    robot.listed("ca1")
    robot.number("right", 1)
    robot.listed("ca1", "cb1")
    robot.until(lambda: len(robot.lists) == 3)  # the left one repeats it
    late = robot.stage.peer.create_subscription(
        IdsList, LIST, (found := []).append, QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    )
    robot.until(lambda: len(found) == 2)
    assert [sorted(message.ids) for message in found] == [["ca1", "cb1"]] * 2
    robot.stage.peer.destroy_subscription(late)


def test_ids_of_two_nodes_are_said_and_end_in_one_list(robot: Robot) -> None:
    for namespace in ("left", "right"):
        robot.add(namespace, "b")
        robot.number(namespace, 1)
    robot.until(lambda: all("ids of two nodes" in robot.stage.problems(node) for node in robot.nodes.values()))
    robot.listed("b1")
    robot.number("left", 1)  # goes there, and is on the right still
    robot.listed("b1")
    robot.number("right", 1)
    robot.listed()


def test_lists_leave_no_entities_behind(stage: Any) -> None:
    node = stage.add(adder_node(ListPipeline), start=False)
    assert AdderConfig in node.pipeline_class.configs
    counts = []
    for _ in range(3):
        node.trigger_configure()
        node.trigger_activate()
        counts.append([len(list(found)) for found in (node.subscriptions, node.publishers, node.timers)])
        node.trigger_deactivate()
        node.trigger_cleanup()
    assert counts[0] == counts[1] == counts[2]
