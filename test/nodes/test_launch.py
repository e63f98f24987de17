"""The launch files."""

from __future__ import annotations

from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")


def test_launch_files_describe_themselves() -> None:
    pytest.importorskip("launch_ros", reason="launch and launch_ros are missing: not available as wheels")
    import importlib.util

    for path in sorted((Path(__file__).resolve().parents[2] / "launch").glob("*.launch.py")):
        spec = importlib.util.spec_from_file_location(path.stem.replace(".", "_"), path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.generate_launch_description().entities
