"""Chunks whose format comes after them, late, or never."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_input import AudioFormat
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines import announced_format
from dvae_nodes.pipelines.announced_format import USUAL_FORMAT, AnnouncedFormat
from dvae_nodes.wire.audio import DATA, AudioChunk


def chunk(seconds: float, data: bytes = b"") -> AudioChunk:
    return AudioChunk(data, None, None, "", DATA, round(seconds * NANOSECONDS))


def info(coding: str = "wave") -> SimpleNamespace:
    return SimpleNamespace(sample_rate=8000, channels=2, sample_format="s8", coding_format=coding)


def test_chunks_wait_for_their_format_in_order() -> None:
    log: list[str] = []
    announced = AnnouncedFormat(None, Reporter(log.append))
    assert announced.admit(chunk(1)) == announced.admit(chunk(2)) == []
    assert announced.announce(info()) == [chunk(1), chunk(2)]
    assert announced.known == AudioFormat(8000, 2, "S8")
    assert announced.admit(chunk(3)) == [chunk(3)]
    assert announced.announce(info()) == announced.give_up() == []
    assert log == ["audio: expected audio_info with the format, got none yet: audio is kept"]


def test_after_six_seconds_the_usual_format_is_taken() -> None:
    announced = AnnouncedFormat(None, Reporter(print))
    for seconds in (1, 3, 6.9):
        assert not announced.admit(chunk(seconds))
    assert announced.admit(chunk(7)) == [chunk(1), chunk(3), chunk(6.9), chunk(7)]
    assert announced.known == USUAL_FORMAT


def test_the_age_is_that_of_the_stamps_or_of_the_arrival() -> None:
    announced = AnnouncedFormat(None, Reporter(print))
    stamped = [AudioChunk(b"", None, round(seconds * NANOSECONDS), "", DATA) for seconds in (1, 8)]
    assert not announced.admit(stamped[0])
    assert announced.admit(stamped[1]) == stamped


def test_the_oldest_leave_a_full_queue_where_no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    monkeypatch.setattr(announced_format, "MAX_WAITING_BYTES", 1000)
    monkeypatch.setattr(announced_format, "MAX_WAITING_CHUNKS", 5)
    announced = AnnouncedFormat(None, Reporter(log.append))
    for _ in range(100):
        assert not announced.admit(chunk(1, bytes(300)))
    assert len(announced.announce(info())) == 3
    announced = AnnouncedFormat(None, Reporter(log.append))
    for _ in range(100):
        assert not announced.admit(chunk(1))
    assert len(announced.give_up()) == 5
    assert "expected audio_info before 1000 bytes or 5 chunks had to wait for it" in log[1]


def test_what_is_dropped_does_not_make_it_wait_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announced_format, "MAX_WAITING_BYTES", 1000)
    announced = AnnouncedFormat(None, Reporter(print))
    found = [len(announced.admit(chunk(second, bytes(300)))) for second in range(8)]
    assert found == [0, 0, 0, 0, 0, 0, 4, 1]


def test_a_refused_format_drops_chunks_until_another_is_announced() -> None:
    log: list[str] = []
    announced = AnnouncedFormat(None, Reporter(log.append))
    assert announced.announce(info("mp3")) == announced.admit(chunk(1)) == announced.give_up() == []
    assert "expected uncompressed audio (coding_format 'wave'), got 'mp3'" in log[0]
    announced.announce(info())
    assert announced.admit(chunk(2)) == [chunk(2)]


@pytest.mark.parametrize(
    "wrong", [{"coding_format": "mp3"}, {"sample_rate": 0}, {"channels": 0}, {"sample_format": "person"}]
)
def test_a_wrong_format_leaves_the_one_before_with_a_word(wrong: dict[str, object]) -> None:
    log: list[str] = []
    announced = AnnouncedFormat(None, Reporter(log.append))
    announced.announce(info())
    assert announced.announce(SimpleNamespace(**{**vars(info()), **wrong})) == []
    assert announced.known == AudioFormat(8000, 2, "S8")
    assert announced.admit(chunk(1)) == [chunk(1)]
    assert len(log) == 1
    assert log[0].startswith("audio_info: expected")
    assert log[0].endswith(": audio is still taken as 8000 Hz, 2 channels, S8")
