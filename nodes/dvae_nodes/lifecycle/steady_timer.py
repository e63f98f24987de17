"""A timer that does not need /clock: with use_sim_time and nothing on /clock others never fire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined] # Humble has it only there
from rclpy.node import Node


def steady_timer(node: Node, seconds: float, callback: Callable[[], None]) -> Any:
    """A timer of `node` on the steady clock."""
    return node.create_timer(seconds, callback, clock=Clock(clock_type=ClockType.STEADY_TIME))
