"""Which time a chunk has: its stamp, or its arrival."""

from __future__ import annotations

import numpy as np
import pytest

from dvae.signal.audio_clock import NANOSECONDS
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.stamp_source import StampSource
from dvae_nodes.wire.audio import DATA, DATA_STAMPED, AudioChunk


def chunk(stamp: float | None, received: float, kind: str = DATA_STAMPED, data: bytes = b"\0") -> AudioChunk:
    time = None if stamp is None else round(stamp * NANOSECONDS)
    return AudioChunk(data, None, time, "", kind, round(received * NANOSECONDS))


def test_stamps_are_taken_where_they_advance() -> None:
    source = StampSource("audio", Reporter(pytest.fail))
    for i in range(5):
        assert source.time_of(chunk(7 + i, 100 + i)) == ((7 + i) * NANOSECONDS, False, False)


def test_audio_without_header_has_the_time_of_its_arrival_and_no_word() -> None:
    source = StampSource("audio", Reporter(pytest.fail))
    for i in range(5):
        assert source.time_of(chunk(None, 100 + i, DATA)) == ((100 + i) * NANOSECONDS, True, False)


def test_the_source_changes_with_what_comes_and_the_clock_with_it() -> None:
    log: list[str] = []
    source = StampSource("audio", Reporter(log.append))
    found = []
    for i, stamp in enumerate((7, 8, None, None, None, 8, 13, 14)):
        found.append(source.time_of(chunk(stamp, 100 + i)))
        source.lasted(NANOSECONDS)
    seconds = [(time.stamp // NANOSECONDS, time.is_arrival, time.is_other_clock) for time in found]
    assert seconds[:4] == [(7, False, False), (8, False, False), (9, False, False), (10, False, False)]
    assert seconds[4:] == [(104, True, True), (105, True, False), (13, False, True), (14, False, False)]
    assert log == ["audio: expected stamps that advance, got 8000000000 ns for 3.0 s: the time of arrival is taken"]


def test_a_chunk_is_known_by_its_stamp_and_its_sound() -> None:
    log: list[str] = []
    source = StampSource("audio", Reporter(log.append))
    for stamp, data, expected in (
        (1, b"ab", False),
        (2, b"cd", False),
        (2, b"cd", True),
        (2, b"ef", False),  # a buffer that was sent in two parts
        (1, b"ab", True),
        (3, b"cd", False),
        (4, b"\0\0", False),
        (4, b"\0\0", False),  # silence says nothing
    ):
        found = chunk(stamp, 0.0, data=data)
        assert source.is_repeated(found) == expected
        if not expected:
            source.time_of(found)
    arrays = [AudioChunk(np.full((1, 2), value), None, 9 * NANOSECONDS, "", DATA_STAMPED) for value in (0.5, 0.5, 0.25)]
    assert [source.is_repeated(each) for each in arrays] == [False, True, False]
    assert len(log) == 1
