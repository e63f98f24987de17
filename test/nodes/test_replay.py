"""dvae-replay: the nodes' results without ROS, the same each time, and a readable bag even when interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from make_bag import audio_types, make_bag
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from dvae.cli.common import settings_from_options
from dvae.signal.audio_clock import NANOSECONDS
from dvae_nodes.lifecycle.pipeline import Settings
from dvae_nodes.pipelines.enhancer import EnhancerPipeline
from dvae_nodes.pipelines.tracker import TrackerPipeline
from dvae_nodes.replay import replay
from dvae_nodes.wire import conversions as convert

SECOND = NANOSECONDS


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bags") / "input"
    make_bag(path, seconds=1.5)
    return path


def contents(path: Path) -> list[tuple[str, int, bytes]]:
    with AnyReader([path]) as reader:
        return [(connection.topic, when, bytes(raw)) for connection, when, raw in reader.messages()]


def test_images_and_audio_give_tracks_and_speech(bag: Path, tmp_path: Path) -> None:
    counts = replay(bag, tmp_path / "out")
    assert counts["/tracks"] == counts["/detections"] == counts["/tracks/detections"] == 15
    assert counts["/audio/enhanced"] == counts["/speech_activity"] > 40
    with AnyReader([tmp_path / "out"]) as reader:
        topics = {connection.topic: connection.msgtype for connection in reader.connections}
        assert topics["/tracks"] == "dvae_perception/msg/TrackArray"
        assert topics["/audio/enhanced"] == "audio_common_msgs/msg/AudioDataStamped"
        assert {"/image", "/audio", "/audio_info"} <= topics.keys()  # the input is copied
        tracks = [reader.deserialize(raw, c.msgtype) for c, _, raw in reader.messages() if c.topic == "/tracks"]
    assert [t.state for t in tracks[-1].tracks].count(1) >= 2
    assert tracks[0].header.frame_id == "camera"


def test_same_bag_same_bytes(bag: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        replay(bag, tmp_path / name, copy=False)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


@pytest.mark.parametrize("suffix", ["", ".db3"])
def test_sqlite_and_mcap_with_detections(suffix: str, tmp_path: Path) -> None:
    types = audio_types(False)
    kind = "vision_msgs/msg/Detection2DArray"
    with Writer(tmp_path / "in", version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        connection = writer.add_connection("/cam/detections", kind, typestore=types.store)
        for t in range(6):
            header = convert.make_header(types, round((1 + t / 30) * SECOND), "camera")
            import numpy as np

            boxes = np.array([[100.0 + t, 100, 160 + t, 260]])
            message = convert.detections_to_message(types, header, boxes, np.ones(1), "person")
            writer.write(connection, t, types.store.serialize_cdr(message, kind))
    counts = replay(tmp_path / "in", tmp_path / f"out{suffix}", copy=False)
    assert counts == {"/cam/tracks": 6, "/cam/tracks/detections": 6}
    assert list((tmp_path / f"out{suffix}").glob("*.db3" if suffix else "*.mcap"))


def test_everything_the_tracker_can_publish_is_replayed_alike(bag: Path, tmp_path: Path) -> None:
    options = ["ros4hri=true", "markers=true", "smoothing_lag=5", "camera_from_images=true"]
    options += ["image_width=768", "image_height=576", "confirm_hits=2"]
    settings = {"tracker": Settings(*settings_from_options(TrackerPipeline.configs, options))}
    for name in ("first", "second"):
        counts = replay(bag, tmp_path / name, copy=False, settings=settings)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert counts["/tracks"] == counts["/tracks/smoothed"] == counts["/tracks/markers"] == 15
    assert counts["/humans/bodies/tracked"] == 16  # at the end nobody is there any more
    with AnyReader([tmp_path / "first"]) as reader:
        tracks, lists, regions = [], [], set()
        for connection, _, raw in reader.messages():
            message = reader.deserialize(raw, connection.msgtype)
            if connection.topic == "/tracks":
                tracks.append({f"b{t.id}" for t in message.tracks if t.state})
            elif connection.topic == "/humans/bodies/tracked":
                lists.append(set(message.ids))
            elif connection.topic.endswith("/roi"):
                regions.add(connection.topic)
    assert lists == [*tracks, set()]
    assert regions == {f"/humans/bodies/{i}/roi" for i in set().union(*tracks)}
    assert len(regions) >= 2


def test_everything_the_enhancer_can_publish_is_replayed_alike(bag: Path, tmp_path: Path) -> None:
    options = ["ros4hri=true", "preset=low_latency", "cancel_echo=true", "min_gain=0.1"]
    speech = {"enhancer": Settings(*settings_from_options(EnhancerPipeline.configs, options))}
    for name in ("first", "second"):
        counts = replay(bag, tmp_path / name, copy=False, settings=speech)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert counts["/humans/voices/tracked"] == 2  # there, and gone at the end
    voice = {counts[f"/humans/voices/v1/{part}"] for part in ("is_speaking", "audio", "features")}
    assert voice == {counts["/speech_activity"]}
    with AnyReader([tmp_path / "first"]) as reader:
        kinds = {connection.topic: connection.msgtype for connection in reader.connections}
        lists = [
            list(reader.deserialize(raw, connection.msgtype).ids)
            for connection, _, raw in reader.messages()
            if connection.topic == "/humans/voices/tracked"
        ]
    assert lists == [["v1"], []]
    assert kinds["/humans/voices/v1/features"] == "hri_msgs/msg/AudioFeatures"
    assert kinds["/humans/voices/v1/audio"] == "audio_common_msgs/msg/AudioData"


def test_the_output_is_not_overwritten(bag: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected an output bag that does not exist yet"):
        replay(bag, tmp_path)


def test_an_interrupted_run_leaves_a_readable_bag(tmp_path: Path) -> None:
    make_bag(tmp_path / "in", seconds=15.0)
    command = [sys.executable, "-m", "dvae_nodes.replay", str(tmp_path / "in"), str(tmp_path / "out")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ)
    written = tmp_path / "out" / "out.mcap"
    end = time.monotonic() + 60
    while not (written.is_file() and written.stat().st_size > 5_000_000):
        assert process.poll() is None, process.stderr.read()  # type: ignore[union-attr]
        assert time.monotonic() < end
        time.sleep(0.05)  # for the file to grow: there is nothing else to wait on
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert b"interrupted" in error
    found = [topic for topic, _, _ in contents(tmp_path / "out")]
    assert found.count("/tracks") > 0
    assert found.count("/image") < 150


def test_a_bag_without_anything_to_do(tmp_path: Path) -> None:
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(tmp_path / "in", version=9) as writer:
        connection = writer.add_connection("/text", "std_msgs/msg/String", typestore=store)
        text = store.types["std_msgs/msg/String"](data="hello")
        writer.write(connection, 1, store.serialize_cdr(text, "std_msgs/msg/String"))
    assert replay(tmp_path / "in", tmp_path / "out") == {}


def test_a_message_that_cannot_be_read_is_reported_and_the_rest_goes_on(
    bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(tmp_path / "in", version=9) as writer, AnyReader([bag], default_typestore=store) as reader:
        kept = {
            c.topic: writer.add_connection(c.topic, c.msgtype, typestore=reader.typestore) for c in reader.connections
        }
        broken = 0
        for connection, when, raw in reader.messages():
            cut = connection.topic == "/image" and not broken
            writer.write(kept[connection.topic], when, bytes(raw)[: 6 if cut else None])
            broken += cut
    counts = replay(tmp_path / "in", tmp_path / "out", copy=False)
    whole = replay(bag, tmp_path / "whole", copy=False)
    assert {topic: whole[topic] - count for topic, count in counts.items() if count != whole[topic]} == {
        "/detections": 1,
        "/tracks": 1,
        "/tracks/detections": 1,
    }
    assert "/image: message ignored" in capsys.readouterr().err
