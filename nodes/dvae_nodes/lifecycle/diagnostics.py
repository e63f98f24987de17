"""What every node says on /diagnostics, once a second: rate, latency, drops, model, device, and why nothing comes."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined] # Humble has it only there
from rclpy.node import Node

SILENCE_SECONDS = 10.0


class Meter:
    """Counts and times of one input, over the last thousand messages."""

    def __init__(self, optional: bool = False) -> None:
        self.optional = optional  # that nothing comes is no problem
        self.count = 0
        self.drops = 0
        self._arrivals: deque[float] = deque(maxlen=1000)
        self._processing: deque[float] = deque(maxlen=1000)
        self._ages: deque[float] = deque(maxlen=1000)

    def add(self, processing_seconds: float, age_seconds: float | None) -> None:
        """One message processed; its age is from its stamp to its results (None when clocks do not compare)."""
        self.count += 1
        self._arrivals.append(time.monotonic())
        self._processing.append(processing_seconds)
        if age_seconds is not None:
            self._ages.append(age_seconds)

    @property
    def silence_seconds(self) -> float:
        """Since the last message; infinite before the first."""
        return time.monotonic() - self._arrivals[-1] if self._arrivals else float("inf")

    def values(self) -> dict[str, str]:
        """For humans and for tests: rate in Hz, times in ms."""
        found = {"messages": str(self.count), "drops": str(self.drops)}
        if len(self._arrivals) > 1:
            found["rate [Hz]"] = f"{(len(self._arrivals) - 1) / (self._arrivals[-1] - self._arrivals[0]):.1f}"
        for name, seconds in (("processing", self._processing), ("latency", self._ages)):
            if seconds:
                p50, p99 = 1e3 * np.percentile(seconds, [50, 99])
                found[f"{name} p50 [ms]"], found[f"{name} p99 [ms]"] = f"{p50:.2f}", f"{p99:.2f}"
        return found


def explain_silence(node: Node, topic: str, expected_type: str) -> str:
    """Why nothing comes on `topic`: nobody publishes, or another type, or with an incompatible QoS."""
    resolved = node.resolve_topic_name(topic)
    publishers = node.get_publishers_info_by_topic(resolved)
    if not publishers:
        return f"nothing on {resolved}: expected {expected_type}, nobody publishes it"
    types = sorted({info.topic_type for info in publishers})
    if types != [expected_type]:
        return f"nothing on {resolved}: expected type {expected_type}, got publishers of {', '.join(types)}"
    return f"nothing on {resolved}: {len(publishers)} publisher(s) of {expected_type}, no message yet: check its QoS"


class Diagnostics:
    """Publishes the state of `node`. inputs: topic -> (type, meter); facts: values, or functions that give them. Works
    without /clock, and says so."""

    def __init__(
        self, node: Node, inputs: dict[str, tuple[str, Meter]], problems: Counter[str], facts: dict[str, Any]
    ) -> None:
        self._node, self._inputs, self._problems, self._facts = node, inputs, problems, facts
        self._started: float | None = None  # of the first report: start-up of other nodes is no silence
        self._warned: set[str] = set()
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        # steady time: with use_sim_time and no /clock other timers never fire
        self._timer = node.create_timer(1.0, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def destroy(self) -> None:
        """Take the timer and the publisher from the node."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)

    def publish(self) -> None:
        """One DiagnosticArray with one status."""
        self._started = self._started or time.monotonic()
        level, message = DiagnosticStatus.OK, "running"
        values = {name: str(value() if callable(value) else value) for name, value in self._facts.items()}
        for topic, (kind, meter) in self._inputs.items():
            values |= {f"{topic} {name}": value for name, value in meter.values().items()}
            waited = min(meter.silence_seconds, time.monotonic() - self._started)
            if waited > SILENCE_SECONDS and not meter.optional:
                level, message = DiagnosticStatus.WARN, explain_silence(self._node, topic, kind)
                if topic not in self._warned:
                    self._warned.add(topic)
                    self._node.get_logger().warning(message)
        now = self._node.get_clock().now()
        if self._node.get_parameter("use_sim_time").value and now.nanoseconds == 0:
            level, message = DiagnosticStatus.WARN, "use_sim_time is set, but nothing comes on /clock"
        if self._problems:
            values |= {f"problem: {cause}": str(count) for cause, count in list(self._problems.items())}
            if level == DiagnosticStatus.OK:
                level, message = DiagnosticStatus.WARN, "running, with problems in the input"
        status = DiagnosticStatus(
            level=level,
            name=self._node.get_fully_qualified_name(),
            message=message,
            hardware_id=str(self._facts.get("device", "")),
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = now.to_msg()
        self._publisher.publish(array)
