"""The demo's input bag: a camera that sees people and a microphone that hears speech in noise, at their own rates."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_file import read_audio
from dvae_nodes.wire import audio, images, topics
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.messages import BagTypes

START = 1_700_000_000 * NANOSECONDS
CHUNK = 512  # samples
REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY / "test" / "data"


def audio_types(portaudio: bool) -> BagTypes:
    """A type store that knows one of the two packages called audio_common_msgs."""
    store = get_typestore(Stores.ROS2_JAZZY)
    types = BagTypes(store)
    folder = REPOSITORY / "interfaces" / ("audio_common_msgs_portaudio" if portaudio else "audio_common_msgs") / "msg"
    added = {}
    for path in sorted(folder.glob("*.msg")):
        added.update(get_types_from_msg(path.read_text(), f"audio_common_msgs/msg/{path.stem}"))
    store.register(added)
    return types


def make_bag(target: Path, portaudio: bool = False, seconds: float = 15.0, folder: Path = DATA) -> int:
    """Write the bag and return its number of messages."""
    types = audio_types(portaudio)
    messages: list[tuple[int, str, str, object]] = []
    video = cv2.VideoCapture(str(folder / "demo_video.mp4"))
    fps = video.get(cv2.CAP_PROP_FPS)
    for index in range(int(seconds * fps)):
        found, frame = video.read()
        if not found:
            break
        time = START + round(index / fps * NANOSECONDS)
        header = convert.make_header(types, time, "camera")
        messages.append((time, "/image", topics.IMAGE.types[0], images.image_to_message(types, header, frame)))
    samples, rate = read_audio(folder / "demo_speech_noisy.flac")
    waveform = samples[0, : int(seconds * rate)]
    kind = audio.STAMPED if portaudio else audio.DATA_STAMPED
    for first in range(0, waveform.size, CHUNK):
        time = START + round(first / rate * NANOSECONDS)
        header = convert.make_header(types, time, "microphone")
        chunk = audio.audio_message(types, kind, header, waveform[first : first + CHUNK], rate)
        messages.append((time, "/audio", kind, chunk))
    if not portaudio:
        for time in np.arange(START - NANOSECONDS, START + int(seconds * 1e9), 5 * NANOSECONDS).tolist():
            info = audio.audio_info_message(types, rate)
            messages.append((time, "/audio_info", topics.AUDIO_INFO_TYPE, info))
    messages.sort(key=lambda entry: entry[:2])
    with Writer(target, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {}
        for time, topic, kind, message in messages:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=types.store)
            writer.write(connections[topic], time, types.store.serialize_cdr(message, kind))
    return len(messages)
