"""The output topics of a node: announced as its pipeline declares them, those of a body or voice while it is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher, LifecycleState
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions

try:
    from rclpy.event_handler import PublisherEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks

from dvae_nodes.lifecycle.pipeline import OutputTopic
from dvae_nodes.lifecycle.qos import say_bad_qos
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.messages import Output, message_class
from dvae_nodes.wire.topics import Topic


class Publishers:
    """Publishers of `node` by topic."""

    def __init__(self, node: LifecycleNode, reporter: Reporter) -> None:
        self._node, self._reporter = node, reporter
        self._declared: tuple[OutputTopic, ...] = ()
        self._made: dict[str, LifecyclePublisher[Any]] = {}
        self._active: LifecycleState | None = None

    def declare(self, outputs: Iterable[OutputTopic]) -> None:
        """What may be published."""
        self._declared = tuple(outputs)

    def announce(self, topic: Topic, name: str, kind: str) -> None:
        """Create the publisher of one topic: reliable; latched: who comes later gets the last message."""
        durability = DurabilityPolicy.TRANSIENT_LOCAL if topic.latched else DurabilityPolicy.VOLATILE
        warn = say_bad_qos(self._node, self._reporter, name, "subscriber")
        publisher = self._node.create_lifecycle_publisher(
            message_class(kind),
            name,
            QoSProfile(depth=1 if topic.latched else 10, durability=durability),
            event_callbacks=PublisherEventCallbacks(incompatible_qos=warn, use_default_callbacks=False),
            qos_overriding_options=None if name.startswith("/") else QoSOverridingOptions.with_default_policies(),
        )
        if self._active is not None:  # rclpy enables only those that are there on activation
            publisher.on_activate(self._active)
        self._made[name] = publisher

    def activate(self, state: LifecycleState | None) -> None:
        """The node becomes active from `state`; None: it is no more."""
        self._active = state

    def publish(self, outputs: Sequence[Output]) -> None:
        """Publish in order; a topic of a body or voice is announced with its first message and goes with its id.
        ValueError for an output that is not declared."""
        for output in outputs:
            if output.topic not in self._made:
                self.announce(self._declaration(output.topic).topic, output.topic, output.type)
            self._made[output.topic].publish(output.message)
        for output in outputs:
            for declared in self._declared:
                if declared.listed_in and declared.listed_in.name == output.topic:
                    self._keep(declared.topic, set(output.message.ids))

    def wait_until_received(self, seconds: float) -> None:
        """Give reliable subscribers time to get the last results."""
        for publisher in self._made.values():
            publisher.wait_for_all_acked(Duration(nanoseconds=int(seconds * 1e9)))

    def destroy(self) -> None:
        """Take all publishers from the node."""
        for publisher in self._made.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._made.clear()
        self._declared, self._active = (), None

    def _declaration(self, name: str) -> OutputTopic:
        for declared in self._declared:
            if declared.topic.id_in(name) is not None:
                return declared
        known = ", ".join(declared.topic.name for declared in self._declared)
        raise ValueError(f"expected an output that the pipeline declares ({known}), got one for {name}")

    def _keep(self, topic: Topic, ids: set[str]) -> None:
        """Withdraw the topics of ids that are gone."""
        for name in [name for name in self._made if (topic.id_in(name) or "") not in ids and topic.id_in(name)]:
            self._node.destroy_lifecycle_publisher(self._made.pop(name))
