"""One input topic of a node: subscribed with the type that is published on it, whenever that comes or changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

from dvae_nodes.lifecycle.graph import published_types, reliability_to_take, type_to_take, wrong_type
from dvae_nodes.lifecycle.meter import Meter
from dvae_nodes.lifecycle.pipeline import Input
from dvae_nodes.lifecycle.qos import OVERRIDABLE, say_bad_qos
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.messages import message_class

RCLError: type[RuntimeError] = rclpy_implementation.RCLError
PATIENCE = 4  # looks after which it is said that a subscription cannot be made


class Source:
    """The subscription of `node` to a declared input. kinds: the types that can be read, the one that is taken before
    somebody publishes first; receive: is given the messages; changed: is told the topic and the type that is taken now.
    Best effort; a lossless one reliable where all publishers offer it; a latched one reliable, with what was sent
    before; qos_overrides change all of it."""

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
        wants_all = declared.lossless or declared.topic.latched  # what was sent before comes to reliable ones only
        reliability = ReliabilityPolicy.RELIABLE if wants_all else ReliabilityPolicy.BEST_EFFORT
        durability = DurabilityPolicy.TRANSIENT_LOCAL if declared.topic.latched else DurabilityPolicy.VOLATILE
        self.qos = QoSProfile(depth=declared.depth, reliability=reliability, durability=durability)
        self._follows = declared.lossless and not self._is_reliability_given()
        excluded = {QoSPolicyKind.RELIABILITY} if self._follows else set()
        self._policies = [policy for policy in OVERRIDABLE if policy not in excluded]
        self._subscription: Any = None
        self._num_refused = 0
        self._said: list[str] = []  # types that cannot be read, of which it was said
        self.is_mismatched = False  # a publisher does not reach this subscription
        self.look()

    def look(self) -> None:
        """Subscribe to what is published, as it is; say when it cannot be read."""
        self.is_mismatched = False
        self._say_wrong_type()
        kind = type_to_take(self.kinds, published_types(self._node, self.topic), self.kind)
        reliability = self._reliability()
        if kind != self.kind:
            self._changed(self.topic, kind)
            self._node.get_logger().info(f"{self._node.resolve_topic_name(self.topic)}: reading {kind}")
        if (kind, reliability) != (self.kind, self.qos.reliability):
            self.destroy()
            self.kind, self.qos.reliability = kind, reliability
        if self._subscription is None:
            self._subscribe()

    def destroy(self) -> None:
        """Take the subscription from the node."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _is_reliability_given(self) -> bool:
        """Whether a parameter sets it."""
        name = f"qos_overrides.{self._node.resolve_topic_name(self.topic)}.subscription.reliability"
        if not self._node.has_parameter(name):
            text = "reliability; auto: reliable where all publishers offer it"
            self._node.declare_parameter(name, "auto", ParameterDescriptor(description=text, read_only=True))
        return bool(self._node.get_parameter(name).value != "auto")

    def _reliability(self) -> ReliabilityPolicy:
        current: ReliabilityPolicy = self.qos.reliability
        return reliability_to_take(self._node, self.topic, self.kinds, current) if self._follows else current

    def _say_wrong_type(self) -> None:
        found = published_types(self._node, self.topic)
        wrong = wrong_type(self._node, self.topic, self.kinds)
        if wrong and found != self._said:
            self._reporter.report(f"type {self.topic} {' '.join(found)}", f"{wrong}: nothing is read")
        self._said = found if wrong else []

    def _qos_differs(self, info: Any) -> None:
        """A publisher does not reach this subscription: the next look mends it, or it is said."""
        self.is_mismatched = self._reliability() != self.qos.reliability
        if not self.is_mismatched:
            say_bad_qos(self._node, self._reporter, self.topic, "publisher")(info)

    def _subscribe(self) -> None:
        """Of the nodes of one process none can read another type of a topic than the others: the next look succeeds
        when all have seen the new one."""
        try:
            self._subscription = self._node.create_subscription(
                message_class(self.kind),
                self.topic,
                self._receive,
                self.qos,
                event_callbacks=SubscriptionEventCallbacks(
                    incompatible_qos=self._qos_differs, use_default_callbacks=False
                ),
                qos_overriding_options=QoSOverridingOptions(self._policies),
            )
            self._num_refused = 0
        except RCLError as error:
            self._num_refused += 1
            if self._num_refused >= PATIENCE:
                self._reporter.report(
                    f"subscribe {self.topic}", f"{self.topic}: cannot be read as {self.kind}: {error}"
                )
