"""A stage for tests of nodes; those that need ROS are skipped where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def stage() -> Iterator[Any]:
    rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
    from stage import Stage

    rclpy.init()
    found = Stage()
    yield found
    found.close()
    rclpy.try_shutdown()
