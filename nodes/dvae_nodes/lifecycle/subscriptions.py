"""The input topics of a node: what comes in is handled by its pipeline, measured, and what fails is reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

from dvae_nodes.lifecycle.diagnostics import Meter
from dvae_nodes.lifecycle.pipeline import Input, Pipeline, handle
from dvae_nodes.lifecycle.qos import say_bad_qos
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.lifecycle.worker import NewestWorker
from dvae_nodes.wire.messages import Output, message_class


class Subscriptions:
    """Subscriptions of `node` by topic. is_open: whether messages are handled now; prepare: called before each one;
    publish: is given the results."""

    def __init__(
        self,
        node: LifecycleNode,
        reporter: Reporter,
        is_open: Callable[[], bool],
        prepare: Callable[[], None],
        publish: Callable[[list[Output]], None],
    ) -> None:
        self._node, self._reporter, self._publish = node, reporter, publish
        self._is_open, self._prepare = is_open, prepare
        self._made: list[Any] = []
        self._workers: list[NewestWorker] = []
        self.meters: dict[str, tuple[str, Meter]] = {}  # topic -> type of its messages, and their count and times

    def listen(self, pipeline: Pipeline, declared: Input, kind: str) -> None:
        """Subscribe to messages of type `kind`, best effort by default (qos_overrides change it)."""
        topic, meter = declared.topic.name, Meter(declared.optional)
        self.meters[topic] = (kind, meter)
        process = partial(self._process, pipeline, declared, meter)
        if declared.newest_only:
            worker = NewestWorker(f"{pipeline.name} {topic}", process)
            self._workers.append(worker)
            process = partial(self._hand_over, worker, meter)
        warn = say_bad_qos(self._node, self._reporter, topic, "publisher")
        self._made.append(
            self._node.create_subscription(
                message_class(kind),
                topic,
                lambda message: self._receive(meter, process, message),
                QoSProfile(depth=declared.depth, reliability=ReliabilityPolicy.BEST_EFFORT),
                event_callbacks=SubscriptionEventCallbacks(incompatible_qos=warn, use_default_callbacks=False),
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )
        )

    def start(self) -> None:
        """The node becomes active."""
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """Return when what is in work is finished and published."""
        for worker in self._workers:
            worker.stop()

    def destroy(self) -> None:
        """Take all subscriptions from the node."""
        self.stop()
        for subscription in self._made:
            self._node.destroy_subscription(subscription)
        self._workers.clear()
        self._made.clear()
        self.meters.clear()

    def _receive(self, meter: Meter, process: Callable[[Any], None], message: Any) -> None:
        if not self._is_open():  # subscriptions of a lifecycle node are not gated by its state
            meter.drops += 1
            return
        handle(self._reporter, "parameters", self._prepare)
        process(message)

    def _hand_over(self, worker: NewestWorker, meter: Meter, message: Any) -> None:
        meter.drops += worker.put(message)

    def _process(self, pipeline: Pipeline, declared: Input, meter: Meter, message: Any) -> None:
        """Handle one message, publish its results, and measure it."""
        began = time.perf_counter()

        def work() -> list[Output]:
            outputs = declared.handler(pipeline, message, self._node.get_clock().now().nanoseconds)
            self._publish(outputs)
            return outputs

        if handle(self._reporter, declared.topic.name, work) is not None:
            meter.add(time.perf_counter() - began, self._age(message))

    def _age(self, message: Any) -> float | None:
        """Seconds since the stamp of a message; None when it has none of this clock."""
        if not hasattr(message, "header"):
            return None
        stamp = message.header.stamp
        age = self._node.get_clock().now().nanoseconds * 1e-9 - (stamp.sec + stamp.nanosec * 1e-9)
        return age if 0 <= age < 60 else None
