"""Two people before a camera and four microphones, who speak in turn: plane waves of a real voice, and their tracks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_file import read_mono
from dvae.signal.sample_formats import samples_to_bytes
from dvae.tracking.tracks import TrackState
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.messages import MessageTypes

RATE, FOCAL, SIZE = 16000, 500.0, (640, 480)
SQUARE = "0.03 0.03 0; -0.03 0.03 0; -0.03 -0.03 0; 0.03 -0.03 0"
POSITIONS = np.array([[0.03, 0.03, 0], [-0.03, 0.03, 0], [-0.03, -0.03, 0], [0.03, -0.03, 0]])
ANGLES = {1: 18.0, 2: -18.0}  # degrees, of track 1 (left in the image) and track 2
START = 1_700_000_000
OPTICAL = (-0.5, 0.5, -0.5, 0.5)  # quaternion of an optical frame in one with x forward


def plane_wave(waveform: NDArray[Any], degrees: float) -> NDArray[np.float32]:
    """(S,) from far away -> (4, S): each microphone hears it as much earlier as it is nearer."""
    towards = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees)), 0.0])
    frequencies = np.fft.rfftfreq(len(waveform), 1 / RATE)
    early = np.exp(2j * np.pi * frequencies * (POSITIONS @ towards / 343.0)[:, None])
    return np.fft.irfft(np.fft.rfft(waveform) * early, len(waveform)).astype(np.float32)


def turns(folder: Any, *degrees: float, seconds: float = 3.0) -> NDArray[np.float32]:
    """(4, S): the same voice, `seconds` from each direction in turn; faint noise of its own in each microphone."""
    speech = read_mono(folder / "demo_speech_clean.flac", RATE)
    count = round(seconds * RATE)
    parts = [plane_wave(speech[i * count : (i + 1) * count], angle) for i, angle in enumerate(degrees)]
    sound = np.concatenate(parts, axis=1)
    return sound + np.random.default_rng(0).normal(0.0, 1e-3, sound.shape).astype(np.float32)


def box_at(degrees: float) -> NDArray[np.float64]:
    """Of somebody in this direction, as a camera at the microphones sees them."""
    column = SIZE[0] / 2 - FOCAL * np.tan(np.radians(degrees))
    return np.array([column - 30.0, 140.0, column + 30.0, 400.0])


def tracks_message(
    types: MessageTypes, seconds: float, angles: dict[int, float], class_id: str = "person", age: float | None = None
) -> Any:
    """dvae_perception/TrackArray `seconds` after START, of confirmed tracks by their id."""
    header = convert.make_header(types, round((START + seconds) * NANOSECONDS), "camera")
    tracks = [
        types.make(
            "dvae_perception/msg/Track",
            id=number, class_id=class_id, state=int(TrackState.CONFIRMED), visible=True, box=box_at(degrees),
            velocity=np.zeros(4), variance=np.full(4, 4.0), confidence=0.9,
            age=seconds if age is None else age, time_since_detection=0.0, detection_index=0,
        )
        for number, degrees in angles.items()
    ]  # fmt: skip
    return types.make(
        "dvae_perception/msg/TrackArray", header=header, image_width=SIZE[0], image_height=SIZE[1], tracks=tracks
    )


def audio_message(types: MessageTypes, seconds: float, samples: NDArray[Any]) -> Any:
    """AudioDataStamped of (4, S) in 16 bits, interleaved."""
    header = convert.make_header(types, round((START + seconds) * NANOSECONDS), "microphones")
    data = np.frombuffer(samples_to_bytes(np.ascontiguousarray(samples.T).ravel(), "S16LE"), dtype=np.uint8)
    made = types.make("audio_common_msgs/msg/AudioData", data=types.numbers(data))
    return types.make("audio_common_msgs/msg/AudioDataStamped", header=header, audio=made)


def audio_messages(types: MessageTypes, sound: NDArray[Any], chunk: int = 512) -> list[tuple[float, Any]]:
    """With the time at which each is complete, in seconds after START."""
    firsts = range(0, sound.shape[1], chunk)
    return [
        ((first + chunk) / RATE, audio_message(types, first / RATE, sound[:, first : first + chunk]))
        for first in firsts
    ]


def camera_info_message(types: MessageTypes, frame_id: str = "camera") -> Any:
    """sensor_msgs/CameraInfo."""
    matrix = np.array([FOCAL, 0, SIZE[0] / 2, 0, FOCAL, SIZE[1] / 2, 0, 0, 1.0])
    roi = {"x_offset": 0, "y_offset": 0, "height": 0, "width": 0, "do_rectify": False}
    return types.make(
        "sensor_msgs/msg/CameraInfo",
        header=convert.make_header(types, START * NANOSECONDS, frame_id), height=SIZE[1], width=SIZE[0],
        distortion_model="plumb_bob", d=types.numbers(np.zeros(5)), k=matrix, r=np.eye(3).ravel(),
        p=np.insert(matrix, (3, 6, 9), 0.0), binning_x=0, binning_y=0,
        roi=types.make("sensor_msgs/msg/RegionOfInterest", **roi),
    )  # fmt: skip


def audio_info_message(types: MessageTypes, channels: int = 4) -> Any:
    """audio_common_msgs/AudioInfo of ros-drivers."""
    return types.make(
        "audio_common_msgs/msg/AudioInfo",
        channels=channels, sample_rate=RATE, sample_format="S16LE", bitrate=16 * RATE * channels, coding_format="wave",
    )  # fmt: skip


def transforms_message(types: MessageTypes, *chain: str, yaw: float = 0.0) -> Any:
    """tf2_msgs/TFMessage of parents and children, all in one place, turned to the left by `yaw` rad; `camera` is an
    optical frame."""
    edges = []
    for parent, child in pairwise(chain):
        x, y, z, w = OPTICAL if child == "camera" else (0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2))
        transform = types.make(
            "geometry_msgs/msg/Transform",
            translation=types.make("geometry_msgs/msg/Vector3", x=0.0, y=0.0, z=0.0),
            rotation=types.make("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w),
        )
        header = convert.make_header(types, START * NANOSECONDS, parent)
        kind = "geometry_msgs/msg/TransformStamped"
        edges.append(types.make(kind, header=header, child_frame_id=child, transform=transform))
    return types.make("tf2_msgs/msg/TFMessage", transforms=edges)
