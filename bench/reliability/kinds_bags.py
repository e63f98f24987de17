"""Bags as every ROS writes them, one check for each kind of trouble."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import samples
import yaml
from make_bag import audio_types
from outcome import checks
from programs import Run, finish, run, start
from rosbags.highlevel import AnyReader
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from storm_tracker import walkers

from dvae.signal.audio_clock import NANOSECONDS
from dvae_nodes.wire import audio
from dvae_nodes.wire import conversions as convert

SECONDS = 90.0
START = 1_700_000_000 * NANOSECONDS
Entry = tuple[int, str, str, Any]
DETECTION = "vision_msgs/msg/Detection2DArray"
FOXY = {
    "vision_msgs/msg/BoundingBox2D": "geometry_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y\n",
    "vision_msgs/msg/ObjectHypothesisWithPose": "string id\nfloat64 score\ngeometry_msgs/PoseWithCovariance pose\n",
    "vision_msgs/msg/Detection2D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\n"
    "vision_msgs/BoundingBox2D bbox\nsensor_msgs/Image source_img\n",
    DETECTION: "std_msgs/Header header\nvision_msgs/Detection2D[] detections\n",
}


def replay(folder: Path, source: Path, *options: object) -> tuple[Run, Path]:
    """dvae-replay into a fresh folder; never a traceback."""
    target = folder / "out"
    shutil.rmtree(target, ignore_errors=True)
    ended = run("dvae-replay", [source, target, *options], folder, SECONDS)
    assert not ended.wrong(), ended.wrong()
    return ended, target


def counts(bag: Path) -> Counter[str]:
    """Messages of each topic."""
    with AnyReader([bag]) as reader:
        return Counter(connection.topic for connection, _, _ in reader.messages())


def write(folder: Path, entries: Iterable[Entry], store: Any, sqlite: bool = False, **options: Any) -> Path:
    """A bag of these messages."""
    shutil.rmtree(folder, ignore_errors=True)
    plugin = StoragePlugin.SQLITE3 if sqlite else StoragePlugin.MCAP
    writer = Writer(folder, version=9, storage_plugin=plugin)
    if "mode" in options:
        writer.set_compression(options["mode"], CompressionFormat.ZSTD)
    with writer:
        connections: dict[str, Any] = {}
        for when, topic, kind, message in entries:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=store)
            writer.write(connections[topic], when, store.serialize_cdr(message, kind))
    return folder


def detections(types: Any, frames: int = 20, topic: str = "/cam/detections") -> list[Entry]:
    """Four people."""
    return [(w, topic, kind, message) for w, _, kind, message in samples.messages(types, frames, 0.0)]


def images(types: Any, arrays: list[Any]) -> list[Entry]:
    """sensor_msgs/Image of arrays (H, W, 3)."""
    entries = []
    for number, array in enumerate(arrays):
        when = START + number * NANOSECONDS // 10
        fields = {"encoding": "bgr8", "is_bigendian": 0, "step": 3 * array.shape[1], "data": array.reshape(-1)}
        header = convert.make_header(types, when, "camera")
        message = types.make(
            "sensor_msgs/msg/Image", header=header, height=array.shape[0], width=array.shape[1], **fields
        )
        entries.append((when, "/cam/image", "sensor_msgs/msg/Image", message))
    return entries


def convert_image(types: Any, header: Any, array: Any) -> Any:
    """sensor_msgs/Image, also of 0 x 0."""
    size = {"height": array.shape[0], "width": array.shape[1], "step": 3 * array.shape[1]}
    fields = {"encoding": "bgr8", "is_bigendian": 0, "data": array.reshape(-1)}
    return types.make("sensor_msgs/msg/Image", header=header, **size, **fields)


def humble(folder: Path) -> str:
    """sqlite3 without message definitions, metadata of version 5."""
    types = audio_types(False)
    bag = write(folder / "humble", detections(types), types.store, sqlite=True)
    (database,) = bag.glob("*.db3")
    with sqlite3.connect(database) as connection:
        connection.execute("DROP TABLE IF EXISTS message_definitions")
        connection.execute("DROP TABLE IF EXISTS schema")
    connection.close()
    metadata = yaml.safe_load((bag / "metadata.yaml").read_text())
    information = metadata["rosbag2_bagfile_information"]
    information["version"] = 5
    for topic in information["topics_with_message_count"]:
        topic["topic_metadata"].pop("type_description_hash", None)
        topic["topic_metadata"]["offered_qos_profiles"] = ""
    for key in ("custom_data", "ros_distro", "files"):
        information.pop(key, None)
    (bag / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    _, out = replay(folder, bag)
    assert counts(out)["/cam/tracks"] == 20, counts(out)
    return "20 of 20 frames"


def unknown_type(folder: Path) -> str:
    """A type that nobody knows does not stop the others."""
    types = audio_types(False)
    types.store.register(get_types_from_msg("float32 speed\nstring name\n", "my_robot/msg/Wheel"))
    wheel = types.store.types["my_robot/msg/Wheel"](speed=1.0, name="left")
    entries = [(START, "/wheel", "my_robot/msg/Wheel", wheel), *detections(types)]
    bag = write(folder / "unknown", entries, types.store, sqlite=True)
    (database,) = bag.glob("*.db3")
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM message_definitions WHERE topic_type = 'my_robot/msg/Wheel'")
    connection.close()
    _, out = replay(folder, bag)
    assert counts(out)["/cam/tracks"] == 20, counts(out)
    return "left out, the others done"


def foxy(folder: Path) -> str:
    """vision_msgs before 4.0: other fields, the same names."""
    store = get_typestore(Stores.ROS2_FOXY)
    added: dict[str, Any] = {}
    for name, text in FOXY.items():
        added.update(get_types_from_msg(text, name))
    store.register(added)
    make, entries = SimpleNamespace(**{name.rsplit("/", 1)[1]: store.types[name] for name in store.types}), []
    zero = make.Point(x=0.0, y=0.0, z=0.0)
    pose = make.PoseWithCovariance(make.Pose(zero, make.Quaternion(0.0, 0.0, 0.0, 1.0)), np.zeros(36))
    for frame in range(20):
        stamp = make.Time(sec=1_700_000_000, nanosec=frame * NANOSECONDS // 30)
        header, found = make.Header(stamp=stamp, frame_id="camera"), []
        image = make.Image(header, 0, 0, "", 0, 0, np.zeros(0, np.uint8))
        for x1, y1, x2, y2 in walkers(frame).tolist():
            box = make.BoundingBox2D(make.Pose2D((x1 + x2) / 2, (y1 + y2) / 2, 0.0), x2 - x1, y2 - y1)
            found.append(make.Detection2D(header, [make.ObjectHypothesisWithPose("person", 0.9, pose)], box, image))
        message = make.Detection2DArray(header, found)
        entries.append((START + frame * NANOSECONDS // 30, "/cam/detections", DETECTION, message))
    _, out = replay(folder, write(folder / "foxy", entries, store), "--results-only")
    if not counts(out)["/cam/tracks"]:
        return "said"
    assert counts(out)["/cam/tracks"] == 20, counts(out)
    return "20 of 20 frames"


def ros1(folder: Path) -> str:
    """Converted so that it can be read, or refused."""
    store = get_typestore(Stores.ROS1_NOETIC)
    path = folder / "one.bag"
    path.unlink(missing_ok=True)
    with Writer1(path) as writer:
        connection = writer.add_connection("/chatter", "std_msgs/msg/String", typestore=store)
        message = store.types["std_msgs/msg/String"](data="hello")
        writer.write(connection, START, store.serialize_ros1(message, "std_msgs/msg/String"))
    ended, out = replay(folder, path)
    if ended.status:
        return "refused in a line"
    with AnyReader([out]) as reader:
        texts = [reader.deserialize(raw, c.msgtype).data for c, _, raw in reader.messages() if c.topic == "/chatter"]
    assert texts in ([], ["hello"]), texts
    return "what is copied can be read"


def two_inputs(folder: Path) -> str:
    """`audio` and `audio_stamped` of audio_capture; two detectors in one namespace."""
    types = audio_types(False)
    entries = list(samples.messages(types, 0, 1.0))
    plain = [(w, "/mic/audio", audio.DATA, m.audio) for w, t, _, m in entries if t == "/mic/audio"]
    stamped = [(w, "/mic/audio_stamped", k, m) for w, t, k, m in entries if t == "/mic/audio"]
    info = [entry for entry in entries if entry[1] == "/mic/audio_info"]
    both = sorted([*plain, *stamped, *info], key=lambda entry: entry[:2])
    _, out = replay(folder, write(folder / "audio", both, types.store), "--results-only")
    lengths: Counter[str] = Counter()
    with AnyReader([out]) as reader:
        for connection, _, raw in reader.messages():
            if "AudioData" in connection.msgtype:
                message = reader.deserialize(raw, connection.msgtype)
                lengths[connection.topic] += len(getattr(message, "audio", message).data) // 2
    assert lengths, "no speech"
    assert set(lengths.values()) == {16000}, lengths
    two = sorted([*detections(types), *detections(types, topic="/cam/other")], key=lambda entry: entry[:2])
    _, out = replay(folder, write(folder / "two", two, types.store), "--results-only")
    found = {topic: count for topic, count in counts(out).items() if topic.endswith("tracks")}
    assert found, "no tracks"
    assert set(found.values()) == {20}, found
    return f"16,000 samples once; {len(found)} x 20 frames"


def image_kinds(folder: Path) -> str:
    """An image without pixels among others, and compressed ones."""
    import cv2

    types = audio_types(False)
    entries = images(types, [np.zeros((48, 64, 3), np.uint8), np.zeros((0, 0, 3), np.uint8)] * 3)
    _, out = replay(folder, write(folder / "images", entries, types.store))
    assert counts(out)["/cam/detections"] >= 3, counts(out)
    compressed: list[Entry] = []
    for number in range(3):
        data = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1]
        header = convert.make_header(types, START + number * NANOSECONDS // 10, "camera")
        message = types.make("sensor_msgs/msg/CompressedImage", header=header, format="jpeg", data=data.reshape(-1))
        kind = "sensor_msgs/msg/CompressedImage"
        compressed.append((START + number * NANOSECONDS // 10, "/cam/image/compressed", kind, message))
    _, out = replay(folder, write(folder / "compressed", compressed, types.store))
    assert any(count == 3 for topic, count in counts(out).items() if topic.endswith("detections")), counts(out)
    return "0x0 left out, JPEG decoded"


def compression(folder: Path) -> str:
    """zstd by file and by message; a recorder's many small files."""
    types = audio_types(False)
    for mode in (CompressionMode.FILE, CompressionMode.MESSAGE):
        bag = write(folder / "zstd", detections(types), types.store, sqlite=True, mode=mode)
        _, out = replay(folder, bag)
        assert counts(out)["/cam/tracks"] == 20, counts(out)
    return "zstd by file and by message"


def damaged(folder: Path) -> str:
    """No metadata.yaml; an mcap that was cut: what is there is read."""
    types = audio_types(False)
    bag = write(folder / "damaged", detections(types, 200), types.store)
    (bag / "metadata.yaml").unlink()
    _, out = replay(folder, bag)
    assert counts(out)["/cam/tracks"] == 200, counts(out)
    (path,) = bag.glob("*.mcap")
    path.write_bytes(path.read_bytes()[:-4000])
    _, out = replay(folder, path)
    cut = counts(out)["/cam/tracks"] if out.exists() else 0
    assert cut or path.stat().st_size < 10_000, "nothing was read of the cut bag"
    return f"200 without metadata.yaml, {cut} of a cut file"


def interrupted(folder: Path) -> str:
    """Ctrl-C: exit status 130, a line, a bag that can be read."""
    bag, target = samples.write_bag(fresh(folder / "long"), frames=3000, seconds=14.0), folder / "out"
    shutil.rmtree(target, ignore_errors=True)
    started = start("dvae-replay", [bag, target], folder)
    end = time.monotonic() + 30
    while not target.exists() and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(1.5)
    os.kill(started.child, signal.SIGINT)
    ended = finish(started)
    assert ended.status == 130, f"exit status {ended.status}"
    assert "Traceback" not in ended.error, ended.error[-300:]
    return f"exit status 130, {counts(target)['/cam/tracks']} frames can be read"


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def qualities_of_service(folder: Path) -> str:
    """/tf_static stays latched in the copy."""
    from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

    types, never = audio_types(False), QosTime(2147483647, 4294967295)
    kept = Qos(
        QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL, never, never,
        QosLiveliness.AUTOMATIC, never, False,
    )  # fmt: skip
    bag = fresh(folder / "latched")
    with Writer(bag, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        kind = "std_msgs/msg/String"
        latched = writer.add_connection("/robot_description", kind, typestore=types.store, offered_qos_profiles=[kept])
        writer.write(latched, START, types.store.serialize_cdr(types.make(kind, data="<robot/>"), kind))
        frames = writer.add_connection("/cam/detections", DETECTION, typestore=types.store)
        for when, _, _, message in detections(types):
            writer.write(frames, when, types.store.serialize_cdr(message, DETECTION))
    _, out = replay(folder, bag)
    with AnyReader([out]) as reader:
        (found,) = (c.ext.offered_qos_profiles for c in reader.connections if c.topic == "/robot_description")
    assert found, "the offered qualities of service are lost"
    assert found[0].durability == QosDurability.TRANSIENT_LOCAL, found
    return "/robot_description is still latched"


def same_bytes(folder: Path) -> str:
    """The same bag gives the same files."""
    bag, found = samples.write_bag(fresh(folder / "same"), frames=60, seconds=2.0), []
    for _ in range(2):
        _, out = replay(folder, bag)
        found.append(b"".join(path.read_bytes() for path in sorted(out.glob("*.mcap"))))
        time.sleep(1.1)
    differ = sum(a != b for a, b in zip(*found, strict=False)) + abs(len(found[0]) - len(found[1]))
    assert not differ, f"{differ} of {len(found[0])} bytes differ"
    return f"{len(found[0]):,} bytes, all the same"


CHECKS = checks(
    "bags",
    {
        "sqlite3 without definitions, as Humble writes it": humble,
        "one type that nobody knows": unknown_type,
        "vision_msgs of Foxy": foxy,
        "a ROS 1 bag": ros1,
        "two topics for one input": two_inputs,
        "images without pixels, compressed images": image_kinds,
        "compressed bags": compression,
        "no metadata.yaml, a cut mcap": damaged,
        "Ctrl-C": interrupted,
        "qualities of service of what is copied": qualities_of_service,
        "two replays of one bag": same_bytes,
    },
)
