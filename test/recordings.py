"""Bags as recorders write and leave them, made with rosbags."""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from make_bag import audio_types
from rosbags.interfaces import Qos
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from dvae.signal.audio_clock import NANOSECONDS
from dvae_nodes.wire import audio
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.messages import BagTypes, definitions_in, register_new

DETECTIONS = "vision_msgs/msg/Detection2DArray"
START = 1_700_000_000 * NANOSECONDS


class Recorded(NamedTuple):
    """A message for a bag."""

    topic: str
    type: str
    time: int
    message: Any


def types_with(*folders: str) -> BagTypes:
    """The types of some of wire.messages.FOLDERS before all others."""
    store = get_typestore(Stores.EMPTY)
    register_new(store, get_typestore(Stores.ROS2_HUMBLE).fielddefs)
    for folder in folders:
        register_new(store, definitions_in(folder))
    return BagTypes(store)


def people(types: BagTypes, topic: str = "/cam/detections", count: int = 20, shift: float = 0.0) -> list[Recorded]:
    """Two people who walk, in `count` frames of a tenth of a second."""
    found = []
    for t in range(count):
        header = convert.make_header(types, START + t * NANOSECONDS // 10, "camera")
        boxes = np.array([[100.0 + 3 * t, 100, 160 + 3 * t, 260], [400 - 2 * t, 90, 470 - 2 * t, 280]]) + shift
        message = convert.detections_to_message(types, header, boxes, np.full(2, 0.9), "person")
        found.append(Recorded(topic, DETECTIONS, START + t * NANOSECONDS // 10, message))
    return found


def speech(kind: str, topic: str, info: str = "", portaudio: bool = False, chunks: int = 20) -> list[Recorded]:
    """Noise in chunks of 20 ms, 16 kHz, with its format on `info`."""
    types = audio_types(portaudio)
    samples = np.random.default_rng(0).normal(0, 0.05, size=(chunks, 320)).astype(np.float32)
    found = []
    if info:
        found.append(Recorded(info, "audio_common_msgs/msg/AudioInfo", START, audio.audio_info_message(types, 16000)))
    for k, chunk in enumerate(samples):
        time = START + k * NANOSECONDS // 50
        message = audio.audio_message(types, kind, convert.make_header(types, time, "microphone"), chunk, 16000)
        found.append(Recorded(topic, kind, time, message))
    return found


def write(
    path: Path,
    types: BagTypes,
    messages: Iterable[Recorded],
    plugin: StoragePlugin = StoragePlugin.MCAP,
    qos: Sequence[Qos] = (),
    compression: Any = None,
) -> Path:
    """A bag of these messages in the order of their time."""
    writer = Writer(path, version=9, storage_plugin=plugin)
    if compression is not None:
        writer.set_compression(*compression)
    with writer:
        known: dict[str, Any] = {}
        for topic, kind, time, message in sorted(messages, key=lambda each: each.time):
            if topic not in known:
                known[topic] = writer.add_connection(topic, kind, typestore=types.store, offered_qos_profiles=qos)
            data = message if isinstance(message, bytes) else types.store.serialize_cdr(message, kind)
            writer.write(known[topic], time, data)
    return path


def as_humble(path: Path) -> Path:
    """A bag of sqlite3 as Humble writes it: metadata of version 5, and no definitions."""
    (database,) = path.glob("*.db3")
    with sqlite3.connect(database) as connection:
        for table in ("schema", "metadata", "message_definitions"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE topics DROP COLUMN type_description_hash")
    connection.close()
    text = (path / "metadata.yaml").read_text()
    text = re.sub(r"^ *(type_description_hash|custom_data|ros_distro):.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"offered_qos_profiles: \[\]", "offered_qos_profiles: ''", text)
    (path / "metadata.yaml").write_text(text.replace("version: 9", "version: 5"))
    return path


def without_index(path: Path, types: BagTypes, messages: Sequence[Recorded]) -> Path:
    """An mcap file without chunks, as `ros2 bag record --storage-preset-profile fastwrite` leaves it, the messages in
    the order given."""

    def text(value: str) -> bytes:
        return struct.pack("<I", len(value.encode())) + value.encode()

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<BQ", kind, len(body)) + body

    magic = b"\x89MCAP0\r\n"
    found = magic + record(1, text("ros2") + text("test"))
    topics = sorted({(each.topic, each.type) for each in messages})
    for number, (topic, kind) in enumerate(topics, 1):
        definition = types.store.generate_msgdef(kind, ros_version=2)[0]
        found += record(3, struct.pack("<H", number) + text(kind) + text("ros2msg") + text(definition))
        found += record(4, struct.pack("<HH", number, number) + text(topic) + text("cdr") + struct.pack("<I", 0))
    for topic, kind, time, message in messages:
        head = struct.pack("<HIQQ", topics.index((topic, kind)) + 1, 0, time, time)
        found += record(5, head + bytes(types.store.serialize_cdr(message, kind)))
    path.write_bytes(found + record(15, bytes(4)) + record(2, bytes(20)) + magic)
    return path
