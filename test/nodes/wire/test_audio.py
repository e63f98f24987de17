"""Chunks from messages of either audio_common_msgs, and back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from make_bag import audio_types

from dvae.signal.audio_clock import NANOSECONDS
from dvae.signal.audio_input import AudioFormat
from dvae_nodes.wire import audio
from dvae_nodes.wire import conversions as convert


def test_a_stamp_of_zero_is_none_and_the_arrival_is_kept() -> None:
    types = audio_types(portaudio=False)
    waveform = np.zeros(4, dtype=np.float32)
    for kind, stamp, expected in (
        (audio.DATA_STAMPED, 7, 7),
        (audio.DATA_STAMPED, 0, None),
        (audio.DATA, 7, None),
    ):
        header = convert.make_header(types, stamp, "mic")
        chunk = audio.chunk_from_message(audio.audio_message(types, kind, header, waveform, 16000), 99)
        assert (chunk.stamp, chunk.receive_time, chunk.kind) == (expected, 99, kind)
        assert chunk.has_header == (kind != audio.DATA)


@pytest.mark.parametrize(("sample_type", "code"), [("S16LE", 8), ("S32LE", 2), ("F32LE", 1)])
def test_what_is_written_is_read_with_its_format(sample_type: str, code: int) -> None:
    waveform = np.array([0.5, -1.0, 2.0**-15, 0.25], dtype=np.float32)
    for portaudio in (False, True):
        types = audio_types(portaudio)
        header = convert.make_header(types, 5, "mic")
        kind = audio.STAMPED if portaudio else audio.DATA_STAMPED
        message = audio.audio_message(types, kind, header, waveform, 16000, sample_type)
        chunk = audio.chunk_from_message(message, 0)
        if portaudio:
            assert message.audio.info.format == code
            assert chunk.format == AudioFormat(16000, 1, sample_type)
            assert np.array_equal(chunk.data, waveform[None])
        else:
            info = audio.audio_info_message(types, 16000, sample_type)
            assert audio.format_from_info(info) == AudioFormat(16000, 1, sample_type)
            assert info.bitrate == 16000 * 8 * (len(chunk.data) // 4)


def test_the_spelling_of_a_format_does_not_matter() -> None:
    info = SimpleNamespace(sample_rate=16000, channels=2, sample_format="s24_3le", coding_format="wave")
    assert audio.format_from_info(info) == AudioFormat(16000, 2, "S24LE")


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [(-5, (0, 0)), (3 * NANOSECONDS + 4, (3, 4)), (2**40 * NANOSECONDS, (2**31 - 1, NANOSECONDS - 1))],
)
def test_a_stamp_stays_in_the_range_of_stamps(nanoseconds: int, expected: tuple[int, int]) -> None:
    stamp = convert.make_header(audio_types(portaudio=False), nanoseconds, "").stamp
    assert (stamp.sec, stamp.nanosec) == expected
