from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from dvae.data.mixtures import mix_at_snr
from dvae.enhancement.activity import ActivityConfig, ActivityDetector
from dvae.enhancement.config import PRESETS, EnhancerConfig
from dvae.enhancement.echo import EchoCanceller, EchoConfig, echo_reduction_db
from dvae.enhancement.microphones import MicrophoneArray, MicrophoneConfig
from dvae.enhancement.model import Enhancer
from dvae.enhancement.step import EnhancerStep, load_enhancer
from dvae.enhancement.streaming import EnhancerSettings, StreamingEnhancer
from dvae.evaluation.fixed_mixtures import fixed_mixtures
from dvae.evaluation.metrics.speech import si_sdr, speech_scores
from dvae.models.store.checkpoint import load_model
from dvae.models.store.find import find_model
from dvae.signal.audio_file import list_audio, read_mono, write_audio
from dvae.signal.level import LevelTracker, active_frames
from dvae.signal.stft import STFT
from dvae.signal.voice_features import voice_features

DATA = Path(__file__).resolve().parents[1] / "data"
Audio = np.ndarray


@pytest.fixture(scope="module", params=list(PRESETS))
def model(request: pytest.FixtureRequest) -> EnhancerStep:
    return load_enhancer(find_model(PRESETS[request.param]))


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
def test_output_does_not_depend_on_the_chunks(
    model: EnhancerStep, speech: tuple[Audio, Audio], sizes: list[int]
) -> None:
    noisy = speech[1][: 3000 if sizes == [1] else 16000]
    whole = stream(StreamingEnhancer(model), noisy, [noisy.size])
    assert whole.size == noisy.size
    assert np.array_equal(stream(StreamingEnhancer(model), noisy, sizes), whole)


@pytest.mark.parametrize("preset", list(PRESETS))
def test_streaming_is_the_whole_sequence_model(preset: str, speech: tuple[Audio, Audio]) -> None:
    """The numpy steps against the torch model, from samples to samples."""
    model = load_model(Enhancer, find_model(PRESETS[preset]))
    noisy, stft = speech[1][:16000], STFT(synthesis_length=model.config.synthesis_length)
    tail = np.zeros(stft.hop_length * (model.config.lookahead_frames + 3), dtype=np.float32)
    spectrogram = stft.analyse(np.concatenate([noisy, tail]))  # (T, F)
    power = np.square(np.abs(spectrogram))
    level = LevelTracker().track(power.mean(1)).astype(np.float32)
    variances = model(torch.from_numpy(power / level[:, None])[None])
    gain = variances.wiener_gain[0].clamp_min(0.02).numpy()
    expected = stft.synthesise(spectrogram[: len(gain)] * gain, noisy.size)
    enhancer = StreamingEnhancer(load_enhancer(find_model(PRESETS[preset])))
    np.testing.assert_allclose(stream(enhancer, noisy, [500]), expected, atol=2e-5)
    probability = [frame.probability for frame in enhancer.pop_activity()][3:]
    loud = np.array(probability) > 0  # silence counts as none, whatever the model says
    expected_odds = torch.sigmoid(variances.activity - ActivityConfig().prior_log_odds)[0].numpy()[3 : 3 + loud.size]
    np.testing.assert_allclose(np.array(probability)[loud], expected_odds[loud], atol=1e-4)


def test_a_gain_of_one_gives_the_input_back(model: EnhancerStep, speech: tuple[Audio, Audio]) -> None:
    noisy = speech[1][:20000]
    found = stream(StreamingEnhancer(model, EnhancerSettings(min_gain=1.0)), noisy, [333])
    np.testing.assert_allclose(found, noisy, atol=1e-6)


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


def test_presets_keep_their_latency() -> None:
    latency = {
        name: StreamingEnhancer(load_enhancer(find_model(model))).latency_seconds for name, model in PRESETS.items()
    }
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
    assert len(enhancer._waiting) == enhancer.lookahead
    assert enhancer._pending.size < 256
    assert enhancer.real_time_factor > 0


def test_real_time_factor_is_that_of_the_present_stretch(model: EnhancerStep) -> None:
    enhancer = StreamingEnhancer(model)
    enhancer.feed(np.zeros(160000, dtype=np.float32))
    spent = enhancer.processing_seconds
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


def test_activity_decision_does_not_flicker() -> None:
    detector = ActivityDetector(ActivityConfig())
    power, gain = np.ones(513), np.full(513, 0.999)
    decisions = [detector.step(x, power, gain).speaking for x in [7.0] * 10 + [-7.0] + [7.0] * 5 + [-7.0] * 60]
    assert all(decisions[5:16])  # one frame of pause within a word
    assert not decisions[-1]


def test_silence_is_not_speech_and_the_ratio_is_that_of_the_gain() -> None:
    detector = ActivityDetector(ActivityConfig())
    loud, quiet = np.ones(513), np.full(513, 1e-10)
    assert detector.step(7.0, quiet, np.full(513, 0.9)).probability == 0.0
    frame = detector.step(ActivityConfig().prior_log_odds, loud, np.full(513, 0.9))
    assert frame.probability == pytest.approx(0.5)
    assert frame.snr_db == pytest.approx(20 * np.log10(0.9 / 0.1), abs=1e-6)
    assert frame.level_db == pytest.approx(20 * np.log10(0.9), abs=1e-6)


def test_the_robots_own_voice_is_no_speech() -> None:
    detector = ActivityDetector(ActivityConfig(robot_hold_frames=3))
    power, gain = np.ones(513), np.full(513, 0.999)
    detector.robot_speaks = True
    assert [detector.step(7.0, power, gain).probability for _ in range(3)] == [0.0] * 3
    detector.robot_speaks = False
    after = [detector.step(7.0, power, gain).probability > 0.9 for _ in range(6)]
    assert after == [False] * 3 + [True] * 3  # held while the room still rings


def echo_path(rng: np.random.Generator, size: int = 1500) -> Audio:
    """Loudspeaker to microphone: a delay and a decaying tail."""
    path = rng.normal(size=size) * np.exp(-np.arange(size) / 300)
    path[:40] = 0.0
    return (0.5 * path / np.sqrt(np.square(path).sum())).astype(np.float32)


def test_echo_is_cancelled_and_the_near_speaker_is_not(speech: tuple[Audio, Audio], rng: np.random.Generator) -> None:
    near = np.tile(speech[0], 3)[: 10 * 16000]
    far = (0.1 * rng.normal(size=near.size) * (1 + np.sin(np.arange(near.size) / 4000))).astype(np.float32)
    echo = np.convolve(far, echo_path(rng))[: far.size].astype(np.float32)
    near = near.copy()
    near[: 5 * 16000] = 0.0
    canceller = EchoCanceller(EchoConfig(), 1, 256, 16000)
    microphone = echo + near
    starts = range(0, near.size - 255, 256)
    clean = np.concatenate([canceller.step(microphone[None, i : i + 256], far[i : i + 256])[0] for i in starts])
    alone, both = slice(3 * 16000, 5 * 16000), slice(6 * 16000, clean.size)
    assert echo_reduction_db(echo[alone], clean[alone]) > 25
    assert si_sdr(near[both], clean[both]) > si_sdr(near[both], microphone[both]) + 12


def test_without_a_reference_the_canceller_does_nothing(rng: np.random.Generator) -> None:
    canceller = EchoCanceller(EchoConfig(), 2, 256, 16000)
    block = rng.normal(size=(2, 256)).astype(np.float32)
    assert np.array_equal(canceller.step(block, np.zeros(256, dtype=np.float32)), block)


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


SQUARE = "0.05 0 0; 0 0.05 0; -0.05 0 0; 0 -0.05 0"


@pytest.mark.parametrize(
    ("positions", "azimuth"),
    [(SQUARE, 0.3), (SQUARE, -2.4), (SQUARE, 3.1), ("0.1 0 0; 0 0 0; -0.1 0 0", 1.0), ("0 0.1 0; 0 -0.1 0", -0.4)],
)
def test_direction_of_a_plane_wave(positions: str, azimuth: float, rng: np.random.Generator) -> None:
    """Delayed copies of one noise, with the delays of a far source, and noise of their own at 10 dB."""
    array = MicrophoneArray(MicrophoneConfig("mvdr", positions), 513, 0.016, 16000)
    stft, num = STFT(synthesis_length=512), 16000
    spectrum = np.fft.rfft(rng.normal(size=num))
    delay = -array.positions @ [np.cos(azimuth), np.sin(azimuth), 0.0] / 343.0
    frequency = np.fft.rfftfreq(num, 1 / 16000)
    channels = np.fft.irfft(spectrum * np.exp(-2j * np.pi * frequency * delay[:, None]), num)
    channels += 10 ** (-10 / 20) * rng.normal(size=channels.shape)
    frames = stft.analyse(channels.astype(np.float32))
    gain = np.full(513, 0.9, dtype=np.float32)
    for t in range(10, 50):
        array.combine(frames[:, t])
        found = array.observe(frames[:, t], gain, is_speech=True)
    assert abs(np.angle(np.exp(1j * (found - azimuth)))) < np.radians(3)
    # the beam towards it passes the source as the first microphone hears it, and less of the rest
    beam = np.stack([array.combine(frames[:, t]) for t in range(50, 60)])
    clean = stft.analyse(np.fft.irfft(spectrum * np.exp(-2j * np.pi * frequency * delay[0]), num))[50:60]
    noise_before = np.square(np.abs(frames[0, 50:60] - clean)).mean()
    assert np.square(np.abs(beam - clean)).mean() < 0.7 * noise_before


@pytest.mark.parametrize("mode", ["mean", "first"])
def test_an_array_can_tell_directions_without_a_beam(mode: str, rng: np.random.Generator) -> None:
    array = MicrophoneArray(MicrophoneConfig(mode, SQUARE), 513, 0.016, 16000)
    spectra = (rng.normal(size=(4, 513)) + 1j * rng.normal(size=(4, 513))).astype(np.complex64)
    for _ in range(8):
        found = array.combine(spectra)
        array.observe(spectra, np.full(513, 0.5, dtype=np.float32), is_speech=True)
    np.testing.assert_allclose(found, spectra.mean(axis=0) if mode == "mean" else spectra[0], rtol=1e-5)
    assert np.isfinite(array.azimuth)


@pytest.mark.parametrize("text", ["0 0 0", "0 0 0; 0 0 0", "a b c; 0 0 0", "0 0; 1 1", "0 0 0; nan 0 0"])
def test_microphone_positions_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="microphone_positions: expected at least two different places"):
        MicrophoneConfig("mvdr", text).positions()


def test_voice_features_of_a_known_voice(rng: np.random.Generator) -> None:
    time = np.arange(1600) / 16000
    voice = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 9)).astype(np.float32)
    found = voice_features(0.1 * voice, 16000)
    assert found.pitch == pytest.approx(140, rel=0.02)
    assert found.hnr > 10
    assert found.rms == pytest.approx(float(np.sqrt(np.square(0.1 * voice).mean())), rel=1e-3)
    noise = voice_features(0.1 * rng.normal(size=1600).astype(np.float32), 16000)
    assert noise.pitch == 0.0
    assert noise.zcr == pytest.approx(0.5, abs=0.05)
    hiss = rng.normal(size=1600).astype(np.float32)
    quiet, loud = (voice_features(gain * hiss, 16000).mfcc for gain in (np.float32(0.1), np.float32(0.2)))
    np.testing.assert_allclose(loud[1:], quiet[1:], atol=1e-2)  # loudness is in the first alone
    assert np.isfinite(voice_features(np.zeros(3, dtype=np.float32), 16000).mfcc).all()


def test_fixed_mixtures_have_their_snr_and_do_not_change(tmp_path: Path, rng: np.random.Generator) -> None:
    for name, size in (("s/a.wav", 20000), ("s/b.wav", 60000), ("n/a.wav", 5000)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_audio(tmp_path / name, 0.1 * rng.normal(size=size).astype(np.float32), 16000)
    draws = [list(fixed_mixtures(list_audio(tmp_path / "s"), list_audio(tmp_path / "n"), 3, [-5, 5])) for _ in range(2)]
    assert len(draws[0]) == 6
    for first, second in zip(*draws, strict=True):
        assert np.array_equal(first.noisy, second.noisy)
        rest = first.noisy - first.clean
        snr = 10 * np.log10(np.square(first.clean).mean() / np.square(rest).mean())
        assert snr == pytest.approx(first.snr, abs=0.1)
        assert max(np.abs(first.noisy).max(), np.abs(first.clean).max()) == pytest.approx(0.9, abs=1e-3)


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
