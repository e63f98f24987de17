"""Messages that tests of the nodes send; ROS is imported when they are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dvae.signal.audio_clock import NANOSECONDS
from dvae_nodes.wire import audio, images
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.messages import LiveTypes

DATA = Path(__file__).resolve().parent / "data"
TYPES = LiveTypes()
SECOND = NANOSECONDS
BOX = [100.0, 100.0, 160.0, 260.0]


def detections(seconds: float, boxes: Any = (BOX,), scores: Any = None) -> Any:
    header = convert.make_header(TYPES, round(seconds * SECOND), "camera")
    found = np.asarray(boxes, dtype=float).reshape(-1, 4)
    return convert.detections_to_message(
        TYPES, header, found, np.ones(len(found)) if scores is None else scores, "person"
    )


def audio_messages(waveform: Any, start: float = 10.0, chunk: int = 512, rate: int = 16000) -> list[Any]:
    """AudioDataStamped of 16 bit mono."""
    messages = []
    for first in range(0, len(waveform), chunk):
        header = convert.make_header(TYPES, round((start + first / rate) * SECOND), "microphone")
        data = audio.audio_bytes_message(TYPES, waveform[first : first + chunk])
        messages.append(TYPES.make("audio_common_msgs/msg/AudioDataStamped", header=header, audio=data))
    return messages


def frame_message(seconds: float, image: Any) -> Any:
    return images.image_to_message(TYPES, convert.make_header(TYPES, round(seconds * SECOND), "camera"), image)
