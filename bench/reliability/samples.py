"""Small good files of every kind that the package reads: detections, camera maps, models, settings, audio, bags."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from make_bag import audio_types
from rosbags.rosbag2 import StoragePlugin, Writer
from storm_tracker import walkers

from dvae.models.store.find import find_model
from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_file import read_mono
from dvae_nodes.wire import audio
from dvae_nodes.wire import conversions as convert

REPOSITORY = Path(__file__).resolve().parents[2]
SPEECH = REPOSITORY / "test" / "data" / "demo_speech_noisy.flac"
DETECTIONS_TYPE = "vision_msgs/msg/Detection2DArray"


def speech(seconds: float) -> np.ndarray[Any, Any]:
    """Noisy speech (S,) at 16 kHz."""
    return read_mono(SPEECH, 16000)[: int(16000 * seconds)]


def detections_text(frames: int = 40, separator: str = ",") -> str:
    """MOTChallenge detections of four people."""
    rows = []
    for frame in range(1, frames + 1):
        for x1, y1, x2, y2 in walkers(frame).tolist():
            values = (frame, -1, f"{x1:.2f}", f"{y1:.2f}", f"{x2 - x1:.2f}", f"{y2 - y1:.2f}", 0.9, -1, -1, -1)
            rows.append(separator.join(str(value) for value in values))
    return "\n".join(rows) + "\n"


def camera_text(frames: int = 40) -> str:
    """Camera maps as GMC files have them."""
    return "".join(f"{frame}\t1.0\t0.0\t{frame % 3}.5\t0.0\t1.0\t-0.25\n" for frame in range(frames))


def audio_files(folder: Path, seconds: float = 0.3) -> dict[str, Path]:
    """The same speech in every format there is here."""
    mono = speech(seconds)
    stereo = np.stack([mono, 0.5 * mono], axis=1)
    kinds = {
        "pcm16.wav": (mono, 16000, "PCM_16"),
        "float.wav": (stereo, 44100, "FLOAT"),
        "pcm24.wav": (mono, 48000, "PCM_24"),
        "u8.wav": (mono, 8000, "PCM_U8"),
        "speech.flac": (stereo, 16000, "PCM_16"),
        "speech.ogg": (mono, 16000, "VORBIS"),
        "speech.aiff": (mono, 22050, "PCM_16"),
        "speech.mp3": (mono, 16000, "MPEG_LAYER_III"),
    }
    for name, (samples, rate, subtype) in kinds.items():
        soundfile.write(folder / name, samples, rate, subtype=subtype)
    return {name: folder / name for name in kinds}


def messages(types: Any, frames: int, seconds: float) -> Iterator[tuple[int, str, str, Any]]:
    """Time, topic, type and message of detections and audio, in order."""
    found: list[tuple[int, str, str, Any]] = []
    start = 1_700_000_000 * NANOSECONDS
    for frame in range(frames):
        time = start + frame * NANOSECONDS // 30
        header = convert.make_header(types, time, "camera")
        message = convert.detections_to_message(types, header, walkers(frame), np.full(4, 0.9), "person")
        found.append((time, "/cam/detections", DETECTIONS_TYPE, message))
    waveform = speech(seconds)
    for first in range(0, waveform.size, 512):
        time = start + first * NANOSECONDS // 16000
        header = convert.make_header(types, time, "mic")
        chunk = audio.audio_message(types, audio.DATA_STAMPED, header, waveform[first : first + 512], 16000)
        found.append((time, "/mic/audio", audio.DATA_STAMPED, chunk))
    if seconds:
        info = audio.audio_info_message(types, 16000)
        found.append((start, "/mic/audio_info", "audio_common_msgs/msg/AudioInfo", info))
    yield from sorted(found, key=lambda entry: entry[:2])


def write_bag(folder: Path, sqlite: bool = False, frames: int = 8, seconds: float = 0.2) -> Path:
    """A bag of detections and audio."""
    types = audio_types(False)
    plugin = StoragePlugin.SQLITE3 if sqlite else StoragePlugin.MCAP
    with Writer(folder, version=9, storage_plugin=plugin) as writer:
        connections: dict[str, Any] = {}
        for time, topic, kind, message in messages(types, frames, seconds):
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=types.store)
            writer.write(connections[topic], time, types.store.serialize_cdr(message, kind))
    return folder


def copy_model(name: str, target: Path) -> Path:
    """A shipped model's folder."""
    return Path(shutil.copytree(find_model(name), target))
