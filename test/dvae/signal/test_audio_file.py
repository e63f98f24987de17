from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dvae.signal.audio_file import list_audio, read_audio, read_mono, resample, write_audio


def test_audio_round_trip_and_resampling(tmp_path: Path) -> None:
    time = np.arange(44100) / 44100
    tone = np.stack([0.5 * np.sin(2 * np.pi * 440 * time), np.zeros_like(time)]).astype(np.float32)
    write_audio(tmp_path / "tone.flac", tone, 44100)
    samples, rate = read_audio(tmp_path / "tone.flac")
    assert (samples.shape, rate) == ((2, 44100), 44100)
    mono = read_mono(tmp_path / "tone.flac", 16000)
    expected = 0.25 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    np.testing.assert_allclose(mono[500:-500], expected[500:-500], atol=1e-3)
    assert resample(mono, 16000, 16000) is mono


def test_files_that_are_no_audio_are_named(tmp_path: Path) -> None:
    (tmp_path / "noise.wav").write_bytes(b"this is no audio")
    with pytest.raises(ValueError, match=r"expected an audio file that can be decoded, got .*noise\.wav"):
        read_audio(tmp_path / "noise.wav")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"expected audio files \(.*\.wav.*\) below .*empty, got none"):
        list_audio(tmp_path / "empty")
    assert soundfile.available_formats()["FLAC"]
