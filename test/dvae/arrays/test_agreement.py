"""What four microphones hear agrees with their positions, or not: plane waves of a voice's rhythm, and noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sounds import voice

from dvae.arrays.agreement import TOO_MUCH, PositionCheck

RATE = 16000
POSITIONS = np.array([[0.03, 0.03, 0], [-0.03, 0.03, 0], [-0.03, -0.03, 0], [0.03, -0.03, 0]])


def plane_waves(degrees: list[float], noise: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """(4, S): three seconds from each direction, half a second of silence between; with noise of each microphone."""
    parts = []
    for angle in degrees:
        towards = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle)), 0.0])
        sound = voice(rng.uniform(90, 220), 3.0, rng) + rng.normal(0, 0.02, 3 * RATE)  # breath, so that all bins count
        spectrum = np.fft.rfft(np.concatenate([np.zeros(RATE // 2), sound]))
        frequencies = np.fft.rfftfreq(RATE // 2 + 3 * RATE, 1 / RATE)
        early = np.exp(2j * np.pi * frequencies * (POSITIONS @ towards / 343.0)[:, None])
        parts.append(np.fft.irfft(spectrum * early))
    heard = np.concatenate(parts, axis=1)
    return (heard + rng.normal(0, noise, heard.shape)).astype(np.float32)


def disagreement(positions: NDArray[Any], heard: NDArray[np.float32]) -> float:
    check = PositionCheck(positions, RATE)
    for first in range(0, heard.shape[1], 777):
        check.feed(heard[:, first : first + 777])
    return check.disagreement


def test_right_positions_agree_also_turned_and_mirrored(rng: np.random.Generator) -> None:
    heard = plane_waves([20.0, -75.0, 130.0], 1e-3, rng)
    assert disagreement(POSITIONS, heard) < 0.1
    assert disagreement(POSITIONS * [1, -1, 1], heard) < 0.1
    assert disagreement(POSITIONS[:, [1, 0, 2]] * [-1, 1, 1], heard) < 0.1


@pytest.mark.parametrize("name", ["exchanged", "ten times as far", "millimetres", "a tenth", "one channel four times"])
def test_wrong_ones_do_not(name: str, rng: np.random.Generator) -> None:
    heard = plane_waves([20.0, -15.0, 160.0], 1e-3, rng)
    positions = {"ten times as far": POSITIONS * 10, "millimetres": POSITIONS * 1000, "a tenth": POSITIONS / 10}
    if name == "exchanged":
        heard = heard[[1, 0, 2, 3]]
    if name == "one channel four times":
        heard = heard[[0, 0, 0, 0]]
    assert disagreement(positions.get(name, POSITIONS), heard) > TOO_MUCH


def test_nothing_is_said_of_silence_of_steady_noise_and_of_two_microphones(rng: np.random.Generator) -> None:
    steady = rng.normal(0, 0.1, (4, 5 * RATE)).astype(np.float32)
    holes = steady.copy()  # as drivers begin, and where a stream had gaps
    holes[:, :20000] = holes[:, 40000:44000] = 0.0
    for nothing in (np.zeros_like(steady), steady, holes):
        assert np.isnan(disagreement(POSITIONS, nothing))
    assert np.isnan(disagreement(POSITIONS[:2], plane_waves([20.0, 90.0], 1e-3, rng)[:2]))


@pytest.mark.parametrize("gain", [0.0, 0.01])
def test_a_dead_microphone_is_not_in_a_wrong_place(gain: float, rng: np.random.Generator) -> None:
    heard = plane_waves([20.0, -75.0, 130.0], 1e-3, rng)
    heard[2] = gain * rng.normal(0, 0.1, heard.shape[1])
    assert np.isnan(disagreement(POSITIONS, heard))
