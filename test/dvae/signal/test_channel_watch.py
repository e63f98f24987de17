"""Which channel hears something else than the others."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.signal import lfilter

from dvae.signal.channel_watch import (
    ChannelWatch,
    DeadChannels,
    DifferentChannels,
    Finding,
    InvertedChannels,
    UnlikeChannel,
)

RATE = 16000


def hum(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Noise as rooms have it, most of it low."""
    return np.asarray(lfilter([0.05], [1.0, -0.95], rng.normal(size=round(seconds * RATE))), dtype=np.float32)


def array(seconds: float, rng: np.random.Generator, count: int = 4) -> np.ndarray:
    """Microphones of an array: the same sound some samples later, noise of their own, gains within 2 dB."""
    source = 0.3 * hum(seconds, rng)
    rows = [np.roll(source, 2 * k) * 10 ** (rng.uniform(-1, 1) / 20) for k in range(count)]
    return (np.stack(rows) + 0.005 * rng.normal(size=(count, source.size))).astype(np.float32)


def watched(channels: np.ndarray, chunk: int = 500) -> list[Finding]:
    watch = ChannelWatch(RATE, len(channels))
    found = [watch.add(channels[:, first : first + chunk]) for first in range(0, channels.shape[1], chunk)]
    return [channel for channel in found if channel is not None]


@pytest.mark.parametrize("count", [2, 4, 8])
def test_an_array_of_microphones_is_alike(count: int, rng: np.random.Generator) -> None:
    assert watched(array(9.0, rng, count)) == []
    assert watched(np.zeros((count, 9 * RATE), dtype=np.float32)) == []


@pytest.mark.parametrize("place", [0, 3, 5])
def test_playback_beside_the_microphones_is_named(place: int, rng: np.random.Generator) -> None:
    channels = np.insert(array(9.0, rng, 5), place, 0.3 * hum(9.0, rng), axis=0)
    found = [each for each in watched(channels) if isinstance(each, UnlikeChannel)]
    assert [channel.channel for channel in found] == [place] * 2
    assert abs(found[0].correlation) < 0.3 < 0.9 < found[0].others_correlation


@pytest.mark.parametrize("gain", [0.0, 1e-3, 300.0])
def test_a_dead_or_a_deafening_channel_is_named(gain: float, rng: np.random.Generator) -> None:
    channels = array(5.0, rng)
    channels[2] *= gain
    (found,) = watched(channels)
    assert isinstance(found, UnlikeChannel)
    assert found.channel == 2
    assert (found.level_db > 0) == (gain > 1)


@pytest.mark.parametrize("dead", [(2, 3), (0, 2, 3)])
def test_several_dead_channels_are_named_not_those_that_hear(dead: tuple[int, ...], rng: np.random.Generator) -> None:
    channels = array(5.0, rng)
    channels[list(dead)] = 0.0
    (found,) = watched(channels)
    assert isinstance(found, DeadChannels)
    assert found.channels == dead
    text = found.text([0, 1, 2, 3])
    assert "got nothing on channels " in text
    assert text.endswith({2: 'Leave them out by channels: "1-2"', 3: 'Leave them out by channels: "2"'}[len(dead)])


def test_of_two_channels_the_silent_one_is_named(rng: np.random.Generator) -> None:
    channels = array(5.0, rng, 2)
    channels[0] = 0.0
    (found,) = watched(channels)
    assert isinstance(found, UnlikeChannel)
    assert found.channel == 0


def test_microphones_that_all_hear_something_else_say_nothing(rng: np.random.Generator) -> None:
    assert watched(np.stack([0.3 * hum(9.0, rng) for _ in range(4)])) == []


@pytest.mark.parametrize(
    ("signs", "inverted", "left"),
    [
        ([1, -1], (1,), "1"),
        ([1, 1, -1, 1, 1, 1], (2,), "1-2,4-6"),
        ([-1, 1, 1], (0,), "2-3"),
        ([1, 1, -1, -1], (2, 3), "1-2"),
    ],
)
def test_channels_that_make_the_mean_silent_are_named(
    signs: list[int], inverted: tuple[int, ...], left: str, rng: np.random.Generator
) -> None:
    channels = array(5.0, rng, len(signs)) * np.array(signs, dtype=np.float32)[:, None]
    (found,) = watched(channels)
    assert isinstance(found, InvertedChannels)
    assert found.channels == inverted
    assert found.correlation < -0.9
    text = found.text(range(len(signs)))
    assert "unlike the others: inverted" in text
    assert text.endswith(f'channels: "{left}"')


def test_two_channels_that_hear_different_things_are_both_named(rng: np.random.Generator) -> None:
    (found,) = watched(np.stack([0.3 * hum(5.0, rng), 0.1 * rng.normal(size=5 * RATE).astype(np.float32)]))
    assert isinstance(found, DifferentChannels)
    expected = r'channels 2 and 5 hear different things \(correlation -?0\.0\d\): choose one by channels: "2" or "5"'
    assert re.fullmatch(expected, found.text([1, 4]))


@pytest.mark.parametrize("delay", [16, 48, 150])
def test_two_microphones_far_from_each_other_hear_the_same(delay: int, rng: np.random.Generator) -> None:
    sound = 0.3 * lfilter([1.0, 0.0, -1.0], [1.0, -1.9, 0.95], hum(5.0, rng)).astype(np.float32)
    assert watched(np.stack([sound, np.roll(sound, delay)])) == []


def test_the_noise_of_two_microphones_may_differ(rng: np.random.Generator) -> None:
    assert watched((0.002 * rng.normal(size=(2, 5 * RATE))).astype(np.float32)) == []
