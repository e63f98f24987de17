"""The lifecycle node that all of ours are: configure builds, activate lets messages through, cleanup destroys."""

from __future__ import annotations

import gc
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import rclpy

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.signals import SignalHandlerOptions

from dvae.threads import use_one_thread
from dvae_nodes.lifecycle.diagnostics import Diagnostics, Meter
from dvae_nodes.lifecycle.parameters import ConfiguredParameters
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.messages import Output

Handler = Callable[[Any], list[Output]]


def type_name(message_class: Any) -> str:
    """package/msg/Type of a generated message class."""
    package, kind = message_class.__module__.split(".")[:2]
    return f"{package}/{kind}/{message_class.__name__}"


class PerceptionNode(LifecycleNode):
    """Subclasses give `configs` (dataclasses that become parameters), `build` and `reset`."""

    configs: Sequence[type] = ()

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        self.configured = self.active = False
        self.parameters = ConfiguredParameters(self, self.configs, lambda: self.configured)
        self.declare_parameter("autostart", True)
        self._inputs: dict[str, tuple[str, Meter]] = {}
        self._subscriptions_made: list[Any] = []
        self._outputs: dict[str, Any] = {}
        self._diagnostics: Diagnostics | None = None
        self._jump: Any = None
        self.reporter = Reporter(lambda text: self.get_logger().warning(text))

    # ------------------------------------------------------------------ for subclasses

    def build(self) -> dict[str, Any]:
        """Load models, call `listen` and `announce`; returns facts for /diagnostics. ValueError: not configured."""
        raise NotImplementedError

    def reset(self) -> None:
        """Start anew: time jumped back."""

    def start(self) -> None:
        """Called on activation."""

    def stop(self) -> list[Output]:
        """Called on deactivation; what is still inside."""
        return []

    def release(self) -> None:
        """Called on cleanup: forget models and state."""

    def apply_parameters(self) -> None:
        """A live parameter changed."""

    def listen(self, message_class: Any, topic: str, handler: Handler, depth: int = 5, optional: bool = False) -> None:
        """Subscribe, best effort by default (qos_overrides change it), and publish what `handler` returns.

        optional: that nothing comes is no problem.
        """
        meter = Meter()
        meter.optional = optional
        self._inputs[topic] = (type_name(message_class), meter)
        profile = QoSProfile(depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._subscriptions_made.append(
            self.create_subscription(
                message_class,
                topic,
                lambda message: self._handle(topic, meter, handler, message),
                profile,
                event_callbacks=SubscriptionEventCallbacks(
                    incompatible_qos=self._bad_qos(topic, "publisher"), use_default_callbacks=False
                ),
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )
        )

    def announce(self, message_class: Any, topic: str, latched: bool = False) -> None:
        """Create the publisher of an output topic: reliable; latched: who comes later gets the last message."""
        durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
        publisher = self.create_lifecycle_publisher(
            message_class,
            topic,
            QoSProfile(depth=1 if latched else 10, durability=durability),
            event_callbacks=PublisherEventCallbacks(
                incompatible_qos=self._bad_qos(topic, "subscriber"), use_default_callbacks=False
            ),
            qos_overriding_options=None if topic.startswith("/") else QoSOverridingOptions.with_default_policies(),
        )
        if self.active:  # rclpy enables only those that are there on activation
            publisher.on_activate(None)
        self._outputs[topic] = publisher

    def announced(self) -> set[str]:
        """The topics that have a publisher."""
        return set(self._outputs)

    def withdraw(self, topic: str) -> None:
        """Destroy the publisher of a topic."""
        self.destroy_lifecycle_publisher(self._outputs.pop(topic))

    def publish_outputs(self, outputs: list[Output]) -> None:
        """Publish; outputs for topics that were not announced are left out."""
        for topic, message in outputs:
            if topic in self._outputs:
                self._outputs[topic].publish(message)

    def meter(self, topic: str) -> Meter:
        """The meter of an input topic."""
        return self._inputs[topic][1]

    # ------------------------------------------------------------------ machinery

    def _bad_qos(self, topic: str, other: str) -> Callable[[Any], None]:
        def warn(info: Any) -> None:
            policy = str(info.last_policy_kind).rsplit(".", maxsplit=1)[-1]
            self.reporter.report(
                f"qos {topic}",
                f"{self.resolve_topic_name(topic)}: expected a {other} with compatible QoS, got one that differs in "
                f"{policy}: nothing passes between them (see qos_overrides)",
            )

        return warn

    def _handle(self, topic: str, meter: Meter, handler: Handler, message: Any) -> None:
        if not self.active:  # subscriptions of a lifecycle node are not gated by its state
            meter.drops += 1
            return
        if self.parameters.changed:
            self.parameters.changed = False
            self.apply_parameters()
        began = time.perf_counter()
        try:
            outputs = handler(message)
        except Exception as error:  # one bad message must not end the node
            self.reporter.report(f"{topic} {type(error).__name__}", f"{topic}: message ignored: {error}")
            return
        self.publish_outputs(outputs)
        self.measure(meter, time.perf_counter() - began, message)

    def measure(self, meter: Meter, processing_seconds: float, message: Any) -> None:
        """Count a processed message; its age is known when it has a stamp of this clock."""
        age = None
        if hasattr(message, "header"):
            stamp = message.header.stamp
            age = self.get_clock().now().nanoseconds * 1e-9 - (stamp.sec + stamp.nanosec * 1e-9)
        meter.add(processing_seconds, age if age is not None and 0 <= age < 60 else None)

    def _time_jumped(self, _: Any) -> None:
        if self.configured:
            self.reporter.report("clock", "the clock jumped back: starting anew")
            self.reset()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            facts = self.build()
        except (ValueError, OSError, ImportError) as error:
            self.get_logger().error(f"not configured: {error}")
            self._tear_down()
            return TransitionCallbackReturn.FAILURE
        except Exception:  # a mistake of ours: rclpy would hide it behind "error processing"
            self.get_logger().error(f"not configured: {traceback.format_exc()}")
            raise
        self._diagnostics = Diagnostics(self, self._inputs, self.reporter.counts)
        self._diagnostics.facts = facts
        threshold = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=False)
        self._jump = self.get_clock().create_jump_callback(threshold, post_callback=self._time_jumped)
        self.configured = True
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        self.start()
        self.active = True
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.active = False
        self.publish_outputs(self.stop())  # nothing already received is lost
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._tear_down()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self.active:
            self.active = False
            self.publish_outputs(self.stop())
        self._tear_down()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.active = False
        self._tear_down()
        return TransitionCallbackReturn.SUCCESS

    def _tear_down(self) -> None:
        self.configured = False
        self.release()
        if self._jump is not None:
            self._jump.unregister()
            self._jump = None
        if self._diagnostics is not None:
            self._diagnostics.destroy()
            self._diagnostics = None
        for subscription in self._subscriptions_made:
            self.destroy_subscription(subscription)
        for publisher in self._outputs.values():
            self.destroy_lifecycle_publisher(publisher)
        self._subscriptions_made.clear()
        self._outputs.clear()
        self._inputs.clear()
        self.reporter.counts.clear()

    def wait_until_received(self, seconds: float = 1.0) -> None:
        """Give reliable subscribers time to get the last results."""
        for publisher in self._outputs.values():
            publisher.wait_for_all_acked(Duration(nanoseconds=int(seconds * 1e9)))

    def autostart(self) -> None:
        """Configure and activate, unless the parameter `autostart` is false and a manager does it."""
        if self.get_parameter("autostart").value and self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()


def run_nodes(make_nodes: Callable[[], Sequence[PerceptionNode]], args: list[str] | None = None) -> None:
    """Spin nodes in one single-threaded executor until SIGINT or SIGTERM; then hand out what they still hold.

    The signals are ours: rclpy's own handler takes the context away before the last results can be published.
    """
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda found, _: stopping.append(found))
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    executor = SingleThreadedExecutor()
    nodes: Sequence[PerceptionNode] = []
    try:
        nodes = make_nodes()
        use_one_thread()
        for node in nodes:
            executor.add_node(node)
            node.autostart()
        # what the models and compilers left behind stays: looking through it again takes 0.2 s, and loses messages
        gc.collect()
        gc.freeze()
        while not stopping and rclpy.ok():
            executor.spin_once(timeout_sec=0.1)
    except ExternalShutdownException:
        pass
    finally:
        for node in nodes:
            if node.active and rclpy.ok():
                node.trigger_deactivate()
                node.wait_until_received()
            node.destroy_node()
        rclpy.try_shutdown()
