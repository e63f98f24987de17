"""The lifecycle node that drives a pipeline: configure builds it, activate opens it, cleanup destroys it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

from dvae_nodes.lifecycle.diagnostics import Diagnostics, Meter
from dvae_nodes.lifecycle.parameters import ConfiguredParameters
from dvae_nodes.lifecycle.pipeline import Input, OutputTopic, Pipeline, handle
from dvae_nodes.lifecycle.publishers import Publishers
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.lifecycle.worker import NewestWorker
from dvae_nodes.wire.messages import LiveTypes, Output, message_class
from dvae_nodes.wire.topics import Topic


class PipelineNode(LifecycleNode):
    """Subclasses name their `pipeline_class`; parameters, topics and diagnostics come from what it declares."""

    pipeline_class: ClassVar[type[Pipeline]]

    def __init__(self, **options: Any) -> None:
        super().__init__(self.pipeline_class.name, **options)
        self.configured = self.active = False
        self.parameters = ConfiguredParameters(self, self.pipeline_class.configs, lambda: self.configured)
        self.declare_parameter("autostart", True)
        self.reporter = Reporter(self._warn)
        self.pipeline: Pipeline | None = None
        self._publishers_made = Publishers(self, partial(self._bad_qos, other="subscriber"))
        self._inputs: dict[str, tuple[str, Meter]] = {}
        self._subscriptions_made: list[Any] = []
        self._workers: list[NewestWorker] = []
        self._diagnostics: Diagnostics | None = None
        self._jump: Any = None

    def autostart(self) -> None:
        """Configure and activate, unless the parameter `autostart` is false and a manager does it."""
        if self.get_parameter("autostart").value and self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def meter(self, topic: str) -> Meter:
        """The meter of an input topic."""
        return self._inputs[topic][1]

    def wait_until_received(self, seconds: float = 1.0) -> None:
        """Give reliable subscribers time to get the last results."""
        self._publishers_made.wait_until_received(seconds)

    def _warn(self, text: str) -> None:
        self.get_logger().warning(text)

    # ------------------------------------------------------------------ life

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self._build()
        except (ValueError, OSError, ImportError) as error:
            self.get_logger().error(f"not configured: {error}")
            self._tear_down()
            return TransitionCallbackReturn.FAILURE
        except Exception:  # a mistake of ours: rclpy would hide it behind "error processing"
            self.get_logger().error(f"not configured: {traceback.format_exc()}")
            raise
        self.configured = True
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        self._publishers_made.activate(state)
        for worker in self._workers:
            worker.start()
        self.active = True
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._tear_down()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self.active:
            self._stop()
        self._tear_down()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.active = False
        self._tear_down()
        return TransitionCallbackReturn.SUCCESS

    def _build(self) -> None:
        """The pipeline, its topics, diagnostics; ValueError, OSError or ImportError: the node is not configured."""
        pipeline = self.pipeline_class(LiveTypes(), self.parameters.settings(), self.reporter)
        self.pipeline = pipeline
        is_on = partial(pipeline.is_on, settings=pipeline.settings)
        self._publishers_made.declare(filter(is_on, pipeline.outputs))
        for output in filter(is_on, pipeline.outputs):
            self._announce(pipeline, output)
        for declared in filter(is_on, pipeline.inputs):
            self._listen(pipeline, declared)
        self._diagnostics = Diagnostics(self, self._inputs, self.reporter.counts, pipeline.facts())
        threshold = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=False)
        self._jump = self.get_clock().create_jump_callback(threshold, post_callback=self._time_jumped)

    def _stop(self) -> None:
        """Nothing already received is lost."""
        self.active = False
        for worker in self._workers:
            worker.stop()  # what is in work is finished and published
        if self.pipeline is not None:
            self._publishers_made.publish(self.pipeline.close())
        self._publishers_made.activate(None)

    def _tear_down(self) -> None:
        self.configured = False
        self.pipeline = None
        if self._jump is not None:
            self._jump.unregister()
            self._jump = None
        if self._diagnostics is not None:
            self._diagnostics.destroy()
            self._diagnostics = None
        for worker in self._workers:
            worker.stop()
        for subscription in self._subscriptions_made:
            self.destroy_subscription(subscription)
        self._publishers_made.destroy()
        self._workers.clear()
        self._subscriptions_made.clear()
        self._inputs.clear()
        self.reporter.counts.clear()

    # ------------------------------------------------------------------ topics

    def _kind_of(self, pipeline: Pipeline, topic: Topic) -> str | None:
        """The type of message that a topic has here, None where the pipeline does without it; ValueError when none is
        installed."""
        kinds = pipeline.types_of(topic)
        found = next((kind for kind in kinds if pipeline.types.fields_of(kind)), None)
        if kinds and found is None:
            raise ValueError(f"{topic.name}: expected {' or '.join(kinds)}, which is not installed")
        return found

    def _announce(self, pipeline: Pipeline, output: OutputTopic) -> None:
        kind = self._kind_of(pipeline, output.topic)
        names = [output.topic.name]
        if output.topic.has_ids():
            names = [output.topic.name.replace("<id>", one) for one in pipeline.standing_ids()]
        for name in names if kind else []:
            self._publishers_made.announce(output.topic, name, str(kind))

    def _listen(self, pipeline: Pipeline, declared: Input) -> None:
        """Subscribe, best effort by default (qos_overrides change it), and publish what the handler returns."""
        kind, topic = self._kind_of(pipeline, declared.topic), declared.topic.name
        if kind is None:
            return
        meter = Meter(declared.optional)
        self._inputs[topic] = (kind, meter)
        process = partial(self._process, pipeline, declared, meter)
        if declared.newest_only:
            worker = NewestWorker(f"{pipeline.name} {topic}", process)
            self._workers.append(worker)
            process = partial(self._hand_over, worker, meter)
        self._subscriptions_made.append(
            self.create_subscription(
                message_class(kind),
                topic,
                lambda message: self._receive(meter, process, message),
                QoSProfile(depth=declared.depth, reliability=ReliabilityPolicy.BEST_EFFORT),
                event_callbacks=SubscriptionEventCallbacks(
                    incompatible_qos=self._bad_qos(topic, "publisher"), use_default_callbacks=False
                ),
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )
        )

    def _bad_qos(self, topic: str, other: str) -> Callable[[Any], None]:
        def warn(info: Any) -> None:
            policy = str(info.last_policy_kind).rsplit(".", maxsplit=1)[-1]
            self.reporter.report(
                f"qos {topic}",
                f"{self.resolve_topic_name(topic)}: expected a {other} with compatible QoS, got one that differs in "
                f"{policy}: nothing passes between them (see qos_overrides)",
            )

        return warn

    # ------------------------------------------------------------------ messages

    def _receive(self, meter: Meter, process: Callable[[Any], None], message: Any) -> None:
        if not self.active:  # subscriptions of a lifecycle node are not gated by its state
            meter.drops += 1
            return
        if self.parameters.changed and self.pipeline is not None:
            self.parameters.changed = False
            self.pipeline.configure(self.parameters.settings())
        process(message)

    def _hand_over(self, worker: NewestWorker, meter: Meter, message: Any) -> None:
        meter.drops += worker.put(message)

    def _process(self, pipeline: Pipeline, declared: Input, meter: Meter, message: Any) -> None:
        """Handle one message, publish its results, and measure it."""
        began = time.perf_counter()

        def work() -> list[Output]:
            outputs = declared.handler(pipeline, message, self.get_clock().now().nanoseconds)
            self._publishers_made.publish(outputs)
            return outputs

        if handle(self.reporter, declared.topic.name, work) is not None:
            meter.add(time.perf_counter() - began, self._age(message))

    def _age(self, message: Any) -> float | None:
        """Seconds since the stamp of a message; None when it has none of this clock."""
        if not hasattr(message, "header"):
            return None
        stamp = message.header.stamp
        age = self.get_clock().now().nanoseconds * 1e-9 - (stamp.sec + stamp.nanosec * 1e-9)
        return age if 0 <= age < 60 else None

    def _time_jumped(self, _: Any) -> None:
        if self.pipeline is not None:
            self.reporter.report("clock", "the clock jumped back: starting anew")
            self._publishers_made.publish(self.pipeline.flush())
            self.pipeline.reset()
