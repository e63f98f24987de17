"""The output topics of a node: announced as its pipeline declares them, those of a body or voice while it is there."""

from __future__ import annotations

import time
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
from dvae_nodes.lifecycle.qos import OVERRIDABLE, say_bad_qos
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.lifecycle.shared_list import SharedList
from dvae_nodes.wire.messages import Output, message_class
from dvae_nodes.wire.topics import IDS_LIST, Topic


class Publishers:
    """Publishers of `node` by topic."""

    def __init__(self, node: LifecycleNode, reporter: Reporter) -> None:
        self._node, self._reporter = node, reporter
        self._declared: tuple[OutputTopic, ...] = ()
        self._made: dict[str, LifecyclePublisher[Any]] = {}
        self._kinds: dict[str, str] = {}  # type of the messages, by topic
        self._lists: dict[str, SharedList] = {}  # by topic
        self._active: LifecycleState | None = None

    @property
    def kinds(self) -> dict[str, str]:
        """The type of the messages of each topic that is announced."""
        return dict(self._kinds)

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
            qos_overriding_options=None if name.startswith("/") else QoSOverridingOptions(OVERRIDABLE),
        )
        if self._active is not None:  # rclpy enables only those that are there on activation
            publisher.on_activate(self._active)
        self._made[name], self._kinds[name] = publisher, kind
        if topic.types == (IDS_LIST,):
            self._lists[name] = SharedList(self._node, self._reporter, name, publisher)

    def activate(self, state: LifecycleState | None) -> None:
        """The node becomes active from `state`; None: it is no more."""
        self._active = state

    def publish(self, outputs: Sequence[Output]) -> None:
        """Publish in order; a topic of a body or voice is announced with its first message and goes with its id; one
        whose messages have another type than before is announced again. ValueError for an output that is not declared.
        """
        for output in outputs:  # all before the first: who reads of an id finds its topics
            if self._kinds.get(output.topic) != output.type:
                declared = self._declaration(output.topic)
                self._withdraw(output.topic)
                self.announce(declared.topic, output.topic, output.type)
        for output in outputs:
            publisher = self._lists.get(output.topic) or self._made[output.topic]
            publisher.publish(output.message)
        for output in outputs:
            for declared in self._declared:
                if declared.listed_in and declared.listed_in.name == output.topic:
                    self._keep(declared.topic, set(output.message.ids))

    def follow(self, source: str, kind: str) -> None:
        """The input `source` has messages of `kind` now: so do the topics that give what came in."""
        for declared in self._declared:
            topic = declared.topic
            if declared.follows and declared.follows.name == source and self._kinds.get(topic.name) != kind:
                self._withdraw(topic.name)
                self.announce(topic, topic.name, kind)

    def wait_until_received(self, seconds: float) -> None:
        """Give reliable subscribers time to get the last results, `seconds` for all of them together."""
        end = time.monotonic() + seconds
        for publisher in self._made.values():
            left = max(0.0, end - time.monotonic())
            publisher.wait_for_all_acked(Duration(nanoseconds=int(left * 1e9)))

    def destroy(self) -> None:
        """Take all publishers from the node."""
        for name in list(self._made):
            self._withdraw(name)
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
            self._withdraw(name)

    def _withdraw(self, name: str) -> None:
        if name in self._lists:
            self._lists.pop(name).destroy()
        if name in self._made:
            self._node.destroy_lifecycle_publisher(self._made.pop(name))
            del self._kinds[name]
