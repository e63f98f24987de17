"""Sound as microphones and recorders give it, one check for each kind of trouble."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import odd
import samples
import soundfile
from hearing import Hearing
from make_bag import audio_types
from outcome import checks
from programs import run
from storm_enhancer import bytes_message, coded, info_message

from dvae.enhancement.microphones import MicrophoneConfig
from dvae.enhancement.streaming import StreamingEnhancer
from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_input import AudioFormat, AudioInput
from dvae_nodes.lifecycle.pipeline import Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.detector import DetectorPipeline
from dvae_nodes.pipelines.enhancer import EnhancerNodeConfig, EnhancerPipeline

SECONDS = 60.0


class Ears:
    """A pipeline, what it reported, and the samples that came out."""

    def __init__(self, **node: Any) -> None:
        self.log: list[str] = []
        settings = Settings(EnhancerNodeConfig(**{"sample_rate": 16000, **node}))
        self.pipeline = EnhancerPipeline(audio_types(False), settings, Reporter(self.log.append))
        self.hearing, self.heard = Hearing(), list[Any]()

    def hear(self, waveform: Any, stamp: int | None, received: int, kind: str = "S16LE") -> None:
        """A chunk (S,) with a stamp or none."""
        message = bytes_message(coded(waveform[:, None], kind), None if stamp is None else odd.stamp_of(stamp))
        self.keep(self.pipeline.on_audio(message, received))

    def keep(self, outputs: Sequence[Any]) -> None:
        self.heard += self.hearing.samples(outputs)

    def finish(self) -> Any:
        """All that came out (S,)."""
        self.keep(self.pipeline.flush())
        return np.concatenate(self.heard or [np.zeros(0)])


def arrivals(kind: str, number: int, seconds: float, rng: odd.Rng) -> float:
    """When chunk `number` of so many seconds is received."""
    due = (number + 1) * seconds
    if kind == "jitter":
        return due + float(rng.uniform(0, 0.06))
    if kind == "blocked":  # half of the time
        return due if due % 0.2 < 0.1 else due - due % 0.2 + 0.2
    return due - due % 0.5 + 0.5  # bursts


def late_chunks(_: Path) -> str:
    """Nothing is lost, so nothing is added, however late chunks come."""
    waveform, rng = samples.speech(3.0), np.random.default_rng(0)
    for kind in ("jitter", "blocked", "bursts"):
        for seconds in (0.01, 0.032):
            ears, last, count = Ears(audio_type="AudioData"), 0.0, round(16000 * seconds)
            for number in range(waveform.size // count):
                last = max(last, arrivals(kind, number, seconds, rng))
                received = 1000 * NANOSECONDS + round(last * NANOSECONDS)
                ears.hear(waveform[number * count : (number + 1) * count], None, received)
            sent, found = waveform.size // count * count, ears.finish().size
            assert found == sent, f"{kind}, {seconds} s: {sent} samples became {found}"
    return "as many samples out as in"


def zero_stamps(_: Path) -> str:
    waveform, ears = samples.speech(3.0), Ears()
    for first in range(0, waveform.size, 320):
        ears.hear(waveform[first : first + 320], 0, 1000 * NANOSECONDS + (first + 320) * NANOSECONDS // 16000)
    found, stamped = ears.finish(), Ears()
    for first in range(0, waveform.size, 320):
        stamped.hear(waveform[first : first + 320], NANOSECONDS + first * NANOSECONDS // 16000, 0)
    expected = stamped.finish()
    assert found.size == expected.size, f"{expected.size} samples became {found.size}"
    error = 10 * np.log10(max(np.sum((found - expected) ** 2), 1e-9) / np.sum(expected**2))
    assert error < -40, f"differs by {error:.0f} dB from the same with stamps"
    return "as with stamps"


def no_info(_: Path) -> str:
    """Stamps of zero and no audio_info: what waits has an end."""
    ears = Ears(sample_rate=0)
    waveform = samples.speech(2.0)
    for number in range(60):
        ears.hear(waveform, 0, 1000 * NANOSECONDS + 2 * number * NANOSECONDS)
    early = sum(each.size for each in ears.heard)
    assert early > 16000 * 100, f"only {early / 16000:.0f} of 120 s came out, the others are kept"
    return "the usual format is taken"


def loud_sample(_: Path) -> str:
    """One sample of any size is the trouble of the frames around it."""
    waveform = np.tile(samples.speech(8.0), 2)
    clean = StreamingEnhancer.load()
    expected = clean.feed(waveform)
    speaking = np.array([frame.speaking for frame in clean.pop_activity()])
    for value in (1e3, 1e5, 1e10, 1e19, 1e25, 3.4e38):
        enhancer, broken = StreamingEnhancer.load(), waveform.copy()
        broken[10240] = value
        found = enhancer.feed(broken)
        assert np.isfinite(found).all(), f"{value:g}: output is not finite"
        now = np.array([frame.speaking for frame in enhancer.pop_activity()])
        differs = np.mean(now[120:] != speaking[120:])
        assert differs < 0.05, f"{value:g}: speaking differs in {100 * differs:.0f} % of the frames a second later"
        error = np.sum((found - expected)[32000:] ** 2) / np.sum(expected[32000:] ** 2)
        assert error < 0.03, f"{value:g}: {10 * np.log10(error):.1f} dB of difference after two seconds"
    return "1e3 to 3.4e38: a second later as without"


def loud_end(_: Path) -> str:
    """Floats of 3e38 before a change of format."""
    ears = Ears(sample_rate=0)
    for rate, channels in ((48000, 1), (16000, 1)):
        ears.keep(ears.pipeline.on_audio_info(info_message(rate, channels, "F32LE"), 0))
        for number in range(20):
            loud = np.full(960, 3.4e38 if number == 19 and rate == 48000 else 0.01)
            loud[::2] *= -1
            ears.hear(loud, NANOSECONDS * (10 + rate // 16000) + number * 960 * NANOSECONDS // rate, 0, "F32LE")
    found = ears.finish().size
    assert found >= 20 * 960 + 20 * 320 - 400, f"only {found} samples came out"
    return "the stream goes on"


def what_it_can_hold(folder: Path) -> str:
    """Floats stay floats: over full scale, in the scale of integers, very quiet."""
    speech = samples.speech(1.0)
    speech = speech / np.abs(speech).max()
    for name, scale in {"peak": 3.0, "integers": 32768.0, "quiet": 1e-4}.items():
        soundfile.write(folder / f"{name}.wav", speech * scale, 16000, subtype="FLOAT")
        ended = run("dvae-enhance", [folder / f"{name}.wav", folder / f"{name}_out.wav"], folder, SECONDS)
        assert ended.status == 0, ended.error
        found, _ = soundfile.read(folder / f"{name}_out.wav")
        steps = np.unique(np.abs(found)).size
        assert steps > 1000, f"{name}: {steps} different values"
        assert np.mean(np.abs(found) >= 0.999 * np.abs(found).max()) < 0.01, f"{name}: clipped"
    return "peaks of 3, scale of 32768, 1e-4"


def formats(_: Path) -> str:
    values = np.array([0.5, -0.25, 0.0, 0.125])
    for kind, data in {
        "S16LE": (values * 2**15).astype("<i2").tobytes(),
        "S16_LE": (values * 2**15).astype("<i2").tobytes(),
        "S24LE": b"".join(int(v * 2**23).to_bytes(3, "little", signed=True) for v in values),
        "S24_32LE": (values * 2**23).astype("<i4").tobytes(),
        "F32LE": values.astype("<f4").tobytes(),
        "F64LE": values.astype("<f8").tobytes(),
        "U8": (values * 128 + 128).astype("u1").tobytes(),
    }.items():
        found = AudioInput(AudioFormat(16000, 1, kind), 16000).read(data).waveform[0]
        assert np.allclose(found, values, atol=1e-2), (kind, found)
    return "S24LE, S24_32LE, F64LE, S16_LE and the usual ones"


def odd_channels(_: Path) -> str:
    """Six channels of which one is processed and one is the loudspeaker: channels 1-4 are chosen."""
    node = EnhancerNodeConfig(sample_rate=16000, num_channels=6)
    log: list[str] = []
    microphones = MicrophoneConfig(channels="1-4")
    pipeline = EnhancerPipeline(audio_types(False), Settings(node, microphones), Reporter(log.append))
    speech, rng, heard = samples.speech(3.0), np.random.default_rng(0), []
    six = np.stack([0.7 * speech, *[speech] * 4, 0.5 * rng.normal(size=speech.size)], axis=1)
    for first in range(0, len(six), 320):
        stamp = odd.stamp_of(NANOSECONDS + first * NANOSECONDS // 16000)
        heard += pipeline.on_audio(bytes_message(coded(six[first : first + 320], "S16LE"), stamp), 0)
    found = np.concatenate(Hearing().samples(heard))
    alone = Ears()
    alone.hear(speech, NANOSECONDS, 0)
    expected = alone.finish()[: found.size]
    error = 10 * np.log10(np.sum((found - expected) ** 2) / np.sum(expected**2))
    assert error < -20, f"the playback is mixed in: {error:.0f} dB"
    return "channels 1-4 of six"


def heavy_work(_: Path) -> str:
    (image,) = (declared for declared in DetectorPipeline.inputs if declared.topic.name == "image")
    assert image.newest_only, "the people detector shares the thread of audio"
    return "the detector takes the newest image in a thread of its own"


CHECKS = checks(
    "sound",
    {
        "chunks that come late, in bursts, from a blocked executor": late_chunks,
        "stamps of zero": zero_stamps,
        "two minutes without audio_info": no_info,
        "one loud sample": loud_sample,
        "samples of 3e38 before a change of format": loud_end,
        "files over full scale, of integers as floats, quiet": what_it_can_hold,
        "formats of samples": formats,
        "arrays with odd channels": odd_channels,
        "heavy work beside audio": heavy_work,
    },
)
