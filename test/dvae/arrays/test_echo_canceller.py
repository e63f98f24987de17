from __future__ import annotations

import numpy as np

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
