"""A few samples far above the others are errors; many are the scale of the stream."""

from __future__ import annotations

import numpy as np
import pytest

from dvae.signal.sample_scale import LARGEST, SampleScale

RATE = 16000


def speech(seconds: float, scale: float, rng: np.random.Generator) -> np.ndarray:
    return (scale * 0.1 * rng.normal(size=(1, round(seconds * RATE)))).astype(np.float32)


@pytest.mark.parametrize("value", [1e3, 1e5, 1e25, 3.4e38, -3.4e38, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("place", [0, 1, 20000])
@pytest.mark.parametrize("count", [1, 20])
def test_a_few_loud_samples_are_silent_and_the_rest_is_as_it_was(
    value: float, place: int, count: int, rng: np.random.Generator
) -> None:
    samples = speech(2.0, 1.0, rng)
    wrong = samples.copy()
    wrong[0, place : place + count] = value
    found = SampleScale(RATE).admit(wrong)
    expected = samples.copy()
    expected[0, place : place + count] = 0.0
    assert np.array_equal(found.samples, expected)
    assert found.num_wrong == count


@pytest.mark.parametrize("scale", [3.0, 10.0, 32768.0, 2.0**31])
def test_another_scale_is_taken(scale: float, rng: np.random.Generator) -> None:
    samples, taken = speech(2.0, scale, rng), SampleScale(RATE)
    found = taken.admit(samples)
    assert found.num_wrong <= 200
    assert np.array_equal(found.samples[:, 400:], samples[:, 400:])
    assert taken.is_usual == (scale == 3.0)
    wrong = samples.copy()
    wrong[0, 100] = 100 * scale
    assert taken.admit(wrong).num_wrong == 1


def test_one_chunk_of_rubbish_is_not_a_scale_but_what_stays_is(rng: np.random.Generator) -> None:
    scale = SampleScale(RATE)
    scale.admit(speech(2.0, 1.0, rng))
    assert scale.admit(speech(0.05, 1e8, rng)).num_wrong > 700
    assert scale.admit(speech(2.0, 1.0, rng)).num_wrong == 0
    assert scale.is_usual
    late = scale.admit(speech(2.0, 32768.0, rng))
    assert 1000 < late.num_wrong < 3000
    assert not late.samples[0, 3000:].size - np.count_nonzero(late.samples[0, 3000:])


def test_any_chunking_admits_the_same(rng: np.random.Generator) -> None:
    samples = np.concatenate([speech(1.0, 1.0, rng), speech(0.3, 3e4, rng), speech(1.0, 1.0, rng)], axis=1)
    samples[0, rng.integers(0, samples.shape[1], 40)] = 1e6
    samples = np.concatenate([samples, 0.5 * samples])
    whole = SampleScale(RATE).admit(samples)
    parts, scale, first = [], SampleScale(RATE), 0
    while first < samples.shape[1]:
        size = int(rng.integers(1, 700))
        parts.append(scale.admit(samples[:, first : first + size]))
        first += size
    assert np.array_equal(np.concatenate([part.samples for part in parts], axis=1), whole.samples)
    assert sum(part.num_wrong for part in parts) == whole.num_wrong > 0


def test_a_loud_sample_of_one_channel_leaves_the_others(rng: np.random.Generator) -> None:
    samples = speech(1.0, 1.0, rng).repeat(3, axis=0)
    samples[1, 500] = 1e9
    found = SampleScale(RATE).admit(samples).samples
    assert found[:, 500].tolist() == [samples[0, 500], 0.0, samples[2, 500]]


def test_good_samples_are_not_even_copied(rng: np.random.Generator) -> None:
    samples = speech(1.0, 3.0, rng)
    assert SampleScale(RATE).admit(samples).samples is samples


def test_rubbish_does_not_grow_without_bound(rng: np.random.Generator) -> None:
    """Bytes that are read as floats at the wrong place, chunk after chunk: nothing above what any format has."""
    scale = SampleScale(RATE)
    for _ in range(200):
        rubbish = rng.integers(0, 256, 4 * 1600, dtype=np.uint8).view("<f4")[None]
        found = scale.admit(rubbish).samples
        assert np.isfinite(found).all()
        assert np.abs(found).max() <= LARGEST


@pytest.mark.parametrize("value", [1e3, 1e5, 1e9])
@pytest.mark.parametrize("place", [0, RATE])
def test_rubbish_that_was_taken_for_the_scale_is_left_again(value: float, place: int, rng: np.random.Generator) -> None:
    samples, scale = speech(4.0, 1.0, rng), SampleScale(RATE)
    samples[0, place : place + 2500] = value
    found = scale.admit(samples)
    assert scale.is_usual
    assert len(found.returns) == 1
    assert place + 2500 + RATE <= found.returns[0] <= place + 2500 + 1.2 * RATE
    assert np.array_equal(found.samples[:, place + 2500 :], samples[:, place + 2500 :])


def test_integers_as_floats_come_back_after_rubbish_too(rng: np.random.Generator) -> None:
    samples, scale = np.rint(speech(6.0, 32768.0, rng)), SampleScale(RATE)
    samples[0, 2 * RATE : 2 * RATE + 2500] = 5e9
    found = scale.admit(samples)
    assert len(found.returns) == 1
    assert 5e3 < scale.peak < 4e4
    assert np.array_equal(found.samples[:, 4 * RATE :], samples[:, 4 * RATE :])


@pytest.mark.parametrize("pause", [0.0, 1.0, 20.0])
def test_pauses_between_integers_keep_their_scale(pause: float, rng: np.random.Generator) -> None:
    """Digital silence, the smallest dither, and what a quiet microphone hears."""
    quiet = np.rint(pause * rng.uniform(-1, 1, size=(1, 20 * RATE))).astype(np.float32)
    samples = np.concatenate([speech(0.5, 32768.0, rng), quiet, speech(0.5, 32768.0, rng)], axis=1)
    found = SampleScale(RATE).admit(samples)
    assert not found.returns
    assert np.array_equal(found.samples[:, 400:], samples[:, 400:])


def test_any_chunking_comes_back_at_the_same_sample(rng: np.random.Generator) -> None:
    samples = speech(6.0, 1.0, rng)
    samples[0, :1000] = samples[0, 3 * RATE : 3 * RATE + 3000] = 1e6
    samples[0, 3 * RATE - 500] = samples[0, 5 * RATE] = 1e4
    whole = SampleScale(RATE).admit(samples)
    parts, returns, scale, first = [], [], SampleScale(RATE), 0
    while first < samples.shape[1]:
        part = scale.admit(samples[:, first : first + int(rng.integers(1, 700))])
        returns += [first + place for place in part.returns]
        parts.append(part.samples)
        first += part.samples.shape[1]
    assert np.array_equal(np.concatenate(parts, axis=1), whole.samples)
    assert tuple(returns) == whole.returns
    assert len(returns) == 2
