from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dvae.data.mixtures import mix_at_snr
from dvae.enhancement.activity import ActivityConfig, ActivityDetector
from dvae.enhancement.model import Enhancer, EnhancerConfig
from dvae.enhancement.streaming import EnhancerSettings, StreamingEnhancer
from dvae.metrics.speech import si_sdr, speech_scores
from dvae.models.checkpoint import load_model
from dvae.models.store import find_model
from dvae.signal.audio_file import read_mono
from dvae.signal.level import LevelTracker
from dvae.signal.stft import STFT

DATA = Path(__file__).resolve().parents[1] / "data"
Audio = np.ndarray


@pytest.fixture(scope="module")
def model() -> Enhancer:
    return load_model(Enhancer, find_model("speech_enhancer"))


@pytest.fixture(scope="module")
def speech() -> tuple[Audio, Audio]:
    """Clean and noisy."""
    return tuple(read_mono(DATA / f"demo_speech_{name}.flac", 16000) for name in ("clean", "noisy"))  # type: ignore[return-value]


def stream(enhancer: StreamingEnhancer, waveform: Audio, sizes: list[int]) -> Audio:
    """Feed chunks of the given sizes, round and round, and flush."""
    pieces, first, turn = [], 0, 0
    while first < waveform.size:
        size = sizes[turn % len(sizes)]
        pieces.append(enhancer.feed(waveform[first : first + size]))
        first, turn = first + size, turn + 1
    return np.concatenate([*pieces, enhancer.flush()])


@pytest.mark.parametrize("sizes", [[256], [1], [512, 100], [7, 3000, 0, 1], [20000]])
def test_output_does_not_depend_on_the_chunks(model: Enhancer, speech: tuple[Audio, Audio], sizes: list[int]) -> None:
    noisy = speech[1][: 3000 if sizes == [1] else 16000]
    whole = stream(StreamingEnhancer(model), noisy, [noisy.size])
    assert whole.size == noisy.size
    assert np.array_equal(stream(StreamingEnhancer(model), noisy, sizes), whole)


def test_streaming_is_the_whole_sequence_model(model: Enhancer, speech: tuple[Audio, Audio]) -> None:
    noisy, stft = torch.from_numpy(speech[1][:16000]), STFT()
    tail = torch.zeros(stft.hop_length * (model.config.lookahead_frames + 3))
    spectrogram = stft.analyse(torch.cat([noisy, tail]))  # (F, T)
    power = spectrogram.abs().square().T
    level = torch.from_numpy(LevelTracker().track(power.mean(1).double().numpy())).float()
    gain = model((power / level[:, None])[None]).wiener_gain[0].T.clamp_min(0.05)
    expected = stft.synthesise(spectrogram[:, : gain.shape[1]] * gain, noisy.numel())
    found = stream(StreamingEnhancer(model), noisy.numpy(), [500])
    np.testing.assert_allclose(found, expected.numpy(), atol=2e-5)


def test_a_gain_of_one_gives_the_input_back(model: Enhancer, speech: tuple[Audio, Audio]) -> None:
    noisy = speech[1][:20000]
    found = stream(StreamingEnhancer(model, EnhancerSettings(min_gain=1.0)), noisy, [333])
    np.testing.assert_allclose(found, noisy, atol=1e-6)


@pytest.mark.parametrize("lookahead", [0, 1, 3])
def test_latency_is_constant_and_as_stated(lookahead: int) -> None:
    torch.manual_seed(0)
    enhancer = StreamingEnhancer(
        Enhancer(EnhancerConfig(hidden_size=8, lookahead_frames=lookahead)).requires_grad_(False)
    )
    assert enhancer.latency_seconds == pytest.approx(0.048 + 0.016 * lookahead)
    fed = returned = 0
    for _ in range(20):
        fed, returned = fed + 256, returned + enhancer.feed(np.zeros(256, dtype=np.float32)).size
        assert returned == max(0, fed - enhancer.latency_samples)


def test_the_future_beyond_the_lookahead_is_not_heard(model: Enhancer, speech: tuple[Audio, Audio]) -> None:
    noisy = speech[1][:16000]
    changed = noisy.copy()
    changed[10000:] = 0.0
    first, second = (stream(StreamingEnhancer(model), x, [1000]) for x in (noisy, changed))
    known = 10000 - 1536 - 256  # the window of the last frame that was complete
    assert np.array_equal(first[:known], second[:known])
    assert not np.array_equal(first, second)


def test_loudness_of_the_microphone_does_not_matter(model: Enhancer, speech: tuple[Audio, Audio]) -> None:
    noisy = speech[1][:32000]
    loud, quiet = (
        stream(StreamingEnhancer(model), gain * noisy, [512]) for gain in (np.float32(1.0), np.float32(0.01))
    )
    np.testing.assert_allclose(quiet / 0.01, loud, atol=0.01 * np.abs(loud).max())


def test_speech_in_robot_noise_becomes_cleaner(model: Enhancer, speech: tuple[Audio, Audio]) -> None:
    clean, noisy = speech
    enhancer = StreamingEnhancer(model)
    before, after = speech_scores(clean, noisy), speech_scores(clean, stream(enhancer, noisy, [512]))
    assert after.si_sdr > before.si_sdr + 3.0
    assert after.pesq_wb > before.pesq_wb
    assert after.estoi > before.estoi


def test_clean_speech_passes(model: Enhancer, speech: tuple[Audio, Audio]) -> None:
    assert si_sdr(speech[0], stream(StreamingEnhancer(model), speech[0], [512])) > 15.0


@pytest.mark.parametrize("kind", ["silence", "clipped", "square"])
def test_extreme_audio_stays_finite_and_bounded(model: Enhancer, kind: str, rng: np.random.Generator) -> None:
    waveform = {
        "silence": np.zeros(8000),
        "clipped": np.clip(10 * rng.normal(size=8000), -1, 1),
        "square": np.sign(np.sin(np.arange(8000))),
    }[kind].astype(np.float32)
    enhancer = StreamingEnhancer(model)
    enhanced = stream(enhancer, waveform, [512])
    assert np.isfinite(enhanced).all()
    assert np.abs(enhanced).max() <= 1.5 * np.abs(waveform).max()


def test_silence_then_speech(model: Enhancer, speech: tuple[Audio, Audio]) -> None:
    clean, noisy = speech
    quiet = np.zeros(16000, dtype=np.float32)
    enhanced = stream(StreamingEnhancer(model), np.concatenate([quiet, noisy]), [512])[16000:]
    assert si_sdr(clean, enhanced) > si_sdr(clean, noisy) + 2.0


def test_mistakes_are_refused_and_change_nothing(model: Enhancer, speech: tuple[Audio, Audio]) -> None:
    noisy, enhancer = speech[1][:8000], StreamingEnhancer(model)
    first = enhancer.feed(noisy[:4000])
    with pytest.raises(ValueError, match=r"expected one channel of shape \(S,\), got shape \(2, 5\)"):
        enhancer.feed(np.zeros((2, 5), dtype=np.float32))
    with pytest.raises(ValueError, match="expected finite samples, got 2 NaN"):
        enhancer.feed(np.array([0.0, np.nan, np.inf], dtype=np.float32))
    found = np.concatenate([first, enhancer.feed(noisy[4000:]), enhancer.flush()])
    assert np.array_equal(found, stream(StreamingEnhancer(model), noisy, [8000]))


def test_memory_does_not_grow(model: Enhancer) -> None:
    enhancer = StreamingEnhancer(model)
    for _ in range(200):
        enhancer.feed(np.zeros(512, dtype=np.float32))
        enhancer.pop_activity()
    assert len(enhancer._spectra) == 3
    assert enhancer._pending.size < 256
    assert enhancer.real_time_factor > 0


def test_real_time_factor_is_that_of_the_present_stretch(model: Enhancer) -> None:
    enhancer = StreamingEnhancer(model)
    enhancer.feed(np.zeros(160000, dtype=np.float32))
    spent = enhancer.processing_seconds
    enhancer.flush()
    enhancer.feed(np.zeros(256, dtype=np.float32))
    assert 0 < enhancer.processing_seconds < 0.2 * spent


def test_activity_follows_speech(model: Enhancer, speech: tuple[Audio, Audio]) -> None:
    clean, noisy = speech
    enhancer = StreamingEnhancer(model)
    stream_without_flush = enhancer.feed(noisy)
    activity = enhancer.pop_activity()
    frames = len(activity)
    power = STFT().analyse(torch.from_numpy(clean)).abs().square().mean(0)[:frames].numpy()
    loud, quiet = power > 1e-2 * power.max(), power < 1e-3 * power.max()
    probability = np.array([frame.probability for frame in activity])
    assert stream_without_flush.size
    assert probability[loud].mean() > probability[quiet].mean() + 0.2


def test_activity_decision_does_not_flicker() -> None:
    detector = ActivityDetector(ActivityConfig(), num_bins=9, sample_rate=16000)
    power, speech, noise = np.ones(9), np.full(9, 0.999), np.full(9, 0.001)
    decisions = [detector.step(power, gain).speaking for gain in [speech] * 10 + [noise] + [speech] * 5 + [noise] * 60]
    assert all(decisions[5:16])  # one frame of pause within a word
    assert not decisions[-1]


def test_mix_at_snr_has_that_snr(rng: np.random.Generator) -> None:
    speech, noise = rng.normal(size=8000), 3.0 * rng.normal(size=8000)
    mixture, reference = mix_at_snr(speech, noise, 5.0)
    rest = mixture - reference
    assert 10 * np.log10(np.square(reference).mean() / np.square(rest).mean()) == pytest.approx(5.0, abs=1e-3)


def test_si_sdr_does_not_see_scale_and_measures_added_noise(rng: np.random.Generator) -> None:
    speech, noise = rng.normal(size=100000), rng.normal(size=100000)
    assert si_sdr(speech, 0.3 * (speech + 0.1 * noise)) == pytest.approx(20.0, abs=0.1)
    with pytest.raises(ValueError, match="expected equally long signals"):
        si_sdr(speech, speech[1:])
