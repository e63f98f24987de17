"""Lengths that headers say and that are not true."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dvae.signal.audio_file import read_audio

SIZE = {  # where the length of the sound stands: what is before it, and its format
    "WAV": (b"data", "<I"), "RIFX": (b"data", ">I"), "RF64": (b"data", "<I"), "AIFF": (b"SSND", ">I"),
    "AU": (b".snd\0\0\0\x18", ">I"), "CAF": (b"data", ">q"),
}  # fmt: skip


def file_of(kind: str, samples: np.ndarray, subtype: str) -> tuple[bytes, int]:
    """The bytes of a file, and where the length of its sound is."""
    stream, endian = io.BytesIO(), None
    if kind == "RIFX":
        kind, endian = "WAV", "BIG"
    soundfile.write(stream, samples, 16000, format=kind, subtype=subtype, endian=endian)
    data = stream.getvalue()
    return data, data.index(SIZE["RIFX" if endian else kind][0]) + len(SIZE["RIFX" if endian else kind][0])


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("kind", SIZE)
@pytest.mark.parametrize("wrong", ["nothing", "all ones", "too much", "odd", "too little"])
def test_what_is_there_is_read_whatever_the_header_says(
    kind: str, wrong: str, subtype: str, tmp_path: Path, rng: np.random.Generator, caplog: pytest.LogCaptureFixture
) -> None:
    if wrong == "too little" and kind in ("RF64", "AU"):
        pytest.skip("nobody says when it is")
    samples = np.round(0.1 * rng.normal(size=(3001, 2)) * 2**15) / 2**15
    if (kind, subtype) == ("AIFF", "FLOAT"):
        pytest.skip("AIFF of floats is another layout")
    data, place = file_of(kind, samples, subtype)
    code = SIZE[kind][1]
    true = len(samples) * 2 * {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}[subtype]
    said = {"nothing": 0, "all ones": -1, "too much": 3 * true, "odd": true + 1001, "too little": 1000}[wrong]
    if kind == "RF64":  # the length is in another place
        data = data[:28] + struct.pack("<q", said) + data[36:]
    else:
        number = said % 2**32 if code[1] == "I" else said
        data = data[:place] + struct.pack(code, number) + data[place + struct.calcsize(code) :]
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    found, rate = read_audio(path)
    assert rate == 16000
    np.testing.assert_allclose(found, samples.T, atol=1e-7)
    if (kind, wrong) != ("AU", "all ones"):  # which the format allows
        assert "bytes of sound" in caplog.records[0].message


def test_a_true_header_is_believed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also one that says 0 before chunks of other things."""
    data, place = file_of("WAV", np.zeros(0), "PCM_16")
    assert data[place : place + 4] == bytes(4)
    (tmp_path / "a.wav").write_bytes(data + b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"note" + bytes(4))
    with pytest.raises(ValueError, match="without samples"):
        read_audio(tmp_path / "a.wav")
    data, _ = file_of("WAV", np.ones(100) / 2, "PCM_16")
    (tmp_path / "a.wav").write_bytes(data + b"LIST" + struct.pack("<I", 4) + b"abcd" + b"TAG" + bytes(125))
    assert read_audio(tmp_path / "a.wav")[0].tolist() == [[0.5] * 100]
    assert not caplog.records
    killed = data[:place] + bytes(4) + data[place + 4 :]  # and comments behind it are no sound
    (tmp_path / "a.wav").write_bytes(killed + b"LIST" + struct.pack("<I", 4) + b"abcd")
    assert read_audio(tmp_path / "a.wav")[0].tolist() == [[0.5] * 100]
    assert "says 0 bytes of sound, 200 are there" in caplog.text


@pytest.mark.parametrize("kind", [*SIZE, "OGG", "FLAC", "W64"])
def test_no_header_whatever_takes_long_or_raises_anything_but_a_value_error(
    kind: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    data, _ = file_of(kind, 0.1 * rng.normal(size=500), "PCM_16") if kind in SIZE else (b"", 0)
    if not data:
        stream = io.BytesIO()
        soundfile.write(stream, 0.1 * rng.normal(size=500), 16000, format=kind)
        data = stream.getvalue()
    path, refused = tmp_path / "a", []
    for _ in range(150):
        broken = bytearray(data[: rng.integers(len(data))] if rng.random() < 0.3 else data)
        for place in rng.integers(0, max(1, min(100, len(broken))), 3):
            broken[place : place + 1] = bytes([rng.integers(256)])
        path.write_bytes(broken)
        try:
            read_audio(path)
        except ValueError as error:
            refused.append(str(error))
    assert all(str(path) in text for text in refused)
