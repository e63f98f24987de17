"""dvae-replay: the nodes' results without ROS, the same each time, and a readable bag even when interrupted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import pytest
from make_bag import audio_types, make_bag
from recordings import Recorded, as_humble, people, speech, types_with, write
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from dvae.cli.common import settings_from_options
from dvae_nodes.bags.source import SourceBag
from dvae_nodes.lifecycle.pipeline import Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.detector import DetectorPipeline
from dvae_nodes.pipelines.enhancer import EnhancerPipeline
from dvae_nodes.pipelines.table import PIPELINES
from dvae_nodes.pipelines.tracker import TrackerPipeline
from dvae_nodes.replay import main, replay
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire import topics
from dvae_nodes.wire.audio import AUDIO_KINDS
from dvae_nodes.wire.images import image_from_message
from dvae_nodes.wire.messages import BagTypes

HUMBLE = types_with()
COMPRESSED = topics.IMAGE.types[1]
ROS4HRI = ["ros4hri=true", "image_width=640", "image_height=480"]


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bags") / "input"
    make_bag(path, seconds=1.5)
    return path


@pytest.fixture(scope="module")
def long_bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "input"
    make_bag(path, seconds=15.0)
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
def test_the_file_does_not_depend_on_its_name(suffix: str, tmp_path: Path) -> None:
    write(tmp_path / "in", HUMBLE, people(HUMBLE, count=6))
    for name in ("one", "another"):
        counts = replay(tmp_path / "in", tmp_path / f"{name}{suffix}", copy=False)
        assert counts == {"/cam/tracks": 6, "/cam/tracks/detections": 6}
    ending = suffix or ".mcap"
    files = [tmp_path / f"{name}{suffix}" / f"{name}{suffix}{ending}" for name in ("one", "another")]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("types", [HUMBLE, types_with("interfaces/vision_msgs_foxy/msg")], ids=["humble", "foxy"])
@pytest.mark.parametrize("has_definitions", [True, False])
def test_detections_of_any_release_with_or_without_definitions(
    tmp_path: Path, types: BagTypes, has_definitions: bool
) -> None:
    path = write(tmp_path / "in", types, people(types), StoragePlugin.SQLITE3)
    assert replay(path if has_definitions else as_humble(path), tmp_path / "out") == {
        "/cam/tracks": 20,
        "/cam/tracks/detections": 20,
    }
    with AnyReader([tmp_path / "out"]) as reader:
        messages = [(c.topic, reader.deserialize(raw, c.msgtype)) for c, _, raw in reader.messages()]
    last = [message for topic, message in messages if topic == "/cam/tracks"][-1]
    assert [track.id for track in last.tracks] == [1, 2]
    given, found = (
        [m for t, m in messages if t == topic][-1] for topic in ("/cam/detections", "/cam/tracks/detections")
    )
    assert type(given.detections[0]).__name__ == type(found.detections[0]).__name__
    assert [getattr(each, "id", getattr(each, "tracking_id", "")) for each in found.detections] == ["1", "2"]
    assert abs(found.detections[0].bbox.size_x - 60) < 3


def test_an_output_can_be_the_input_again(bag: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = replay(bag, tmp_path / "first")
    again = replay(tmp_path / "first", tmp_path / "second")
    assert again == {topic: count for topic, count in first.items() if topic != "/detections"}  # these are read now
    text = capsys.readouterr().err
    assert "/tracks: the bag has it already: replaced by the new results" in text
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_the_same_sound_in_two_forms_is_heard_once(tmp_path: Path) -> None:
    types = audio_types(False)
    stamped, plain = AUDIO_KINDS[1:]
    both = speech(stamped, "/mic/audio_stamped", "/mic/audio_info") + speech(plain, "/mic/audio")
    once = speech(stamped, "/mic/audio_stamped", "/mic/audio_info")
    expected = replay(write(tmp_path / "once", types, once), tmp_path / "o1", copy=False)
    assert replay(write(tmp_path / "both", types, both), tmp_path / "o2", copy=False) == expected
    assert contents(tmp_path / "o1") == contents(tmp_path / "o2")
    chosen = {"audio": ["/mic/audio"]}
    assert replay(tmp_path / "both", tmp_path / "o3", copy=False, chosen=chosen)["/mic/audio/enhanced"] > 0
    with AnyReader([tmp_path / "o3"]) as reader:
        assert {c.topic: c.msgtype for c in reader.connections}["/mic/audio/enhanced"] == plain


def test_two_detectors_of_one_namespace_have_results_of_their_own(tmp_path: Path) -> None:
    yolo, faces = people(HUMBLE, "/cam/yolo"), people(HUMBLE, "/cam/faces", shift=50.0)
    path = write(tmp_path / "in", HUMBLE, [*yolo, *faces])
    settings = {"tracker": Settings(*settings_from_options(TrackerPipeline.configs, ROS4HRI))}
    counts = replay(path, tmp_path / "out", copy=False, settings=settings)
    alone = replay(path, tmp_path / "alone", copy=False, chosen={"detections": ["/cam/yolo"]})
    assert counts["/cam/yolo/tracks"] == counts["/cam/faces/tracks"] == alone["/cam/tracks"] == 20
    assert alone.keys() == {"/cam/tracks", "/cam/tracks/detections"}
    with AnyReader([tmp_path / "out"]) as reader:
        lists = [
            list(reader.deserialize(raw, c.msgtype).ids)
            for c, _, raw in reader.messages()
            if c.topic == "/humans/bodies/tracked"
        ]
    assert max(lists, key=len) == [
        "ba1",
        "ba2",
        "b1",
        "b2",
    ]  # of both, none twice; the lists of /cam/faces are the second


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--topic", "detections=/cam/none"], r"expected a topic of the bag that it can be \(/cam/detections\)"),
        (["--topic", "people=/cam/detections"], "--topic: expected one of audio, audio_info, .*, got 'people'"),
        (["--topic", "detections=cam"], "--topic: expected NAME=TOPIC with an absolute topic"),
        (["--tracker", "ros4hri=true"], "ros4hri: expected image_width and image_height, got none"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_written(
    run: Run, tmp_path: Path, options: list[str], text: str
) -> None:
    write(tmp_path / "in", HUMBLE, people(HUMBLE))
    status, out, error = run(tmp_path / "in", tmp_path / "out", *options)
    assert (status, out) == (2, "")
    assert re.fullmatch(f"dvae-replay: error: .*{text}.*", error)
    assert not (tmp_path / "out").exists()


def test_settings_of_the_enhancer_that_do_not_fit_are_said_at_the_start(tmp_path: Path) -> None:
    write(tmp_path / "in", audio_types(False), speech(AUDIO_KINDS[1], "/audio", "/audio_info"))
    settings = {"enhancer": Settings(*settings_from_options(EnhancerPipeline.configs, ["channel_mode=mvdr"]))}
    with pytest.raises(ValueError, match="channel_mode mvdr: expected microphone_positions, got none"):
        replay(tmp_path / "in", tmp_path / "out", settings=settings)
    assert not (tmp_path / "out").exists()


def test_compressed_images_are_found_tracked_and_drawn(bag: Path, tmp_path: Path) -> None:
    types = audio_types(False)
    messages = []
    with AnyReader([bag]) as reader:
        for connection, when, raw in reader.messages([c for c in reader.connections if c.topic == "/image"]):
            image = reader.deserialize(raw, connection.msgtype)
            data = cv2.imencode(".png", image_from_message(image))[1].reshape(-1)
            header = convert.make_header(types, when, "camera")
            if len(messages) == 8:
                break
            packed = types.make(COMPRESSED, header=header, format="bgr8; png compressed bgr8", data=data)
            messages.append(Recorded("/image/compressed", COMPRESSED, when, packed))
    path = write(tmp_path / "in", types, messages)
    drawn = [kind for kind in PIPELINES if kind is not DetectorPipeline]
    counts = replay(path, tmp_path / "out", copy=False, pipelines=drawn)
    assert counts["/tracks"] == counts["/image/annotated"] == len(messages)
    replay(bag, tmp_path / "plain", copy=False)
    tracks = [[data for topic, _, data in contents(tmp_path / name) if topic == "/tracks"] for name in ("out", "plain")]
    assert tracks[0] == tracks[1][:8]


def test_a_damaged_bag_gives_what_is_there_and_status_1(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "in", HUMBLE, people(HUMBLE))
    (file,) = path.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:4000])
    status, out, error = run(path, tmp_path / "out")
    assert status == 1
    assert "expected a whole file, got one that is cut or damaged" in error
    assert re.search(r"\d /cam/tracks\n", out.replace("  ", " "))
    assert contents(tmp_path / "out")


def test_a_bag_of_ros_1_is_refused_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "old.bag").write_bytes(b"#ROSBAG V2.0\n" + bytes(100))
    status, _, error = run(tmp_path / "old.bag", tmp_path / "out")
    assert status == 2
    assert re.fullmatch("dvae-replay: error: expected a ROS 2 bag, got .*: convert it with `rosbags-convert .*", error)


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


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """dvae-replay with these arguments -> exit status, stdout, and stderr without progress bars."""

    def inner(*arguments: Any) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dvae-replay", *map(str, arguments)])
        capsys.readouterr()
        status = main()
        out, error = capsys.readouterr()
        lines = [line.strip() for line in error.replace("\r", "\n").splitlines() if "msg/s" not in line]
        return status, out, "\n".join(line for line in lines if line)

    return inner


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_run_that_is_stopped_leaves_a_readable_bag(
    long_bag: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    command = [sys.executable, "-m", "dvae_nodes.replay", str(long_bag), str(tmp_path / "out")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ)
    written = tmp_path / "out" / "out.mcap"
    end = time.monotonic() + 60
    while not (written.is_file() and written.stat().st_size > 3_000_000):
        assert process.poll() is None, process.stderr.read()  # type: ignore[union-attr]
        assert time.monotonic() < end
        time.sleep(0.05)  # for the file to grow: there is nothing else to wait on
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == status
    if number != signal.SIGKILL:
        assert f"{number.name}: the result is partial".encode() in error
    with closing(SourceBag(tmp_path / "out", Reporter(print))) as left:  # perhaps in the midst of a save
        found = [message.topic.name for message in left.messages()]
    assert found.count("/tracks") > 0
    assert found.count("/image") < 150
    if number != signal.SIGKILL:
        assert len(contents(tmp_path / "out")) == len(found)


def test_a_bag_without_anything_to_do(run: Run, tmp_path: Path) -> None:
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(tmp_path / "in", version=9) as writer:
        connection = writer.add_connection("/text", "std_msgs/msg/String", typestore=store)
        text = store.types["std_msgs/msg/String"](data="hello")
        writer.write(connection, 1, store.serialize_cdr(text, "std_msgs/msg/String"))
    assert replay(tmp_path / "in", tmp_path / "out") == {}
    status, out, error = run(tmp_path / "in", tmp_path / "out")
    assert (status, out) == (1, "")
    assert error.startswith("warning: nothing to do: expected messages of audio_common_msgs/msg/AudioData, ")
    assert error.endswith("got /text (std_msgs/msg/String, 1)")
    assert not (tmp_path / "out").exists()


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
