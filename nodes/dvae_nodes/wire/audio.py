"""Audio in messages, both packages called audio_common_msgs: chunks and formats, and messages of enhanced audio.

That of ros-drivers sends bytes, and their format on a topic of its own every five seconds; the other one (PortAudio)
has samples and format in each message.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.signal.audio_file import Audio
from dvae.signal.audio_input import AudioFormat
from dvae.signal.sample_formats import SAMPLE_FORMATS, samples_to_bytes, to_float, to_integers
from dvae_nodes.wire.conversions import stamp_to_nanoseconds
from dvae_nodes.wire.messages import MessageTypes
from dvae_nodes.wire.topics import AUDIO_INFO_TYPE, AUDIO_KINDS

RAW_CODINGS = ("wave", "wav", "raw", "pcm")
PORTAUDIO_FIELDS = {1: "float32_data", 2: "int32_data", 8: "int16_data", 16: "int8_data", 32: "uint8_data"}
PORTAUDIO_FORMATS = {1: "F32LE", 2: "S32LE", 8: "S16LE", 16: "S8", 32: "U8"}
STAMPED, DATA_STAMPED, DATA = AUDIO_KINDS


class AudioChunk(NamedTuple):
    """What a message brings. data: bytes, or channels (C, S); format: None where it is announced on another topic;
    stamp: of the first sample in ns, None where there is none; kind: type of the message; receive_time in ns."""

    data: bytes | Audio
    format: AudioFormat | None
    stamp: int | None
    frame_id: str
    kind: str
    receive_time: int = 0

    @property
    def has_header(self) -> bool:
        """Whether messages of this kind can have a stamp."""
        return self.kind != DATA


def chunk_from_message(message: Any, receive_time: int) -> AudioChunk:
    """A message of any of AUDIO_KINDS, received at `receive_time` ns. A stamp of 0 is none. ValueError for samples in
    an unknown format."""
    header, audio = getattr(message, "header", None), getattr(message, "audio", message)
    stamp = stamp_to_nanoseconds(header.stamp) or None if header is not None else None
    frame_id = header.frame_id if header is not None else ""
    if hasattr(audio, "info"):
        samples, audio_format = decode_portaudio(audio)
        return AudioChunk(samples, audio_format, stamp, frame_id, STAMPED, receive_time)
    kind = DATA if header is None else DATA_STAMPED
    return AudioChunk(bytes(audio.data), None, stamp, frame_id, kind, receive_time)


def audio_kinds(types: MessageTypes, wanted: str) -> tuple[str, ...]:
    """Those of AUDIO_KINDS that are known here, or only `wanted` if it is not "auto"; all that were asked for when none
    is known; ValueError when only others are."""
    asked = AUDIO_KINDS if wanted == "auto" else tuple(kind for kind in AUDIO_KINDS if kind.endswith(f"/{wanted}"))
    found = tuple(kind for kind in asked if types.fields_of(kind))
    others = ", ".join(kind.rsplit("/", 1)[1] for kind in AUDIO_KINDS if types.fields_of(kind))
    if others and not found:
        raise ValueError(f"audio_type: expected {wanted} in audio_common_msgs, got only {others}")
    return found or asked


def has_separate_info(types: MessageTypes) -> bool:
    """Whether AudioInfo is that of ros-drivers, on a topic of its own."""
    return "coding_format" in types.fields_of(AUDIO_INFO_TYPE)


def has_plain_data(types: MessageTypes) -> bool:
    """Whether AudioData is that of ros-drivers, which ROS4HRI means."""
    return "data" in types.fields_of(DATA)


def format_from_info(info: Any) -> AudioFormat:
    """audio_common_msgs/msg/AudioInfo of ros-drivers -> format; ValueError for coded audio such as mp3."""
    if info.coding_format.lower() not in RAW_CODINGS:
        raise ValueError(
            f"expected uncompressed audio (coding_format 'wave'), got {info.coding_format!r}: "
            "start audio_capture with format:=wave"
        )
    return AudioFormat(int(info.sample_rate), int(info.channels), info.sample_format)


def decode_portaudio(audio: Any) -> tuple[Audio, AudioFormat]:
    """audio_common_msgs/msg/Audio of mgonzs13 -> channels (C, S) and their format; ValueError for an unknown code."""
    if audio.info.format not in PORTAUDIO_FIELDS:
        raise ValueError(f"expected a PortAudio format of {list(PORTAUDIO_FIELDS)}, got {audio.info.format}")
    field = PORTAUDIO_FIELDS[audio.info.format]
    samples = np.asarray(getattr(audio.audio_data, field))
    found = AudioFormat(int(audio.info.rate), int(audio.info.channels), PORTAUDIO_FORMATS[audio.info.format])
    whole = samples.size // found.channels * found.channels
    return to_float(samples[:whole].reshape(-1, found.channels)).T, found


def to_int16(waveform: Audio) -> NDArray[np.int16]:
    """[-1, 1] -> 16 bit, clipped."""
    return to_integers(waveform, 16)


def audio_bytes_message(types: MessageTypes, waveform: Audio, sample_type: str = "S16LE") -> Any:
    """Mono (S,) -> audio_common_msgs/AudioData of ros-drivers in a format that `output_format` gives."""
    data = np.frombuffer(samples_to_bytes(waveform, sample_type), dtype=np.uint8)
    return types.make("audio_common_msgs/msg/AudioData", data=types.numbers(data))


def audio_info_message(types: MessageTypes, sample_rate: int, sample_type: str = "S16LE") -> Any:
    """audio_common_msgs/msg/AudioInfo of ros-drivers for mono audio."""
    return types.make(
        "audio_common_msgs/msg/AudioInfo",
        channels=1,
        sample_rate=sample_rate,
        sample_format=sample_type,
        bitrate=8 * SAMPLE_FORMATS[sample_type].size * sample_rate,
        coding_format="wave",
    )


def portaudio_message(
    types: MessageTypes, header: Any, waveform: Audio, sample_rate: int, sample_type: str = "S16LE"
) -> Any:
    """Mono (S,) -> audio_common_msgs/AudioStamped of mgonzs13 in a format that `output_format` gives."""
    code = next(code for code, name in PORTAUDIO_FORMATS.items() if name == sample_type)
    kinds = {"float32": np.float32, "int32": np.int32, "int16": np.int16, "int8": np.int8, "uint8": np.uint8}
    fields = {f"{name}_data": types.numbers(np.zeros(0, dtype=kind)) for name, kind in kinds.items()}
    samples = waveform if sample_type == "F32LE" else to_integers(waveform, SAMPLE_FORMATS[sample_type].bits)
    fields[PORTAUDIO_FIELDS[code]] = types.numbers(samples)
    data = types.make("audio_common_msgs/msg/AudioData", **fields)
    info = types.make("audio_common_msgs/msg/AudioInfo", format=code, channels=1, rate=sample_rate, chunk=waveform.size)
    return types.make(
        "audio_common_msgs/msg/AudioStamped",
        header=header,
        audio=types.make("audio_common_msgs/msg/Audio", audio_data=data, info=info),
    )


def audio_message(
    types: MessageTypes, kind: str, header: Any, waveform: Audio, sample_rate: int, sample_type: str = "S16LE"
) -> Any:
    """Mono (S,) -> a message of `kind`, one of AUDIO_KINDS, in a format that `output_format` gives."""
    if kind == STAMPED:
        return portaudio_message(types, header, waveform, sample_rate, sample_type)
    data = audio_bytes_message(types, waveform, sample_type)
    return data if kind == DATA else types.make(DATA_STAMPED, header=header, audio=data)
