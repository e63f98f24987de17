from __future__ import annotations

import numpy as np
import pytest

from dvae.arrays.echo_canceller import EchoCanceller, EchoConfig, echo_reduction_db
from dvae.evaluation.metrics.speech import si_sdr

Audio = np.ndarray


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


def kalman_filter_written_out(microphones: Audio, far: Audio, num_parts: int, keep: float) -> Audio:
    """The filter of one microphone in double precision, part by part: (blocks, B) and (blocks, B) -> (blocks, B)."""
    size = far.shape[1]
    path = [np.zeros(size + 1, dtype=complex) for _ in range(num_parts)]
    uncertainty = [np.ones(size + 1) for _ in range(num_parts)]
    spectra = [np.zeros(size + 1, dtype=complex) for _ in range(num_parts)]
    near, before, out = np.full(size + 1, 1e-3), np.zeros(size), []
    for microphone, block in zip(microphones.astype(float), far.astype(float), strict=True):
        spectra = [np.fft.rfft(np.r_[before, block]), *spectra[:-1]]
        before = block
        clean = microphone - sum(np.fft.irfft(w * x)[size:] for w, x in zip(path, spectra, strict=True))
        out.append(clean)
        error = np.fft.rfft(np.r_[np.zeros(size), clean])
        near = 0.9 * near + 0.1 * np.abs(error) ** 2
        # a frame of the error has half of its samples: the echo's share of its power is half as large as the filter's
        total = sum(np.abs(x) ** 2 * p for x, p in zip(spectra, uncertainty, strict=True)) + 2.0 * near
        for i, x in enumerate(spectra):
            gain = uncertainty[i] / total
            taps = np.fft.irfft(gain * x.conj() * error)[:size]
            path[i] = keep * (path[i] + np.fft.rfft(np.r_[taps, np.zeros(size)]))
            share = 1.0 - 0.5 * gain * np.abs(x) ** 2
            uncertainty[i] = keep**2 * share * uncertainty[i] + (1.0 - keep**2) * np.abs(path[i]) ** 2
    return np.array(out)


def test_it_is_the_kalman_filter_written_out_channel_by_channel(rng: np.random.Generator) -> None:
    far = (0.1 * rng.normal(size=(40, 32))).astype(np.float32)
    echo = np.stack([np.convolve(far.ravel(), rng.normal(size=50) / 7)[: far.size] for _ in range(2)])
    microphones = (echo + 0.01 * rng.normal(size=echo.shape)).reshape(2, 40, 32).astype(np.float32)
    canceller = EchoCanceller(EchoConfig(echo_seconds=0.006, echo_drift=0.98), 2, 32, 16000)
    assert canceller.num_parts == 3
    found = np.stack([canceller.step(microphones[:, t], far[t]) for t in range(40)], axis=1)
    assert found.dtype == np.float32
    for channel in range(2):
        expected = kalman_filter_written_out(microphones[channel], far, 3, 0.98)
        np.testing.assert_allclose(found[channel], expected, atol=2e-5)
    canceller.reset()
    np.testing.assert_array_equal(canceller.step(microphones[:, 0], far[0]), microphones[:, 0])  # no path is known
    np.testing.assert_array_equal(canceller.step(microphones[:, 1], far[1]), found[:, 1])


def test_settings_of_the_path() -> None:
    assert EchoConfig() == EchoConfig(0.256, 0.9997)
    assert EchoCanceller(EchoConfig(), 1, 256, 16000).num_parts == 16
    assert EchoCanceller(EchoConfig(echo_seconds=0.016), 1, 512, 16000).num_parts == 1  # at least one


def test_it_goes_on_from_what_was_played_while_the_reference_is_silent(rng: np.random.Generator) -> None:
    """The tail of the echo is taken out after the loudspeaker has stopped."""
    far = (0.1 * rng.normal(size=32000)).astype(np.float32)
    far[24000:24768] = 0.0
    echo = np.convolve(far, echo_path(rng))[: far.size].astype(np.float32)
    canceller = EchoCanceller(EchoConfig(), 1, 256, 16000)
    starts = range(0, far.size - 255, 256)
    clean = np.concatenate([canceller.step(echo[None, i : i + 256], far[i : i + 256])[0] for i in starts])
    assert echo_reduction_db(echo[24064:24576], clean[24064:24576]) > 15


def test_echo_reduction_is_in_decibels() -> None:
    assert echo_reduction_db(np.full(4, 2.0), np.full(9, 0.2)) == pytest.approx(20.0)
    assert echo_reduction_db(np.ones(4), np.zeros(4)) == pytest.approx(200.0)
