"""Audio as it arrives: any coding, any chunking, any rate."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from dvae.signal.audio_input import SAMPLE_TYPES, AudioFormat, AudioInput

STEREO = AudioFormat(16000, 2)


def coded(waveform: np.ndarray, sample_type: str) -> bytes:
    """Channels (C, S) in [-1, 1] -> interleaved samples, by the definition of each coding."""
    kind = np.dtype(SAMPLE_TYPES[sample_type])
    if kind.kind == "f":
        return waveform.T.astype(kind).tobytes()
    half = 2 ** (8 * kind.itemsize - 1)
    values = np.clip(np.round(waveform.astype(np.float64) * half), -half, half - 1) + (half if kind.kind == "u" else 0)
    return values.T.astype(kind).tobytes()


@pytest.mark.parametrize("sample_type", list(SAMPLE_TYPES))
def test_every_coding_gives_the_samples_back(sample_type: str, rng: np.random.Generator) -> None:
    waveform = rng.uniform(-0.9, 0.9, size=(2, 100)).astype(np.float32)
    found = AudioInput(AudioFormat(16000, 2, sample_type), 16000, "all").read(coded(waveform, sample_type))
    step = 2.0**-7 if "8" in sample_type else 2.0**-15
    np.testing.assert_allclose(found.waveform, waveform, atol=step)
    assert found.waveform.dtype == np.float32


@pytest.mark.parametrize("rate", [16000, 44100, 8000])
def test_any_chunking_gives_the_same_samples(rate: int, rng: np.random.Generator) -> None:
    """Bytes are cut anywhere, also within a sample; the truth is the whole at once, resampled by one call."""
    waveform = rng.uniform(-0.5, 0.5, size=(2, 5000)).astype(np.float32)
    data = coded(waveform, "S16LE")
    source, found, first = AudioInput(AudioFormat(rate, 2), 16000, "all"), [], 0
    while first < len(data):
        size = int(rng.choice([1, 3, 7, 401, 2000]))
        found.append(source.convert(source.read(data[first : first + size]).waveform))
        first += size
    found.append(source.flush())
    exact = np.frombuffer(data, dtype="<i2").reshape(-1, 2).astype(np.float32) / 32768
    expected = exact if rate == 16000 else soxr.resample(exact, rate, 16000)
    np.testing.assert_allclose(np.concatenate(found, axis=1), expected.T, atol=1e-6)


def test_several_channels_become_their_mean_or_the_first_or_stay() -> None:
    samples = np.array([[0.5, -0.5], [0.25, 0.5]], dtype=np.float32)
    for channels, expected in (("mean", [[0.375, 0.0]]), ("first", [[0.5, -0.5]]), ("all", samples.tolist())):
        source = AudioInput(STEREO, 16000, channels)
        assert source.read(samples).waveform.tolist() == expected
        assert source.num_channels == len(expected)
    with pytest.raises(ValueError, match="expected channels to be one of mean, first, all, got 'left'"):
        AudioInput(STEREO, 16000, "left")
    with pytest.raises(ValueError, match="expected 2 channels, got 1"):
        AudioInput(STEREO, 16000).read(samples[:1])


def test_what_is_not_finite_is_counted_and_silent() -> None:
    samples = np.array([[0.5, np.nan, np.inf, -0.5]], dtype=np.float32)
    found = AudioInput(AudioFormat(16000, 1), 16000).read(samples)
    assert found.waveform.tolist() == [[0.5, 0.0, 0.0, -0.5]]
    assert found.num_wrong == 2


def test_nothing_is_held_without_resampling() -> None:
    source = AudioInput(STEREO, 16000)
    assert source.convert(np.ones((1, 3), dtype=np.float32)).tolist() == [[1.0, 1.0, 1.0]]
    assert source.flush().shape == (1, 0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((999, 1), "expected a sample rate of 1000 to 384000 Hz, got 999"),
        ((16000, 65), "expected 1 to 64 channels, got 65"),
        ((16000, 1, "S24LE"), "expected a sample format of S8, U8"),
    ],
)
def test_formats_that_cannot_be_read_are_named(fields: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AudioFormat(*fields)
