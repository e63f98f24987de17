"""The demo's input bag: a camera that sees people, a microphone that hears speech in noise, and four simulated ones
that hear two of the people, at their own rates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
VIEW = 90.0  # degrees from the left to the right side of the image: assumed, see test/data/README.md
RADIUS = 0.045  # m, of the circle on which the four microphones are
MICROPHONES = "; ".join(
    f"{RADIUS * np.cos(a):.4f} {RADIUS * np.sin(a):.4f} 0" for a in np.pi / 4 + np.pi / 2 * np.arange(4)
)
REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY / "test" / "data"

Entry = tuple[int, str, str, Any]  # time in ns, topic, type, message


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


def make_bag(
    target: Path, portaudio: bool = False, seconds: float = 15.0, folder: Path = DATA, with_array: bool = False
) -> int:
    """Write the bag and return its number of messages. with_array: also what the simulated microphones hear, and the
    assumed calibration of the camera.
    """
    types = audio_types(portaudio)
    messages = camera_messages(types, folder / "demo_video.mp4", seconds, with_array)
    messages += sound_messages(types, "", folder / "demo_speech_noisy.flac", "microphone", seconds)
    if with_array:
        messages += sound_messages(types, "/array", folder / "demo_array.flac", "microphones", seconds)
    messages.sort(key=lambda entry: entry[:2])
    with Writer(target, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {}
        for time, topic, kind, message in messages:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=types.store)
            writer.write(connections[topic], time, types.store.serialize_cdr(message, kind))
    return len(messages)


def camera_messages(types: BagTypes, video: Path, seconds: float, calibrated: bool) -> list[Entry]:
    """/image, and /camera_info where asked for: the pinhole that `bench/audiovisual/demo_array.py` assumes."""
    capture, messages = cv2.VideoCapture(str(video)), list[Entry]()
    fps = capture.get(cv2.CAP_PROP_FPS)
    for index in range(int(seconds * fps)):
        found, frame = capture.read()
        if not found:
            break
        time = START + round(index / fps * NANOSECONDS)
        header = convert.make_header(types, time, "camera")
        messages.append((time, "/image", topics.IMAGE.types[0], images.image_to_message(types, header, frame)))
        if calibrated:
            info = camera_info(types, header, frame.shape[1], frame.shape[0])
            messages.append((time, "/camera_info", topics.CAMERA_INFO.types[0], info))
    return messages


def camera_info(types: BagTypes, header: object, width: int, height: int) -> object:
    """sensor_msgs/CameraInfo of a pinhole whose view is VIEW degrees wide."""
    focal = width / 2 / np.tan(np.radians(VIEW) / 2)
    matrix = np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2], [0.0, 0.0, 1.0]])
    whole = types.make("sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    return types.make(
        topics.CAMERA_INFO.types[0],
        header=header,
        height=height,
        width=width,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=matrix.reshape(-1),
        r=np.eye(3).reshape(-1),
        p=np.column_stack([matrix, np.zeros(3)]).reshape(-1),
        binning_x=0,
        binning_y=0,
        roi=whole,
    )


def sound_messages(types: BagTypes, namespace: str, path: Path, frame_id: str, seconds: float) -> list[Entry]:
    """NAMESPACE/audio in the kind that `types` knows, all channels of the file; its format too, where that is apart."""
    samples, rate = read_audio(path)
    samples = samples[:, : int(seconds * rate)]
    portaudio = not audio.has_separate_info(types)
    kind = audio.STAMPED if portaudio else audio.DATA_STAMPED
    messages: list[Entry] = []
    for first in range(0, samples.shape[1], CHUNK):
        time = START + round(first / rate * NANOSECONDS)
        header = convert.make_header(types, time, frame_id)
        interleaved = samples[:, first : first + CHUNK].T.reshape(-1)
        chunk = audio.audio_message(types, kind, header, interleaved, rate)
        if portaudio:
            chunk.audio.info.channels, chunk.audio.info.chunk = len(samples), interleaved.size // len(samples)
        messages.append((time, f"{namespace}/audio", kind, chunk))
    if not portaudio:
        for time in np.arange(START - NANOSECONDS, START + int(seconds * 1e9), 5 * NANOSECONDS).tolist():
            info = audio.audio_info_message(types, rate)
            info.channels, info.bitrate = len(samples), len(samples) * info.bitrate
            messages.append((time, f"{namespace}/audio_info", topics.AUDIO_INFO_TYPE, info))
    return messages
