from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from dvae.arrays.echo_canceller import EchoConfig
from dvae.enhancement.activity import ActivityConfig
from dvae.enhancement.config import PRESETS, EnhancerConfig
from dvae.enhancement.microphones import MicrophoneConfig
from dvae.enhancement.model import Enhancer
from dvae.enhancement.step import EnhancerStep, StepResult, load_enhancer
from dvae.enhancement.streaming import EnhancerSettings, StreamingEnhancer
from dvae.evaluation.metrics.speech import si_sdr, speech_scores
from dvae.models.store.find import find_model
from dvae.signal.level import active_frames
from dvae.signal.stft import STFT

Audio = np.ndarray
SQUARE = "0.05 0 0; 0 0.05 0; -0.05 0 0; 0 -0.05 0"


@pytest.fixture(scope="module", params=list(PRESETS))
def model(request: pytest.FixtureRequest) -> EnhancerStep:
    return load_enhancer(request.param)


def stream(enhancer: StreamingEnhancer, waveform: Audio, sizes: list[int]) -> Audio:
    """Feed chunks of the given sizes, round and round, and flush."""
    pieces, first, turn = [], 0, 0
    while first < waveform.size:
        size = sizes[turn % len(sizes)]
        pieces.append(enhancer.feed(waveform[first : first + size]))
        first, turn = first + size, turn + 1
    return np.concatenate([*pieces, enhancer.flush()])


@pytest.mark.parametrize("sizes", [[256], [1], [512, 100], [7, 3000, 0, 1], [20000]])
def test_output_does_not_depend_on_the_chunks(
    model: EnhancerStep, speech: tuple[Audio, Audio], sizes: list[int]
) -> None:
    noisy = speech[1][: 3000 if sizes == [1] else 16000]
    whole = stream(StreamingEnhancer(model), noisy, [noisy.size])
    assert whole.size == noisy.size
    assert np.array_equal(stream(StreamingEnhancer(model), noisy, sizes), whole)


def test_a_gain_of_one_gives_the_input_back(model: EnhancerStep, speech: tuple[Audio, Audio]) -> None:
    noisy = speech[1][:20000]
    found = stream(StreamingEnhancer(model, EnhancerSettings(min_gain=1.0)), noisy, [333])
    np.testing.assert_allclose(found, noisy, atol=1e-6)


class Scripted:
    """A model that says what it is told: a gain, log odds; it keeps what it was fed."""

    def __init__(self, gain: float, log_odds: float = 10.0, lookahead: int = 2) -> None:
        self.config = EnhancerConfig(lookahead_frames=lookahead)
        self.gain, self.log_odds = np.full(513, gain, dtype=np.float32), log_odds
        self.ahead: list[Audio] = []  # since the last reset
        self.fed: list[Audio] = []

    def initial_state(self) -> int:
        self.ahead, self.fed = [], []
        return 0

    def look_ahead(self, power: Audio, state: int) -> int:
        self.ahead.append(power)
        return state + 1

    def step(self, power: Audio, state: int) -> tuple[StepResult, int]:
        self.fed.append(power)
        assert state == len(self.ahead) + len(self.fed) - 1
        return StepResult(self.gain, 1.0 - self.gain, self.gain, self.log_odds), state + 1


@pytest.mark.parametrize(("gain", "min_gain", "expected"), [(0.3, 0.02, 0.3), (0.3, 0.5, 0.5), (0.0, 0.02, 0.02)])
def test_the_gain_of_the_model_is_applied_but_no_smaller_one_than_set(
    gain: float, min_gain: float, expected: float, speech: tuple[Audio, Audio]
) -> None:
    noisy = speech[1][:6000]
    enhancer = StreamingEnhancer(Scripted(gain), EnhancerSettings(min_gain))  # type: ignore[arg-type]
    np.testing.assert_allclose(stream(enhancer, noisy, [700]), expected * noisy, atol=1e-6)
    assert EnhancerSettings().min_gain == 0.02


def test_settings_can_change_while_the_stream_goes_on(speech: tuple[Audio, Audio]) -> None:
    noisy, enhancer = speech[1][:8000], StreamingEnhancer(Scripted(0.0), EnhancerSettings(1.0))  # type: ignore[arg-type]
    first = enhancer.feed(noisy[:4096])
    enhancer.settings = EnhancerSettings(0.0)
    second = enhancer.feed(noisy[4096:])
    np.testing.assert_allclose(first, noisy[: first.size], atol=1e-6)
    assert np.square(second[:256]).sum() > 0  # frames of before still add to it
    assert np.square(second[512:]).sum() == 0


def test_the_model_reads_the_power_of_all_frames_relative_to_the_running_level(speech: tuple[Audio, Audio]) -> None:
    noisy, model, stft = speech[1][:6000], Scripted(0.5), STFT(synthesis_length=512)
    StreamingEnhancer(model).feed(noisy)  # type: ignore[arg-type]
    power = np.square(np.abs(stft.analyse(noisy)))[: noisy.size // 256]
    weights = [np.exp(-np.arange(t, -1, -1) / 125.0) for t in range(len(power))]
    levels = [w @ power[: w.size].mean(1) / w.sum() for w in weights]
    assert len(model.ahead) == 2
    np.testing.assert_allclose([*model.ahead, *model.fed], power / np.array(levels)[:, None], rtol=1e-4, atol=1e-9)


def test_activity_is_that_of_the_frame_that_is_filtered(speech: tuple[Audio, Audio]) -> None:
    """Silence, then speech: the level rises with the samples that come out, not with those that go in."""
    waveform = np.concatenate([np.zeros(4096, np.float32), speech[0][8000:12096]])
    enhancer = StreamingEnhancer(Scripted(1.0), activity=ActivityConfig(prior_log_odds=9.0))  # type: ignore[arg-type]
    enhancer.feed(waveform)
    found = enhancer.pop_activity()
    power = np.square(np.abs(STFT(synthesis_length=512).analyse(waveform))).mean(1)
    assert len(found) == 32 - 2  # the last frames wait for their look-ahead
    expected = 10 * np.log10(np.maximum(power[:30], 1e-12))
    np.testing.assert_allclose([frame.level_db for frame in found], expected, atol=1e-3)
    assert found[-1].probability == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert enhancer.pop_activity() == []


def far_source(azimuth: float, waveform: Audio) -> Audio:
    """What the square of microphones (C, S) hears of it, by delays in the spectrum."""
    places = np.array([[0.05, 0], [0, 0.05], [-0.05, 0], [0, -0.05]])
    delay = -places @ [np.cos(azimuth), np.sin(azimuth)] / 343.0
    shift = np.exp(-2j * np.pi * np.fft.rfftfreq(waveform.size, 1 / 16000) * delay[:, None])
    return np.fft.irfft(np.fft.rfft(waveform) * shift, waveform.size).astype(np.float32)


@pytest.mark.parametrize(("log_odds", "known"), [(10.0, True), (1.8, False)])
def test_the_azimuth_is_learned_from_speech_alone(log_odds: float, known: bool, speech: tuple[Audio, Audio]) -> None:
    channels = far_source(0.9, speech[0][8000:24000])
    array = MicrophoneConfig("mvdr", SQUARE)
    enhancer = StreamingEnhancer(Scripted(0.9, log_odds), microphones=array)  # type: ignore[arg-type]
    enhancer.feed(channels)
    azimuth = enhancer.pop_activity()[-1].azimuth
    assert azimuth == pytest.approx(0.9, abs=np.radians(5)) if known else np.isnan(azimuth)


def test_the_direction_is_averaged_over_the_seconds_that_are_set(speech: tuple[Audio, Audio]) -> None:
    channels = np.concatenate([far_source(0.9, speech[0][8000:24000]), far_source(-2.0, speech[0][8000:16000])], axis=1)
    found = []
    for seconds in (0.05, 10.0):
        array = MicrophoneConfig("mean", SQUARE, direction_seconds=seconds)
        enhancer = StreamingEnhancer(Scripted(0.9), microphones=array)  # type: ignore[arg-type]
        enhancer.feed(channels)
        found.append(enhancer.pop_activity()[-1].azimuth)
    assert found == pytest.approx([-2.0, 0.9], abs=np.radians(5))


def test_the_echo_is_taken_out_before_anything_else(speech: tuple[Audio, Audio], rng: np.random.Generator) -> None:
    far = (0.1 * rng.normal(size=48000)).astype(np.float32)
    heard = (0.5 * np.concatenate([np.zeros(60, np.float32), far[:-60]])).astype(np.float32)
    enhancer = StreamingEnhancer(Scripted(1.0), echo=EchoConfig())  # type: ignore[arg-type]
    left = np.concatenate([enhancer.feed(heard, far), enhancer.flush()])
    assert np.square(left[32000:]).mean() < 0.01 * np.square(heard[32000:]).mean()
    plain = np.concatenate([enhancer.feed(heard), enhancer.flush()])  # reset: and no reference is silence
    np.testing.assert_allclose(plain, heard, atol=1e-6)


def test_a_reset_starts_anew(speech: tuple[Audio, Audio], rng: np.random.Generator) -> None:
    channels = np.stack([np.roll(speech[1][:6000], shift) for shift in (0, 1, 2, 1)])
    far = (0.1 * rng.normal(size=6000)).astype(np.float32)
    enhancer = StreamingEnhancer(untrained(1), microphones=MicrophoneConfig("mvdr", SQUARE), echo=EchoConfig())
    first = enhancer.feed(channels, far)
    assert (enhancer.num_fed, enhancer.num_returned) == (6000, first.size)
    enhancer.reset()
    assert (enhancer.num_fed, enhancer.num_returned, enhancer.pop_activity()) == (0, 0, [])
    assert enhancer.real_time_factor == enhancer.processing_seconds == 0.0
    np.testing.assert_array_equal(enhancer.feed(channels, far), first)
    enhancer.flush()
    assert len(enhancer.pop_activity()) > 0  # what was heard until the flush can still be had
    np.testing.assert_array_equal(enhancer.feed(channels, far), first)


def untrained(lookahead: int) -> EnhancerStep:
    """A small enhancer with random weights."""
    torch.manual_seed(0)
    config = EnhancerConfig(hidden_size=8, noise_hidden_size=4, lookahead_frames=lookahead)
    return EnhancerStep(config, {name: value.numpy() for name, value in Enhancer(config).state_dict().items()})


@pytest.mark.parametrize("lookahead", [0, 1, 3])
def test_latency_is_constant_and_as_stated(lookahead: int) -> None:
    enhancer = StreamingEnhancer(untrained(lookahead))
    assert enhancer.latency_seconds == pytest.approx(0.032 + 0.016 * lookahead)
    fed = returned = 0
    for _ in range(20):
        fed, returned = fed + 256, returned + enhancer.feed(np.zeros(256, dtype=np.float32)).size
        assert returned == max(0, fed - enhancer.latency_samples)


def test_load_takes_a_preset_a_shipped_model_or_a_folder(speech: tuple[Audio, Audio], tmp_path: Path) -> None:
    noisy = speech[1][:8000]
    copy = tmp_path / "mine"
    shutil.copytree(find_model("speech_enhancer_low_latency"), copy)
    names = ["low_latency", "speech_enhancer_low_latency", str(copy), copy]
    found = [stream(StreamingEnhancer.load(name), noisy, [512]) for name in names]
    assert all(np.array_equal(each, found[0]) for each in found)
    assert StreamingEnhancer.load().latency_samples == StreamingEnhancer.load("speech_enhancer").latency_samples
    settings, activity = EnhancerSettings(min_gain=1.0), ActivityConfig(silence_db=-10.0)
    loaded = StreamingEnhancer.load("quality", settings, activity, MicrophoneConfig("first", SQUARE), EchoConfig())
    assert (loaded.settings, loaded.activity.config) == (settings, activity)
    assert loaded.array is not None
    assert loaded.echo is not None
    assert loaded.num_channels == 4
    with pytest.raises(ValueError, match=r"expected a model folder or one of .*, got 'best'"):
        StreamingEnhancer.load("best")


def test_the_stream_imports_no_torch() -> None:
    """Which takes seconds and hundreds of megabytes that a robot need not have: in a process of its own."""
    program = """
import sys
import numpy as np
from dvae.enhancement.streaming import EchoConfig, MicrophoneConfig, StreamingEnhancer
array = MicrophoneConfig("mvdr", "0 0 0; 0.1 0 0")
enhancer = StreamingEnhancer.load("low_latency", microphones=array, echo=EchoConfig())
enhancer.feed(np.ones((2, 4096), dtype=np.float32))
enhancer.flush()
import dvae.distributions.gaussian, dvae.inference.responsibilities
print(sorted({"torch", "lightning", "matplotlib"} & sys.modules.keys()))
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_presets_keep_their_latency() -> None:
    latency = {name: StreamingEnhancer.load(name).latency_seconds for name in PRESETS}
    assert latency["low_latency"] <= 0.048
    assert latency["quality"] <= 0.1


def test_the_future_beyond_the_latency_is_not_heard(model: EnhancerStep, speech: tuple[Audio, Audio]) -> None:
    noisy = speech[1][:16000]
    changed = noisy.copy()
    changed[10000:] = 0.0
    enhancer = StreamingEnhancer(model)
    first, second = (stream(enhancer, x, [1000]) for x in (noisy, changed))
    known = 10000 - round(16000 * enhancer.latency_seconds)
    assert np.array_equal(first[:known], second[:known])
    assert not np.array_equal(first, second)


def test_loudness_of_the_microphone_does_not_matter(model: EnhancerStep, speech: tuple[Audio, Audio]) -> None:
    noisy = speech[1][:32000]
    loud, quiet = (
        stream(StreamingEnhancer(model), gain * noisy, [512]) for gain in (np.float32(1.0), np.float32(0.01))
    )
    np.testing.assert_allclose(quiet / 0.01, loud, atol=0.01 * np.abs(loud).max())


def test_speech_in_robot_noise_becomes_cleaner(model: EnhancerStep, speech: tuple[Audio, Audio]) -> None:
    clean, noisy = speech
    enhancer = StreamingEnhancer(model)
    before, after = speech_scores(clean, noisy), speech_scores(clean, stream(enhancer, noisy, [512]))
    assert after.si_sdr > before.si_sdr + 3.0
    assert after.pesq_wb > before.pesq_wb
    assert after.estoi > before.estoi


def test_clean_speech_passes(model: EnhancerStep, speech: tuple[Audio, Audio]) -> None:
    assert si_sdr(speech[0], stream(StreamingEnhancer(model), speech[0], [512])) > 15.0


@pytest.mark.parametrize("kind", ["silence", "clipped", "square"])
def test_extreme_audio_stays_finite_and_bounded(model: EnhancerStep, kind: str, rng: np.random.Generator) -> None:
    waveform = {
        "silence": np.zeros(8000),
        "clipped": np.clip(10 * rng.normal(size=8000), -1, 1),
        "square": np.sign(np.sin(np.arange(8000))),
    }[kind].astype(np.float32)
    enhancer = StreamingEnhancer(model)
    enhanced = stream(enhancer, waveform, [512])
    assert np.isfinite(enhanced).all()
    assert np.abs(enhanced).max() <= 1.5 * np.abs(waveform).max()


def test_silence_then_speech(model: EnhancerStep, speech: tuple[Audio, Audio]) -> None:
    clean, noisy = speech
    quiet = np.zeros(16000, dtype=np.float32)
    enhanced = stream(StreamingEnhancer(model), np.concatenate([quiet, noisy]), [512])[16000:]
    assert si_sdr(clean, enhanced) > si_sdr(clean, noisy) + 2.0


def test_mistakes_are_refused_and_change_nothing(model: EnhancerStep, speech: tuple[Audio, Audio]) -> None:
    noisy, enhancer = speech[1][:8000], StreamingEnhancer(model)
    first = enhancer.feed(noisy[:4000])
    with pytest.raises(ValueError, match=r"expected one channel of shape \(S,\), got shape \(2, 5\)"):
        enhancer.feed(np.zeros((2, 5), dtype=np.float32))
    with pytest.raises(ValueError, match="expected finite samples, got 2 NaN"):
        enhancer.feed(np.array([0.0, np.nan, np.inf], dtype=np.float32))
    found = np.concatenate([first, enhancer.feed(noisy[4000:]), enhancer.flush()])
    assert np.array_equal(found, stream(StreamingEnhancer(model), noisy, [8000]))


def test_memory_does_not_grow(model: EnhancerStep) -> None:
    enhancer = StreamingEnhancer(model)
    for _ in range(200):
        enhancer.feed(np.zeros(512, dtype=np.float32))
        enhancer.pop_activity()
    assert len(enhancer._now.waiting) == enhancer.lookahead
    assert enhancer._now.hops._pending.shape[-1] < 256
    assert enhancer.real_time_factor > 0


def test_real_time_factor_is_that_of_the_present_stretch(model: EnhancerStep) -> None:
    enhancer = StreamingEnhancer(model)
    enhancer.feed(np.zeros(160000, dtype=np.float32))
    spent = enhancer.processing_seconds
    assert enhancer.real_time_factor == pytest.approx(spent / 10.0)
    enhancer.flush()
    enhancer.feed(np.zeros(256, dtype=np.float32))
    assert 0 < enhancer.processing_seconds < 0.2 * spent


def test_activity_follows_speech(model: EnhancerStep, speech: tuple[Audio, Audio]) -> None:
    clean, noisy = speech
    enhancer = StreamingEnhancer(model)
    enhancer.feed(noisy)
    activity = enhancer.pop_activity()
    probability = np.array([frame.probability for frame in activity])
    truth = active_frames(np.square(np.abs(STFT().analyse(clean))).mean(1))[: len(activity)]
    ranks = rankdata(probability)  # area under the ROC curve: how often a speech frame is above a pause
    area = (ranks[truth].mean() - (truth.sum() + 1) / 2) / (~truth).sum()
    assert area > 0.85
    speaking = np.array([frame.speaking for frame in activity])
    assert speaking[truth].mean() > 0.8
    assert speaking[truth].mean() > speaking[~truth].mean() + 0.2


@pytest.mark.parametrize("sizes", [[256], [512, 100], [7, 3000, 1]])
def test_streaming_with_array_and_reference_does_not_depend_on_the_chunks(
    sizes: list[int], speech: tuple[Audio, Audio], rng: np.random.Generator
) -> None:
    channels = np.stack([speech[1][:12000], speech[1][3:12003]])
    reference = (0.05 * rng.normal(size=12000)).astype(np.float32)
    found = []
    for chunks in ([12000], sizes):
        enhancer = StreamingEnhancer(
            untrained(1), microphones=MicrophoneConfig("mvdr", "0.05 0 0; -0.05 0 0"), echo=EchoConfig()
        )
        pieces, first, turn = [], 0, 0
        while first < 12000:
            size = chunks[turn % len(chunks)]
            pieces.append(enhancer.feed(channels[:, first : first + size], reference[first : first + size]))
            first, turn = first + size, turn + 1
        found.append(np.concatenate([*pieces, enhancer.flush()]))
    assert found[0].size == 12000
    assert np.array_equal(*found)
    with pytest.raises(ValueError, match=r"expected 2 channels of shape \(C, S\), got shape \(3, 5\)"):
        enhancer.feed(np.zeros((3, 5), dtype=np.float32))
    with pytest.raises(ValueError, match="expected a reference of 5 samples, got \\(4,\\)"):
        enhancer.feed(np.zeros((2, 5), dtype=np.float32), np.zeros(4, dtype=np.float32))


@pytest.mark.parametrize("place", [0, 10240])
@pytest.mark.parametrize(("value", "count"), [(1e3, 1), (1e5, 20), (-1e25, 1), (3.4e38, 20)])
def test_a_loud_sample_is_one_frames_trouble(speech: tuple[Audio, Audio], place: int, value: float, count: int) -> None:
    """0.3 s away from it, output and decisions are those without it, in 5 s with speech before and after."""
    noisy, found = speech[1][: 5 * 16000], []
    enhancer = StreamingEnhancer.load("low_latency")
    for wrong in (False, True):
        waveform = noisy.copy()
        if wrong:
            waveform[place : place + count] = value
        ready, activity = [enhancer.feed(waveform), enhancer.flush()], enhancer.pop_activity()
        found.append((np.concatenate(ready), np.array([frame.speaking for frame in activity])))
    (clean, says), (other, says_too) = found
    far = np.abs(np.arange(clean.size) - place) > 4800
    assert np.square((other - clean)[far]).mean() < 1e-3 * np.square(clean[far]).mean()
    assert (says != says_too)[np.abs(np.arange(says.size) * 256 - place) > 4800].mean() < 0.02


def test_a_loud_sample_of_one_microphone_or_of_the_reference_stays_there(speech: tuple[Audio, Audio]) -> None:
    noisy = speech[1][: 3 * 16000]
    channels, reference = np.stack([noisy, np.roll(noisy, 2)]), 0.1 * speech[0][: 3 * 16000]
    found = []
    for wrong in (False, True):
        enhancer = StreamingEnhancer.load(
            "low_latency", microphones=MicrophoneConfig("mvdr", "0.05 0 0; -0.05 0 0"), echo=EchoConfig()
        )
        heard, played = channels.copy(), reference.copy()
        if wrong:
            heard[1, 12000], played[20000] = 1e25, 1e10
        found.append(np.concatenate([enhancer.feed(heard, played), enhancer.flush()]))
    assert np.square((found[1] - found[0])[24000:]).mean() < 0.01 * np.square(found[0][24000:]).mean()


@pytest.mark.parametrize("sizes", [[80000], [7, 3000, 0, 1]])
def test_rubbish_that_lasts_is_a_second_and_a_halfs_trouble(speech: tuple[Audio, Audio], sizes: list[int]) -> None:
    noisy = speech[1][: 5 * 16000]
    wrong = noisy.copy()
    wrong[:2500] = 1e5
    enhancer = StreamingEnhancer.load("low_latency")
    clean, found = stream(enhancer, noisy, [noisy.size]), stream(enhancer, wrong, sizes)
    assert np.square((found - clean)[28000:]).mean() < 0.02 * np.square(clean[28000:]).mean()


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.ones(512, dtype=np.int16), r"expected floats in \[-1, 1\], got int16: divide by 32768"),
        (np.ones(512, dtype=np.int32), "got int32: divide by 2147483648"),
        (np.ones(512, dtype=np.uint8), "got uint8: subtract 128, then divide by 128"),
        ([0, 1, 2], "got int64: divide by their full scale"),
        (np.ones(512, dtype=complex), "got complex128"),
    ],
)
def test_integers_are_no_samples(samples: Any, message: str) -> None:
    enhancer = StreamingEnhancer(Scripted(1.0), echo=EchoConfig())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"{message}$"):
        enhancer.feed(samples)
    with pytest.raises(ValueError, match=f"{message}$"):
        enhancer.feed(np.zeros(len(samples)), samples)
    assert enhancer.num_fed == 0
