"""Audio as it arrives: any coding, any chunking, any rate."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from dvae.signal.audio_input import AudioFormat, AudioInput

STEREO = AudioFormat(16000, 2)


@pytest.mark.parametrize("rate", [16000, 44100, 8000])
def test_any_chunking_gives_the_same_samples(rate: int, rng: np.random.Generator) -> None:
    """Bytes are cut anywhere, also within a sample; the truth is the whole at once, resampled by one call."""
    waveform = rng.uniform(-0.5, 0.5, size=(2, 5000)).astype(np.float32)
    data = np.round(waveform.T * 32768).astype("<i2").tobytes()
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


def test_only_the_chosen_channels_are_used() -> None:
    samples = np.arange(24, dtype=np.float32).reshape(6, 4) / 100
    six = AudioFormat(16000, 6)
    for use, rows in (("all", [0, 1, 2, 3, 4, 5]), ("2-5", [1, 2, 3, 4]), ("6, 1", [5, 0]), ("3", [2])):
        source = AudioInput(six, 16000, "all", use)
        assert np.array_equal(source.read(samples).waveform, samples[rows])
        assert source.num_channels == len(rows)
        np.testing.assert_allclose(
            AudioInput(six, 16000, "mean", use).read(samples).waveform[0], samples[rows].mean(axis=0), rtol=1e-6
        )
        assert np.array_equal(AudioInput(six, 16000, "first", use).read(samples).waveform[0], samples[rows[0]])
    with pytest.raises(ValueError, match="channels: expected some of 1 to 2, which there are, got '1-4'"):
        AudioInput(STEREO, 16000, "mean", "1-4")


def test_what_is_not_finite_is_counted_and_silent_and_its_neighbours_are_not() -> None:
    samples = np.array([[0.5, np.nan, np.inf, -0.5], [0.25, 0.25, 0.25, 1e25]], dtype=np.float32)
    found = AudioInput(STEREO, 16000).read(samples)
    assert found.waveform.tolist() == [[0.375, 0.125, 0.125, -0.25]]
    assert found.num_wrong == 3


def test_the_largest_float_does_not_break_the_resampler() -> None:
    """Admitted before it is resampled: after it, there is the same as without it, but for a few milliseconds."""
    waveform = 0.1 * np.sin(np.arange(9600, dtype=np.float32) / 9)[None]
    wrong = waveform.copy()
    wrong[0, 4800:4803] = 3.4e38, -3.4e38, np.inf
    found = []
    for samples in (waveform, wrong):
        source = AudioInput(AudioFormat(48000, 1), 16000)
        found.append(np.concatenate([source.convert(source.read(samples).waveform), source.flush()], axis=1)[0])
    assert np.abs(found[1] - found[0]).max() < 0.2
    assert np.abs((found[1] - found[0])[np.abs(np.arange(3200) - 1600) > 160]).max() < 1e-4


def test_samples_are_counted_before_they_are_read_and_after_a_gap_begin_whole() -> None:
    data, source = np.arange(1, 9, dtype="<i2").tobytes(), AudioInput(AudioFormat(16000, 1), 16000)
    parts = [data[:5], data[5:6], data[6:7], data[8:]]
    assert [source.count(part) for part in parts] == [2, 1, 0, 4]
    assert [source.read(part).waveform.shape[1] for part in parts[:3]] == [2, 1, 0]
    source.drop_incomplete()
    assert (source.read(parts[3]).waveform[0] * 32768).tolist() == [5, 6, 7, 8]
    with pytest.raises(ValueError, match="expected 1 channels, got 2"):
        source.count(np.zeros((2, 3), dtype=np.float32))


def test_nothing_is_held_without_resampling() -> None:
    source = AudioInput(STEREO, 16000)
    assert source.convert(np.ones((1, 3), dtype=np.float32)).tolist() == [[1.0, 1.0, 1.0]]
    assert source.flush().shape == (1, 0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((999, 1), "expected a sample rate of 1000 to 384000 Hz, got 999"),
        ((16000, 65), "expected 1 to 64 channels, got 65"),
        ((16000, 1, "S20LE"), "expected a sample format of S8, U8"),
    ],
)
def test_formats_that_cannot_be_read_are_named(fields: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AudioFormat(*fields)


def test_a_format_is_printed_as_people_say_it() -> None:
    assert str(AudioFormat(16000, 1)) == "16000 Hz, 1 channel, S16LE"
    assert str(AudioFormat(48000, 6, "float32")) == "48000 Hz, 6 channels, F32LE"
