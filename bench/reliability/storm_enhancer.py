"""Odd chunks of audio through the enhancer's pipeline: every format, arrays, references, samples and stamps."""

from __future__ import annotations

import pickle
import re
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import odd
from hearing import PORTAUDIO, Hearing
from make_bag import audio_types
from outcome import Effort, Meter, Outcome, memory
from scipy.signal import correlate
from tqdm import tqdm

from dvae.enhancement.microphones import MicrophoneConfig
from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_file import read_mono, resample
from dvae_nodes.lifecycle.pipeline import Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.enhancer import EnhancerNodeConfig, EnhancerPipeline

SPEECH = Path(__file__).resolve().parents[2] / "test" / "data" / "demo_speech_noisy.flac"
CHUNK_SECONDS = 0.02
CHECK_SECONDS = 6.0  # of clean speech after the storm; the last three are compared
MAX_SECONDS, SECONDS_A_MEGABYTE = 2.0, 3.0  # CPU time for one message
MAX_GROWTH = 24.0  # MiB
TOLERANCE_DB = -25.0
SAMPLES = {"S8": "<i1", "U8": "<u1", "S16LE": "<i2", "S16BE": ">i2", "S32LE": "<i4", "F32LE": "<f4", "F64LE": "<f8"}
FORMATS = [*SAMPLES, "S16_LE", "S24LE", "S24_3LE", "S24_32LE", "s16le", "U16LE", "F32BE", *odd.TEXTS]
CODINGS = ["wave", "WAVE", "raw", "pcm", "mp3", "opus", "", "a" * 300]
SQUARE = "0.05 0.05 0; -0.05 0.05 0; -0.05 -0.05 0; 0.05 -0.05 0"


class Case(NamedTuple):
    """A pipeline and what is sent to it when all is well."""

    name: str
    settings: Settings
    portaudio: bool = False
    stamped: bool = True
    rate: int = 16000
    channels: int = 1
    kind: str = "S16LE"


CASES = [
    Case("bytes", Settings(EnhancerNodeConfig())),
    Case("bytes without stamps", Settings(EnhancerNodeConfig(audio_type="AudioData")), stamped=False),
    Case("bytes, 48 kHz stereo float", Settings(EnhancerNodeConfig()), rate=48000, channels=2, kind="F32LE"),
    Case("samples", Settings(EnhancerNodeConfig(preset="low_latency")), portaudio=True, rate=44100),
    Case(
        "array",
        Settings(EnhancerNodeConfig(), MicrophoneConfig(channel_mode="mvdr", microphone_positions=SQUARE)),
        portaudio=True,
        channels=4,
    ),
    Case("echo and voices", Settings(EnhancerNodeConfig(cancel_echo=True, ros4hri=True)), rate=32000),
]


def speech_at(rate: int) -> np.ndarray[Any, Any]:
    """Noisy speech (S,) at `rate` Hz."""
    return resample(read_mono(SPEECH, 16000), 16000, rate)


def coded(samples: np.ndarray[Any, Any], kind: str) -> bytes:
    """Samples (S, C) as the bytes of a format."""
    dtype = np.dtype(SAMPLES[kind])
    if dtype.kind == "f":
        return samples.astype(dtype).tobytes()
    scale = 2.0 ** (8 * dtype.itemsize - 1)
    values = np.clip(np.nan_to_num(samples) * scale, -scale, scale - 1) + (scale if dtype.kind == "u" else 0)
    return values.astype(dtype).tobytes()


def bytes_message(data: bytes, stamp: Any | None) -> Any:
    """AudioDataStamped of ros-drivers, or AudioData without a stamp."""
    audio = SimpleNamespace(data=np.frombuffer(data, dtype=np.uint8))
    if stamp is None:
        return audio
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp, frame_id="mic"), audio=audio)


def samples_message(samples: np.ndarray[Any, Any], rate: int, code: int, stamp: Any) -> Any:
    """AudioStamped of PortAudio from samples (S, C)."""
    fields = {f"{np.dtype(kind).name}_data": np.zeros(0, dtype=kind) for kind in PORTAUDIO.values()}
    dtype = np.dtype(PORTAUDIO.get(code, np.int16))
    if dtype.kind == "f":
        values = samples
    else:
        scale = 2.0 ** (8 * dtype.itemsize - 1)
        values = np.clip(np.nan_to_num(samples) * scale, -scale, scale - 1) + (scale if dtype.kind == "u" else 0)
    fields[f"{dtype.name}_data"] = values.astype(dtype).reshape(-1)
    info = SimpleNamespace(format=code, channels=samples.shape[1], rate=rate, chunk=len(samples))
    audio = SimpleNamespace(audio_data=SimpleNamespace(**fields), info=info)
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp, frame_id="mic"), audio=audio)


def info_message(rate: int, channels: int, kind: str, coding: str = "wave") -> Any:
    """AudioInfo of ros-drivers."""
    return SimpleNamespace(channels=channels, sample_rate=rate, sample_format=kind, bitrate=0, coding_format=coding)


def odd_samples(rng: odd.Rng, samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Samples (S, C) with something wrong in them."""
    samples = samples.copy()
    kind, rows = rng.random(), len(samples)
    if not samples.size:
        return samples
    if kind < 0.4:
        samples[int(rng.integers(rows)), int(rng.integers(samples.shape[1]))] = odd.number(rng)
    elif kind < 0.5:
        samples[int(rng.integers(rows)) :] = odd.number(rng)
    elif kind < 0.6:
        samples *= 10.0 ** rng.uniform(-12, 6)
    elif kind < 0.7:
        samples[:, int(rng.integers(samples.shape[1]))] = 0.0
    elif kind < 0.8:
        samples = np.sign(samples)
    elif kind < 0.9:
        samples = rng.normal(0, 10.0 ** rng.uniform(-6, 38), size=samples.shape)
    return samples


class EnhancerStorm:
    """One pipeline under odd chunks."""

    def __init__(self, effort: Effort, case: Case) -> None:
        self.effort, self.case = effort, case
        self.types = audio_types(case.portaudio)
        self.speech, self.meter = speech_at(case.rate).astype(np.float64), Meter()
        self.hearing, self.reporter, self.expected = Hearing(), Reporter(lambda text: None), np.zeros(0)
        self.pipeline, self.sound = self.fresh(), list[Any]()  # what came out since it was emptied
        self.recent: deque[Any] = deque(maxlen=8)
        self.time, self.number, self.failed, self.refused, self.seconds = 1000 * NANOSECONDS, 0, 0, 0, 0.0

    def fresh(self) -> EnhancerPipeline:
        """A pipeline that has heard nothing."""
        self.hearing, self.reporter = Hearing(), Reporter(lambda text: None)
        return EnhancerPipeline(self.types, self.case.settings, self.reporter)

    def call(self, name: str, message: Any, receive_time: int) -> list[Any]:
        """Results of a message on an input; what must hold for every message is checked."""
        self.recent.append((name, receive_time, message))
        self.number += 1
        try:
            outputs = self.meter.time(partial(getattr(self.pipeline, name), message, receive_time))
            bound = MAX_SECONDS + SECONDS_A_MEGABYTE * length_of(message) / 1e6
            assert self.meter.times[-1] < bound, f"one message took {self.meter.times[-1]:.2f} s"
            check_reports(self.reporter)
            for output in outputs:
                if output.topic == "speech_activity":
                    found = output.message
                    values = [found.probability, found.level, found.snr, found.duration]
                    assert np.isfinite(values).all(), f"expected finite activity, got {found}"
                if self.number % 10 == 0:
                    self.types.store.serialize_cdr(output.message, output.type)
            self.sound += self.hearing.samples(outputs)
            return list(outputs)
        except ValueError:
            self.refused += 1
        except Exception as error:
            self.fail(f"message {self.number}: {name}: {type(error).__name__}: {error}")
        return []

    def fail(self, text: str) -> None:
        """Keep the last messages."""
        self.failed += 1
        self.effort.fail(f"enhancer {self.case.name}", text, messages__pickle=pickle.dumps(list(self.recent)))

    def piece(self, rng: odd.Rng, seconds: float, rate: int, channels: int) -> np.ndarray[Any, Any]:
        """Speech (S, C) from anywhere, as if recorded at `rate`."""
        count = min(int(seconds * rate), self.speech.size - 1)
        first = int(rng.integers(self.speech.size - count))
        return np.repeat(self.speech[first : first + count, None], channels, axis=1)

    def chunk(self, rng: odd.Rng) -> Any:
        """A chunk: good, or with odd samples, size, format, stamp."""
        case, kind = self.case, rng.random()
        seconds = CHUNK_SECONDS if kind < 0.9 else odd.pick(rng, [0.0, 0.001, 0.1, 0.5, 3.0])
        self.seconds += seconds
        rate = case.rate if rng.random() < 0.98 else odd.pick(rng, [8000, 16000, 22050, 96000, 0, -1, 999, 2**31 - 1])
        channels = case.channels if rng.random() < 0.98 else int(odd.pick(rng, [1, 2, 3, 6, 16, 64, 65]))
        samples = self.piece(rng, seconds, case.rate, channels)
        samples = odd_samples(rng, samples) if rng.random() < 0.2 else samples
        stamp = odd.stamp(rng, self.time, int(seconds * NANOSECONDS)) if rng.random() < 0.2 else odd.stamp_of(self.time)
        self.time += int(seconds * NANOSECONDS)
        if not case.portaudio:
            data = coded(samples, case.kind)
            data = data[: int(rng.integers(len(data) + 1))] if rng.random() < 0.02 else data
            return bytes_message(data, stamp if case.stamped else None)
        code = odd.pick(rng, [1, 2, 8, 16, 32]) if rng.random() < 0.99 else odd.pick(rng, [0, 3, -1, 2**31 - 1])
        message = samples_message(samples, rate, code, stamp)
        if rng.random() < 0.02:
            message.audio.info.channels = odd.pick(rng, [0, -1, 7, 2**31 - 1])
        return message

    def storm(self, rng: odd.Rng, count: int) -> None:
        """So many odd messages, most of them audio."""
        for _ in range(count):
            self.sound.clear()
            kind = rng.random()
            if kind < 0.01 and not self.case.portaudio:
                rate = odd.pick(rng, [0, 1, 8000, 16000, 48000, 384000, 2**32 - 1])
                text = odd.pick(rng, FORMATS)
                info = info_message(rate, int(rng.integers(0, 66)), text, odd.pick(rng, CODINGS))
                self.call("on_audio_info", info, self.time)
            elif kind < 0.03 and not self.case.portaudio:
                self.tell_format()
            elif kind < 0.04:
                self.call("on_robot_speaking", SimpleNamespace(data=bool(rng.integers(2))), self.time)
            elif kind < 0.4 and self.case.settings[EnhancerNodeConfig].cancel_echo:
                here, self.time = self.time, self.time + int(rng.normal(0, 1e8))
                self.call("on_reference", self.chunk(rng), here)
                self.time = here
            else:
                self.call("on_audio", self.chunk(rng), self.time)
            if rng.random() < 0.01:
                self.time += int(10.0 ** rng.uniform(6, 11))

    def tell_format(self) -> None:
        """What the microphone really sends."""
        if not self.case.portaudio:
            self.call("on_audio_info", info_message(self.case.rate, self.case.channels, self.case.kind), self.time)

    def clean(self) -> np.ndarray[Any, Any]:
        """Enhanced speech of good messages that begin half a minute later."""
        case = self.case
        self.time += 30 * NANOSECONDS
        self.sound.clear()
        self.call("on_robot_speaking", SimpleNamespace(data=False), self.time)
        self.tell_format()
        count, step = int(CHECK_SECONDS * case.rate), int(CHUNK_SECONDS * case.rate)
        for first in range(0, count, step):
            samples = np.repeat(self.speech[first : first + step, None], case.channels, axis=1)
            stamp = odd.stamp_of(self.time)
            if case.portaudio:
                message = samples_message(samples, case.rate, 1, stamp)
            else:
                message = bytes_message(coded(samples, case.kind), stamp if case.stamped else None)
            self.call("on_audio", message, self.time)
            self.time += int(CHUNK_SECONDS * NANOSECONDS)
        return np.concatenate([*self.sound, np.zeros(0)])

    def recover(self) -> None:
        """Clean speech must sound as from a pipeline that heard nothing before."""
        if not self.expected.size:
            used = self.pipeline, self.hearing, self.reporter
            self.pipeline = self.fresh()
            self.expected = self.clean()
            self.pipeline, self.hearing, self.reporter = used
        found = self.clean()
        error = difference_db(self.expected, found)
        if error > TOLERANCE_DB:
            text = f"expected the speech of a fresh pipeline within {TOLERANCE_DB} dB, got {error:.1f} dB"
            self.fail(f"message {self.number}: {text} ({found.size} of {self.expected.size} samples)")
            self.pipeline = self.fresh()


def check_reports(reporter: Reporter) -> None:
    """What a pipeline catches by itself may only be a caller's mistake."""
    wrong = [cause for cause in reporter.counts if re.search("(?<!Value)Error$", cause)]
    for cause in wrong:
        reporter.counts.pop(cause)
    assert not wrong, f"caught inside: {wrong}"


def length_of(message: Any) -> int:
    """Bytes of a message of bytes; nothing of others."""
    return len(getattr(getattr(message, "audio", None), "data", b""))


def difference_db(expected: np.ndarray[Any, Any], found: np.ndarray[Any, Any], seconds: float = 3.0) -> float:
    """Energy of the difference by that of what is expected, over `seconds` near the end, at the best alignment."""
    count, slack = int(16000 * seconds), 4000
    if min(expected.size, found.size) < count + 2 * slack:
        return np.inf
    reference, place = expected[-count - slack : -slack], found[-count - 2 * slack :]
    begin = int(np.argmax(correlate(place, reference, mode="valid", method="fft")))
    error = place[begin : begin + count] - reference
    return float(10 * np.log10(max(np.sum(error**2), 1e-12) / np.sum(reference**2)))


def through_pipeline(effort: Effort, count: int, cases: list[Case] = CASES) -> Outcome:
    """Odd chunks in stretches, each followed by clean speech."""
    began, stretch = time.perf_counter(), 400
    storms = [EnhancerStorm(effort, case) for case in cases]
    rng = np.random.default_rng([effort.seed, 3])
    rounds = max(1, count // (stretch * len(storms)))
    warm = memory()
    for number in tqdm(range(rounds), desc="chunks of audio", unit=f"x{stretch * len(storms)}"):
        for storm in storms:
            storm.storm(rng, max(1, count // (rounds * len(storms))))
            storm.recover()
        warm = memory() if number <= rounds // 4 else warm
    growth, failed = memory() - warm, sum(storm.failed for storm in storms)
    if growth > MAX_GROWTH:
        failed += 1
        effort.fail("enhancer memory", f"expected flat memory, got {growth:.1f} MiB more in the last three quarters")
    times = np.concatenate([storm.meter.times for storm in storms]) * 1e3
    facts = f"{sum(storm.refused for storm in storms)} refused; memory {growth:+.1f} MiB; "
    facts += f"p50 / p99 / longest {np.median(times):.1f} / {np.percentile(times, 99):.1f} / {times.max():.0f} ms"
    what = f"chunks of audio: formats, arrays, references, samples, stamps; {rounds * len(storms)} times clean speech"
    return Outcome("enhancer", what, len(times), failed, facts, time.perf_counter() - began)


def outcomes(effort: Effort) -> Iterator[Outcome]:
    """The storm."""
    yield through_pipeline(effort, effort.count(100_000, 4_800))
