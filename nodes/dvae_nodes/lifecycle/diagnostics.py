"""What every node says on /diagnostics, once a second: whether it runs, and why not or why nothing comes."""

from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from dvae_nodes.lifecycle.graph import explain_silence
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.lifecycle.source import Source
from dvae_nodes.lifecycle.steady_timer import steady_timer
from dvae_nodes.lifecycle.subscriptions import Subscriptions

PERIOD_SECONDS = 1.0
SILENCE_SECONDS = 10.0
RECENT_SECONDS = 10.0  # a problem is shown for so long
MANY = 3  # failures in a row that are no accident


class Diagnostics:
    """Publishes the state of `node` from its first moment to its last, with and without /clock.

    `say` tells in which state of its life it is; while it is active, what its inputs and its reporter tell counts too.
    facts: values, or functions that give them.
    """

    def __init__(self, node: Node, inputs: Subscriptions, reporter: Reporter) -> None:
        self._node, self._inputs, self._reporter = node, inputs, reporter
        self.facts: dict[str, Any] = {}
        self._level, self._message = DiagnosticStatus.WARN, "unconfigured"
        self._active_since: float | None = None
        self._warned: set[str] = set()
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._timer = steady_timer(node, PERIOD_SECONDS, self.publish)

    def say(self, level: bytes, message: str, active: bool = False) -> None:
        """The state of the node from now on."""
        self._level, self._message = level, message
        self._active_since = time.monotonic() if active else None
        self._warned.clear()

    def publish(self) -> None:
        """One DiagnosticArray with one status."""
        level, message = self._level, self._message
        if self._active_since is not None:
            for found in (self._problems(), self._inputs_state(), self._clock()):  # the last one explains the others
                level, message = found or (level, message)
        status = DiagnosticStatus(
            level=level,
            name=self._node.get_fully_qualified_name(),
            message=message,
            hardware_id=str(self.facts.get("device", "")),
            values=[KeyValue(key=key, value=value) for key, value in self._values().items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)

    def _values(self) -> dict[str, str]:
        values = {name: str(value() if callable(value) else value) for name, value in self.facts.items()}
        for topic, source in self._inputs.sources.items():
            values |= {f"{topic} {name}": value for name, value in source.meter.values().items()}
        return values | {f"problem: {cause}": str(count) for cause, count in list(self._reporter.counts.items())}

    def _problems(self) -> tuple[bytes, str] | None:
        recent = self._reporter.recent(RECENT_SECONDS)
        if not recent:
            return None
        count = f"{len(recent)} problem{'s' * (len(recent) > 1)}"
        return DiagnosticStatus.WARN, f"running, {count} in {RECENT_SECONDS:.0f} s, the last: {recent[-1].text}"

    def _inputs_state(self) -> tuple[bytes, str] | None:
        found: tuple[bytes, str] | None = None
        for source in self._inputs.sources.values():
            found = self._failing(source) or self._silent(source) or found
        return found

    def _failing(self, source: Source) -> tuple[bytes, str] | None:
        """Every message fails."""
        count = source.meter.failed_in_a_row
        texts = [
            each.text for each in self._reporter.recent(RECENT_SECONDS) if each.cause.startswith(f"{source.topic} ")
        ]
        if count < MANY or not texts:
            return None
        return DiagnosticStatus.ERROR, f"the last {count} messages on {source.topic} all failed: {texts[-1]}"

    def _silent(self, source: Source) -> tuple[bytes, str] | None:
        """Nothing comes; said in the log once."""
        assert self._active_since is not None
        meter, since = source.meter, time.monotonic() - self._active_since
        waited = min(meter.silence_seconds, since)
        if meter.optional or waited < SILENCE_SECONDS:
            return None
        why = explain_silence(self._node, source.topic, source.kinds, source.qos)
        seen = f"{meter.num_arrived} before" if meter.num_arrived else "none yet"
        message = f"no message on {source.topic} for {waited:.0f} s ({seen}): {why}"
        self._log_once(source.topic, message)
        return DiagnosticStatus.WARN, message

    def _clock(self) -> tuple[bytes, str] | None:
        if not self._node.get_parameter("use_sim_time").value or self._node.get_clock().now().nanoseconds:
            return None
        message = "use_sim_time is set, but nothing comes on /clock"
        if self._active_since is not None and time.monotonic() - self._active_since > SILENCE_SECONDS:
            self._log_once("/clock", f"{message}: set it to false, or play the bag with --clock")
        return DiagnosticStatus.WARN, message

    def _log_once(self, cause: str, message: str) -> None:
        if cause not in self._warned:
            self._warned.add(cause)
            self._node.get_logger().warning(message)
