"""One input topic of a node: subscribed with the type that is published on it, whenever that comes or changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

from dvae_nodes.lifecycle.graph import published_types, type_to_take, wrong_type
from dvae_nodes.lifecycle.meter import Meter
from dvae_nodes.lifecycle.pipeline import Input
from dvae_nodes.lifecycle.qos import OVERRIDABLE, say_bad_qos
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.messages import message_class

RCLError: type[RuntimeError] = rclpy_implementation.RCLError
PATIENCE = 4  # looks after which it is said that a subscription cannot be made


class Source:
    """The subscription of `node` to a declared input, best effort by default (qos_overrides change it). kinds: the
    types that can be read, the one that is taken before somebody publishes first; receive: is given the messages;
    changed: the type that was taken and the one that is taken now."""

    def __init__(
        self,
        node: Node,
        reporter: Reporter,
        declared: Input,
        kinds: Sequence[str],
        receive: Callable[[Any], None],
        changed: Callable[[str, str], None],
    ) -> None:
        self._node, self._reporter, self._receive, self._changed = node, reporter, receive, changed
        self.topic, self.kinds, self.kind = declared.topic.name, tuple(kinds), kinds[0]
        self.meter = Meter(declared.optional)
        self.qos = QoSProfile(depth=declared.depth, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._subscription: Any = None
        self._num_refused = 0
        self.look()

    def look(self) -> None:
        """Subscribe to the type that is published; say when it is one that cannot be read."""
        found = published_types(self._node, self.topic)
        kind = type_to_take(self.kinds, found, self.kind)
        wrong = wrong_type(self._node, self.topic, self.kinds)
        if wrong:
            self._reporter.report(f"type {self.topic} {' '.join(found)}", f"{wrong}: nothing is read")
        if kind != self.kind:
            self.destroy()
            self._changed(self.kind, kind)
            self.kind = kind
            self._node.get_logger().info(f"{self._node.resolve_topic_name(self.topic)}: reading {kind}")
        if self._subscription is None:
            self._subscribe()

    def destroy(self) -> None:
        """Take the subscription from the node."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _subscribe(self) -> None:
        """Of the nodes of one process none can read another type of a topic than the others: the next look succeeds
        when all have seen the new one."""
        warn = say_bad_qos(self._node, self._reporter, self.topic, "publisher")
        try:
            self._subscription = self._node.create_subscription(
                message_class(self.kind),
                self.topic,
                self._receive,
                self.qos,
                event_callbacks=SubscriptionEventCallbacks(incompatible_qos=warn, use_default_callbacks=False),
                qos_overriding_options=QoSOverridingOptions(OVERRIDABLE),
            )
            self._num_refused = 0
        except RCLError as error:
            self._num_refused += 1
            if self._num_refused >= PATIENCE:
                self._reporter.report(
                    f"subscribe {self.topic}", f"{self.topic}: cannot be read as {self.kind}: {error}"
                )
