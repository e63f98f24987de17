"""Chunks with stamps become samples with their time, in stretches without gaps."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from live_messages import SECOND

from dvae.signal.audio_input import AudioFormat
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.stamped_audio import Piece, StampedAudio
from dvae_nodes.wire.audio import STAMPED, AudioChunk

MONO = AudioFormat(16000, 1)


def chunk(samples: Any, seconds: float) -> AudioChunk:
    data = np.atleast_2d(np.asarray(samples, dtype=np.float32))
    return AudioChunk(data, None, round(seconds * SECOND), "mic", STAMPED)


def joined(pieces: list[Piece]) -> np.ndarray:
    return np.concatenate([piece.samples[0] for piece in pieces])


@pytest.mark.parametrize("rate", [16000, 48000])
def test_pieces_are_the_input_with_its_time(rate: int, rng: np.random.Generator) -> None:
    audio, waveform, pieces, first = StampedAudio(16000, "mean", 0.2, Reporter(print)), rng.normal(size=9000), [], 0
    while first < 9000:
        size = int(rng.integers(1, 900))
        pieces += audio.add(chunk(waveform[first : first + size], 5 + first / rate), AudioFormat(rate, 1))
        first += size
    pieces += audio.end()
    assert [piece.is_last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    found = joined(pieces)
    assert found.size == 9000 * 16000 // rate
    if rate == 16000:
        np.testing.assert_allclose(found, waveform, rtol=1e-6)
    given = np.cumsum([0, *(piece.samples.shape[1] for piece in pieces[:-1])])
    np.testing.assert_allclose([piece.stamp / SECOND for piece in pieces], 5 + given / 16000, atol=2e-4)
    assert audio.end() == []


@pytest.mark.parametrize(
    ("seconds", "audio_format", "cause"),
    [
        (5.4, MONO, r"expected a stamp near 5100000000 ns, got 5400000000 ns \(\+0.300 s\)"),
        (4.8, MONO, r"\(-0.300 s\)"),
        (5.1, AudioFormat(16000, 1, "F32LE"), "format changed from"),
    ],
)
def test_a_stretch_ends_at_a_gap_or_another_format(seconds: float, audio_format: AudioFormat, cause: str) -> None:
    log: list[str] = []
    audio = StampedAudio(16000, "mean", 0.2, Reporter(log.append))
    audio.add(chunk(np.ones(1600), 5.0), MONO)
    ended, begun = audio.add(chunk(2 * np.ones(1600), seconds), audio_format)
    assert (ended.is_last, ended.samples.size, ended.clock is begun.clock) == (True, 0, False)
    assert begun.stamp == round(seconds * SECOND)
    (line,) = log
    assert re.search(cause, line)


def test_what_is_lost_becomes_silence_in_its_place() -> None:
    log: list[str] = []
    audio = StampedAudio(16000, "mean", 0.2, Reporter(log.append))
    pieces = audio.add(chunk(np.ones(1600), 5.0), MONO) + audio.add(chunk(2 * np.ones(1600), 5.25), MONO)
    assert joined(pieces).tolist() == [1.0] * 1600 + [0.0] * 2400 + [2.0] * 1600
    assert [piece.stamp for piece in pieces] == [5 * SECOND, 5_100_000_000, 5_250_000_000]
    assert "0.150 s are lost and replaced by silence" in log[0]


def test_another_number_of_channels_than_the_array_has_is_ignored() -> None:
    log: list[str] = []
    audio = StampedAudio(16000, "all", 0.2, Reporter(log.append), num_channels=2)
    both = audio.add(chunk(np.ones((2, 100)), 5.0), AudioFormat(16000, 2))
    assert both[0].samples.shape == (2, 100)
    (ended,) = audio.add(chunk(np.ones(100), 5.1), MONO)
    assert ended.is_last
    assert "expected 2 channels (microphone_positions), got 1: chunk ignored" in log[1]
    assert audio.add(chunk(np.ones(100), 5.2), MONO) == audio.end() == []
