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
from dvae_nodes.wire.audio import DATA, STAMPED, AudioChunk

MONO = AudioFormat(16000, 1)


def chunk(samples: Any, seconds: float | None, received: float = 0.0) -> AudioChunk:
    data = np.atleast_2d(np.asarray(samples, dtype=np.float32))
    stamp = None if seconds is None else round(seconds * SECOND)
    return AudioChunk(data, None, stamp, "mic", STAMPED, round(received * SECOND))


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
        (
            5.1,
            AudioFormat(16000, 1, "F32LE"),
            "format changed from 16000 Hz, 1 channel, S16LE to 16000 Hz, 1 channel, F32LE:",
        ),
    ],
)
def test_a_stretch_ends_at_a_gap_or_another_format(seconds: float, audio_format: AudioFormat, cause: str) -> None:
    log: list[str] = []
    audio = StampedAudio(16000, "mean", 0.2, Reporter(log.append))
    audio.add(chunk(np.ones(1600), 5.0), MONO)
    # whether a chunk is late or audio is missing is known when nothing else comes
    ended, begun = (audio.add(chunk(2 * np.ones(1600), seconds), audio_format) + audio.end())[:2]
    assert (ended.is_last, ended.samples.size, ended.clock is begun.clock) == (True, 0, False)
    assert begun.stamp == round(seconds * SECOND)
    (line,) = log
    assert re.search(cause, line)


def test_what_is_lost_becomes_silence_in_its_place() -> None:
    log: list[str] = []
    audio = StampedAudio(16000, "mean", 0.2, Reporter(log.append))
    pieces = audio.add(chunk(np.ones(1600), 5.0), MONO) + audio.add(chunk(2 * np.ones(1600), 5.25), MONO)
    assert len(pieces) == 1  # it may only be late
    pieces += audio.end()
    assert joined(pieces).tolist() == [1.0] * 1600 + [0.0] * 2400 + [2.0] * 1600
    assert [piece.stamp for piece in pieces[:3]] == [5 * SECOND, 5_100_000_000, 5_250_000_000]
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


def test_without_stamps_the_arrival_is_taken_once_said_and_nothing_is_put_in_between(rng: np.random.Generator) -> None:
    """Stamps of 0 come as none: 10 ms chunks, up to 60 ms late, and an executor that is blocked half of the time."""
    for blocked in (False, True):
        log: list[str] = []
        audio, waveform = StampedAudio(16000, "mean", 0.2, Reporter(log.append)), 0.2 * rng.normal(size=48000)
        pieces, received = [], 0.0
        for first in range(0, 48000, 160):
            begin = 100 + first / 16000
            late = 0.2 - begin % 0.4 if blocked and begin % 0.4 < 0.2 else 0.0 if blocked else rng.uniform(0, 0.06)
            received = max(received, begin + late)
            pieces += audio.add(chunk(waveform[first : first + 160], None, received), MONO)
        pieces += audio.end()
        np.testing.assert_allclose(joined(pieces), waveform, rtol=1e-6)
        stamps = np.array([piece.stamp for piece in pieces]) / SECOND
        assert (np.diff(stamps) > 0).all()
        position = np.cumsum([0, *(piece.samples.shape[1] for piece in pieces[:-1])]) / 16000
        assert np.abs(stamps - 100 - position)[50:].max() < 0.02
        assert log == ["audio: expected stamps that advance, got 0: the time of arrival is taken"]


def test_stamps_that_stand_still_lose_nothing_and_the_arrival_is_taken() -> None:
    log: list[str] = []
    audio, pieces = StampedAudio(16000, "mean", 0.2, Reporter(log.append)), []
    for i in range(100):
        pieces += audio.add(chunk(np.full(512, (i + 1) / 128), 7.0, 50 + i * 0.032), MONO)
    pieces += audio.end()
    assert joined(pieces).tolist() == np.repeat(np.arange(1.0, 101.0) / 128, 512).tolist()
    assert pieces[-2].stamp / SECOND == pytest.approx(50 + 99 * 0.032, abs=0.001)
    assert log == ["audio: expected stamps that advance, got 7000000000 ns for 1.0 s: the time of arrival is taken"]


def test_when_stamps_come_back_it_starts_anew() -> None:
    log: list[str] = []
    audio, pieces = StampedAudio(16000, "mean", 0.2, Reporter(log.append)), []
    for i, stamp in enumerate([None] * 5 + [40.0, 40.032]):
        pieces += audio.add(chunk(np.full(512, (i + 1) / 128), stamp, 10 + i * 0.032), MONO)
    pieces += audio.end()
    assert joined(pieces).tolist() == np.repeat(np.arange(1.0, 8.0) / 128, 512).tolist()
    assert [piece.is_last for piece in pieces] == [False] * 5 + [True] + [False] * 2 + [True]
    assert pieces[6].stamp == 40 * SECOND
    assert log[1] == "audio: stamps advance again: what was received is finished, then starting anew"


def test_a_chunk_that_comes_twice_is_taken_once() -> None:
    log: list[str] = []
    audio, pieces = StampedAudio(16000, "mean", 0.2, Reporter(log.append)), []
    for i in (0, 1, 2, 2, 3, 2, 4, 4, 4):
        pieces += audio.add(chunk(np.full(512, (i + 1) / 128), 5 + i * 0.032), MONO)
    assert joined([*pieces, *audio.end()]).tolist() == np.repeat(np.arange(1.0, 6.0) / 128, 512).tolist()
    assert log == ["audio: expected each chunk once, got the one at 5064000000 ns again: left out"]


def test_a_chunk_without_stamp_among_others_follows_the_one_before() -> None:
    audio, pieces = StampedAudio(16000, "mean", 0.2, Reporter(pytest.fail)), []
    for i in range(10):
        pieces += audio.add(chunk(np.full(512, (i + 1) / 128), None if i == 4 else 5 + i * 0.032, 90 + i * 0.032), MONO)
    assert joined(pieces).size == 5120
    assert [piece.stamp for piece in pieces] == [5 * SECOND + i * 32_000_000 for i in range(10)]


def test_a_channel_unlike_the_others_is_said_with_the_way_out(rng: np.random.Generator) -> None:
    log: list[str] = []
    audio = StampedAudio(16000, "mean", 0.2, Reporter(log.append))
    sound = np.convolve(rng.normal(size=16000 * 9), np.ones(64) / 64, mode="same")
    channels = np.stack([sound] * 5 + [np.roll(sound, 8000)])
    for first in range(0, sound.size, 1600):
        audio.add(chunk(channels[:, first : first + 1600], 5 + first / 16000), AudioFormat(16000, 6))
    unlike = [line for line in log if "unlike" in line]
    assert len(unlike) == 1
    assert "got channel 6 unlike the others" in unlike[0]
    assert unlike[0].endswith('leave it out by channels: "1-5"')


def test_channels_that_are_not_there_are_one_line() -> None:
    log: list[str] = []
    audio = StampedAudio(16000, "mean", 0.2, Reporter(log.append), use="1-4")
    assert audio.add(chunk(np.ones((2, 100)), 5.0), AudioFormat(16000, 2)) == audio.end() == []
    assert log == ["audio: channels: expected some of 1 to 2, which there are, got '1-4': chunk ignored"]
    (piece,) = audio.add(chunk(np.arange(5)[:, None] * np.ones(100), 6.0), AudioFormat(16000, 5))
    assert piece.samples[0, 0] == 1.5


def test_another_scale_and_loud_samples_are_said(rng: np.random.Generator) -> None:
    log: list[str] = []
    audio = StampedAudio(16000, "mean", 0.2, Reporter(log.append))
    waveform = 3000 * rng.normal(size=16000)
    for i in range(10):
        audio.add(chunk(waveform[1600 * i : 1600 * (i + 1)], 5 + i / 10), AudioFormat(16000, 1, "F32LE"))
    assert len(log) == 2
    assert "expected samples in [-1, 1], got 63 far above the others, infinite or NaN: taken as silence" in log[0]
    assert re.search(r"expected samples in \[-1, 1\], got up to \d+.*: taken at that scale", log[1])


def test_half_a_sample_that_was_lost_does_not_turn_the_rest_into_noise() -> None:
    """A byte is missing at the end of a chunk; after the next gap, short or long, samples are whole again."""
    for gap in (0.064, 30.0):
        audio, data, pieces = StampedAudio(16000, "mean", 0.2, Reporter(lambda _: None)), bytes([1, 2] * 512), []
        for i in range(20):
            stamp = round((5 + i * 0.032 + gap * (i > 9)) * SECOND)
            part = data[:-1] if i == 9 else data
            pieces += audio.add(AudioChunk(part, None, stamp, "mic", STAMPED), MONO)
        found = joined([*pieces, *audio.end()]) * 32768
        assert set(found[-5120:].tolist()) == {0x0201}


@pytest.mark.parametrize("slower", [1.03, 1.1, 2.0])
def test_audio_that_is_played_slowly_has_no_silence_in_it(slower: float) -> None:
    log: list[str] = []
    audio, pieces = StampedAudio(16000, "mean", 0.2, Reporter(log.append)), []
    for i in range(250):
        found = AudioChunk(np.full((1, 512), (i + 1) / 512, np.float32), None, None, "mic", DATA,
                           round((9 + i * 0.032 * slower) * SECOND))  # fmt: skip
        pieces += audio.add(found, MONO)
    pieces += audio.end()
    assert joined(pieces).size == 250 * 512
    assert (joined(pieces) > 0).all()
    said = [line.partition(" as long")[0] for line in log]
    assert said == [f"audio: samples last {1 / slower:.2f} times"] * (slower > 1.06)


def test_two_channels_that_are_announced_as_one_are_asked_about_once() -> None:
    log: list[str] = []
    audio, pieces = StampedAudio(16000, "mean", 0.2, Reporter(log.append)), []
    for i in range(250):
        stamp = round((5 + i * 0.032) * SECOND)
        pieces += audio.add(AudioChunk(bytes([1, 2]) * 1024, None, stamp, "mic", STAMPED), MONO)
    assert joined([*pieces, *audio.end()]).size == 250 * 1024
    assert log == ["audio: samples last 2.00 times what the stamps say: is num_channels or sample_rate wrong?"]


@pytest.mark.parametrize(("size", "words"), [(1024, 0), (1025, 1), (1023, 1)])
def test_chunks_that_are_no_whole_samples_are_joined_and_said_once(size: int, words: int) -> None:
    log: list[str] = []
    audio, data, pieces = StampedAudio(16000, "mean", 0.2, Reporter(log.append)), bytes([1, 2] * 51200), []
    for i in range(50):
        part = data[i * size : (i + 1) * size]
        pieces += audio.add(AudioChunk(part, None, round((5 + i * size / 32000) * SECOND), "mic", STAMPED), MONO)
    found = joined([*pieces, *audio.end()]) * 32768
    assert found.size == 50 * size // 2
    assert set(found.tolist()) == {0x0201}
    assert len(log) == words
    assert all("expected chunks of whole samples of 2 bytes (16000 Hz, 1 channel, S16LE), got" in line for line in log)


@pytest.mark.parametrize("gap", [0.0, 0.064, 30.0])
def test_bytes_that_nothing_completes_are_said_once(gap: float) -> None:
    log: list[str] = []
    audio = StampedAudio(16000, "mean", 0.2, Reporter(log.append))
    for i in range(40):
        part = bytes(1023 if (i % 20 == 9 and gap) or i == 39 else 1024)
        audio.add(AudioChunk(part, None, round((5 + i * 0.032 + gap * (i > 9)) * SECOND), "mic", STAMPED), MONO)
    audio.end()
    said = [line for line in log if "of one" in line]
    assert said == ["audio: expected whole samples of 2 bytes before a gap and at the end, got 1 of one: left out"]


def test_a_scale_that_was_rubbish_is_said_when_it_is_left(rng: np.random.Generator) -> None:
    log: list[str] = []
    audio = StampedAudio(16000, "mean", 0.2, Reporter(log.append))
    for i in range(20):
        waveform = (1e6 if i == 0 else 0.1) * rng.normal(size=1600)
        audio.add(chunk(waveform, 5 + i / 10), AudioFormat(16000, 1, "F32LE"))
    assert len(log) == 3
    assert "taken at that scale" in log[1]
    assert log[2] == "audio: samples are within [-1, 1] again: taken as such"


@pytest.mark.parametrize("mean_wait", [0.05, 0.2])
def test_nothing_is_put_where_chunks_wait_as_in_a_network(mean_wait: float) -> None:
    """Each waits for another time, in order, and the first may be the one that waited least for long."""
    num_silent = 0
    for seed in range(8):
        waits = np.random.default_rng(seed).exponential(mean_wait, 250)
        audio, pieces = StampedAudio(16000, "mean", 0.2, Reporter(lambda _: None)), []
        for i, received in enumerate(np.maximum.accumulate(9 + 0.032 * np.arange(250) + waits)):
            sound = np.full((1, 512), (i + 1) / 512, np.float32)
            pieces += audio.add(AudioChunk(sound, None, None, "mic", DATA, round(received * SECOND)), MONO)
        found = joined([*pieces, *audio.end()])
        assert found[found > 0].tolist() == np.repeat((np.arange(250.0) + 1) / 512, 512).tolist()
        num_silent += found.size > 250 * 512
    assert num_silent <= 1


@pytest.mark.parametrize("blocked", [False, True])
def test_a_loss_among_chunks_that_wait_is_still_silence(blocked: bool) -> None:
    for seed in range(3):
        begin = 9 + 0.032 * np.arange(250)
        waits = 0.5 - begin % 1.0 if blocked else np.random.default_rng(seed).uniform(0, 0.06, 250)
        audio, pieces = StampedAudio(16000, "mean", 0.2, Reporter(lambda _: None)), []
        for i, received in enumerate(np.maximum.accumulate(begin + np.maximum(waits, 0.0))):
            sound = np.full((1, 512), (i + 1) / 512, np.float32)
            if not 125 <= i < 129:
                pieces += audio.add(AudioChunk(sound, None, None, "mic", DATA, round(received * SECOND)), MONO)
        found = joined([*pieces, *audio.end()])
        assert np.flatnonzero(found == 0.0).size == 4 * 512
        assert found.size == 250 * 512
