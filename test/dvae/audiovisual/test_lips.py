"""Lips against sound: mouths that follow the loudness of a voice, and mouths that follow another one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dvae.audiovisual.lips import (
    LENGTH,
    NUM,
    RATE,
    LipConfig,
    Loudness,
    Signal,
    lip_nats,
    mouth_opening,
    syllables,
)

CONFIG = LipConfig()


def envelope(seed: int, seconds: float) -> NDArray[np.float64]:
    """At 100 Hz: syllables of 0.1 to 0.3 s and different loudness, with pauses."""
    draw, parts, length = np.random.default_rng(seed), [], 0
    while length < 100 * seconds:
        if draw.random() < 0.15:
            part = np.zeros(int(draw.integers(15, 60)))
        else:
            part = draw.uniform(0.2, 1.0) * np.hanning(draw.integers(10, 30))
        parts.append(part)
        length += len(part)
    return np.concatenate(parts)[: round(100 * seconds)]


def ratios(lips: NDArray[np.float64], sound: NDArray[np.float64], seed: int, rate: float = 30.0) -> NDArray[np.float64]:
    """Each half second, of a mouth that moves as `lips`, 0.06 s before they are heard, with errors."""
    draw, opening, loudness, found = np.random.default_rng(seed), Signal(), Signal(), []
    levels, heard = np.log10(sound + 1e-3), 0
    for k in range(round(len(lips) / 100 * rate)):
        time = k / rate
        while heard < len(levels) and heard / 100 <= time:
            loudness.add(heard / 100, float(levels[heard]))
            heard += 1
        opening.add(time, 0.3 * lips[min(round(100 * (time + 0.06)), len(lips) - 1)] + draw.normal(0, 0.015))
        if time > 2.5 and k % 15 == 0:
            found.append(lip_nats([opening], loudness, time, CONFIG)[0])
    return np.array(found)


@pytest.mark.parametrize("rate", [15.0, 30.0])
def test_lips_that_follow_the_sound_speak_and_others_do_not(rate: float) -> None:
    for seed in range(3):
        voice, other = envelope(seed, 30.0), envelope(seed + 100, 30.0)
        own, foreign = ratios(voice, voice, seed, rate), ratios(other, voice, seed, rate)
        assert own.mean() > 1.0
        assert foreign.mean() < -0.5
        assert np.mean(own > 0) > 0.8
        assert np.mean(foreign < 0) > 0.7


def test_a_still_mouth_is_silent_and_an_unknown_one_unknown() -> None:
    voice = envelope(3, 10.0)
    loudness, still, gone = Signal(), Signal(), Signal()
    for k in range(500):
        loudness.add(k / 100, float(voice[k]))
        still.add(k / 100, 0.05)
        if k < 400:
            gone.add(k / 100, 0.05)
    found = lip_nats([still, gone, Signal()], loudness, 4.99, CONFIG)
    assert found[0] == CONFIG.still_nats
    assert np.isnan(found[1:]).all()
    assert np.isnan(lip_nats([still], Signal(), 4.99, CONFIG)).all()


def test_what_lips_say_is_finite_whatever_the_settings() -> None:
    voice = envelope(4, 10.0)
    loudness, lips = Signal(), Signal()
    for k in range(500):
        loudness.add(k / 100, float(voice[k]))
        lips.add(k / 100, float(voice[k]))
    said = lip_nats([lips], loudness, 4.99, LipConfig(z_stddev=0.01))
    assert 10.0 < said[0] < np.log(np.finfo(np.float32).max)


def test_syllables_are_what_changes_with_two_to_eight_hertz() -> None:
    time = np.arange(LENGTH) / RATE
    gain = [syllables(np.sin(2 * np.pi * f * time)).std() * np.sqrt(2) for f in (0.3, 4.0, 12.0)]
    assert gain[0] < 0.15
    assert gain[1] == pytest.approx(1.0, abs=0.15)
    assert gain[2] < 0.35
    assert syllables(np.ones((2, LENGTH))).shape == (2, NUM)
    np.testing.assert_allclose(syllables(np.ones(LENGTH)), 0.0, atol=1e-12)


def test_the_opening_of_a_mouth_does_not_depend_on_scale_or_model() -> None:
    mesh, points = np.zeros((478, 3)), np.zeros((68, 2))
    for face, (top, bottom), (left, right) in ((mesh, (13, 14), (61, 291)), (points, (62, 66), (48, 54))):
        face[top, :2], face[bottom, :2], face[left, :2], face[right, :2] = (5, 4), (5, 6), (1, 5), (9, 5)
        assert mouth_opening(face) == pytest.approx(0.25)
        assert mouth_opening(face * 7.0 + 3.0) == pytest.approx(0.25)
        face[top, 0] = np.nan
        assert np.isnan(mouth_opening(face))
    assert np.isnan(mouth_opening(np.zeros((68, 2))))
    with pytest.raises(ValueError, match=r"expected landmarks \(68, 2\) or \(468 or more, 2\), got \(5, 2\)"):
        mouth_opening(np.zeros((5, 2)))


def test_loudness_is_the_same_in_any_pieces() -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, (2, 16000)).astype(np.float32)
    whole, pieces = Loudness(), Loudness()
    whole.hear(samples, 1.0)
    for k in range(0, 16000, 333):
        pieces.hear(samples[:, k : k + 333], 1.0 + k / 16000)
    grid = np.linspace(1.1, 1.9, 20)
    one, other = whole.at(grid), pieces.at(grid)
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one, other, atol=1e-4)
    assert one.mean() == pytest.approx(np.log10(0.1 / np.sqrt(2)), abs=0.05)
