"""Real rclpy over real DDS: nodes under test and a peer that publishes and listens, in one executor."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile

SECONDS = 30.0


class Stage:
    """Nodes under test, a peer node, and everything that the peer received, by topic."""

    def __init__(self) -> None:
        self.executor = SingleThreadedExecutor()
        self.peer = Node("peer")
        self.executor.add_node(self.peer)
        self.nodes: list[Any] = []
        self._probes = [self.peer]  # a node of each process
        self.received: dict[str, list[Any]] = {}
        self._publishers: dict[str, Any] = {}

    def add(self, node_class: type, start: bool = True, **parameters: Any) -> Any:
        """A node with parameters; configured and activated when `start`."""
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        node = node_class(parameter_overrides=overrides)
        self.nodes.append(node)
        self.executor.add_node(node)
        if start:
            node.autostart()
        return node

    def listen(self, kind: type, topic: str, qos: QoSProfile | int = 200) -> list[Any]:
        """Messages on `topic` from now on."""
        found = self.received.setdefault(topic, [])
        self.peer.create_subscription(kind, topic, found.append, qos)
        return found

    def publish(self, topic: str, message: Any, qos: QoSProfile | int = 200) -> None:
        """Publish; the first time, when a subscriber is there."""
        if topic not in self._publishers:
            self._publishers[topic] = self.peer.create_publisher(type(message), topic, qos)
            self.until(lambda: self._publishers[topic].get_subscription_count() > 0)
        self._publishers[topic].publish(message)

    def unpublish(self, topic: str) -> None:
        """Take the publisher of a topic away."""
        self.peer.destroy_publisher(self._publishers.pop(topic))

    def until(self, condition: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Handle callbacks until `condition()`; fails after `seconds`."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "nothing came in time"
            self.executor.spin_once(timeout_sec=0.05)

    def send(self, topic: str, message: Any, results: list[Any], seconds: float = SECONDS) -> Any:
        """Publish until the first result comes (best-effort messages may be lost), and return the newest result."""
        count, end = len(results), time.monotonic() + seconds
        self.publish(topic, message)
        while len(results) == count:
            assert time.monotonic() < end, f"no result for a message on {topic}"
            self.executor.spin_once(timeout_sec=0.05)
        return results[-1]

    def another_process(self) -> Any:
        """A context of its own, as a process has it, that finds the others and is found by them: on a busy machine
        DDS does not always find another participant of the same process, so that another one is made."""
        for _ in range(5):
            context = Context()
            rclpy.init(context=context)
            probes = [*self._probes, Node(f"probe{len(self._probes)}", context=context)]
            end = time.monotonic() + 6.0
            while time.monotonic() < end:
                self.executor.spin_once(timeout_sec=0.05)
                if all({probe.get_name() for probe in probes} <= set(each.get_node_names()) for each in probes):
                    self._probes = probes
                    return context
            probes[-1].destroy_node()
            rclpy.try_shutdown(context=context)
        raise AssertionError("no other process was found")

    def problems(self, node: Any) -> dict[str, int]:
        """What the node has reported, by cause."""
        return dict(node.reporter.counts)

    def close(self) -> None:
        for node in [*self.nodes, self.peer]:
            self.executor.remove_node(node)
            node.destroy_node()
        for probe in self._probes[1:]:
            context = probe.context
            probe.destroy_node()
            rclpy.try_shutdown(context=context)
