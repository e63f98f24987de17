"""Samples of enhanced audio in messages, in whatever format they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

PORTAUDIO = {1: np.float32, 2: np.int32, 8: np.int16, 16: np.int8, 32: np.uint8}
CODED = {"S16LE": np.dtype("<i2"), "S32LE": np.dtype("<i4"), "F32LE": np.dtype("<f4")}


class Hearing:
    """Reads enhanced audio of either audio_common_msgs; the format of bytes is that of the last enhanced_info."""

    def __init__(self) -> None:
        self.format = "S16LE"

    def samples(self, outputs: Sequence[Any]) -> list[Any]:
        """Of outputs of the pipeline, in order: arrays (S,), integers in [-1, 1]."""
        found = []
        for output in outputs:
            if output.topic == "audio/enhanced_info":
                self.format = output.message.sample_format
            elif output.topic == "audio/enhanced":
                found.append(self.decode(output.message))
        return found

    def decode(self, message: Any) -> Any:
        """Of one message (S,)."""
        audio = getattr(message, "audio", message)
        if hasattr(audio, "info"):
            kind = np.dtype(PORTAUDIO[audio.info.format])
            values = np.asarray(getattr(audio.audio_data, f"{kind.name}_data"))
        else:
            values = np.frombuffer(bytes(audio.data), dtype=CODED[self.format])
        scale = 1.0 if values.dtype.kind == "f" else 2.0 ** (8 * values.dtype.itemsize - 1)
        return values.astype(float) / scale
