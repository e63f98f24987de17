"""The launch files: each is started, does its work, and ends. `ros2 launch` with the arguments that users give."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy", reason="rclpy is missing: source a ROS or run `make test`")
FOLDER = Path(__file__).resolve().parents[2] / "launch"
# what `ros2 launch` does, without ros2cli
START = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
arguments = [tuple(each.split(":=", 1)) for each in sys.argv[2:]]
included = IncludeLaunchDescription(PythonLaunchDescriptionSource(sys.argv[1]), launch_arguments=arguments)
service = LaunchService()
service.include_launch_description(LaunchDescription([included]))
sys.exit(service.run())
"""


@pytest.fixture(autouse=True)
def _launch_is_there() -> None:
    pytest.importorskip("launch_ros", reason="launch and launch_ros are missing: not available as wheels")
    index = pytest.importorskip("ament_index_python.packages", reason="ament_index_python is missing")
    try:
        index.get_package_prefix("dvae_perception")
    except index.PackageNotFoundError:
        pytest.skip("dvae_perception is not installed: run it from a workspace that is built and sourced")


@contextmanager
def launched(name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A launch file that runs; at the end it is told to stop, and does without complaint."""
    with subprocess.Popen([sys.executable, "-c", START, str(FOLDER / f"{name}.launch.py"), *arguments]) as process:
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.launch.py")), ids=lambda path: path.name)
def test_launch_files_describe_themselves(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(path.stem.replace(".", "_"), path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.generate_launch_description().entities


@pytest.mark.parametrize(
    ("name", "arguments", "reads", "publishes"),
    [
        ("tracking", ["namespace:=front", "detections:=/yolo"], "/yolo", "/front/tracks"),
        ("enhancement", ["audio:=/microphone/audio"], "/microphone/audio", "/audio/enhanced"),
        ("perception", ["enable:=tracker", "detections:=/yolo"], "/yolo", "/tracks"),
        ("perception", ["enable:=[tracker,enhancer]", "audio:=/microphone/audio"], "/microphone/audio", "/tracks"),
    ],
)
def test_it_starts_and_ends(stage: Any, name: str, arguments: list[str], reads: str, publishes: str) -> None:
    with launched(name, *arguments):
        stage.until(lambda: stage.peer.count_publishers(publishes) == 1, 120.0)
        stage.until(lambda: stage.peer.count_subscribers(reads) == 1)
    stage.until(lambda: stage.peer.count_publishers(publishes) == 0)


def test_a_bag_is_played_from_its_first_message_to_its_last(stage: Any, tmp_path: Path) -> None:
    if shutil.which("ros2") is None or importlib.util.find_spec("ros2bag") is None:
        pytest.skip("ros2 bag is missing: not available as a wheel")
    from dvae_perception.msg import TrackArray
    from live_messages import detections
    from rclpy.serialization import serialize_message
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore

    from dvae_nodes.wire.messages import BagTypes

    types = BagTypes(get_typestore(Stores.ROS2_JAZZY))
    with Writer(tmp_path / "bag", version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection("/detections", "vision_msgs/msg/Detection2DArray", typestore=types.store)
        for t in range(60):
            message = detections(10 + t / 30)
            writer.write(connection, round((10 + t / 30) * 1e9), serialize_message(message))
    tracks = stage.listen(TrackArray, "/tracks")
    with launched("replay", f"bag:={tmp_path / 'bag'}", "enable:=tracker") as process:
        stage.until(lambda: process.poll() is not None, 180.0)  # it ends with the bag
    stage.until(lambda: len(tracks) == 60)
