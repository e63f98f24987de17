"""Every coding of samples, by its definition, and every spelling of its name."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from dvae.signal.sample_formats import (
    SAMPLE_FORMATS,
    output_format,
    sample_format_name,
    samples_from_bytes,
    samples_to_bytes,
)


def coded(value: float, name: str) -> bytes:
    """One value in [-1, 1), by Python's own struct and integers."""
    kind, bits, size, order = SAMPLE_FORMATS[name]
    if kind == "F":
        return struct.pack(order + ("f" if bits == 32 else "d"), value)
    number = round(value * 2 ** (bits - 1)) + (2 ** (bits - 1) if kind == "U" else 0)
    return number.to_bytes(size, "little" if order == "<" else "big", signed=kind == "S")


@pytest.mark.parametrize("name", list(SAMPLE_FORMATS))
def test_every_coding_is_read(name: str) -> None:
    values = [0.0, 0.5, -0.5, -1.0, 0.984375, -0.0078125]  # exact in 8 bits
    found = samples_from_bytes(b"".join(coded(value, name) for value in values), name)
    assert found.dtype == np.float32
    assert found.tolist() == values


def test_three_bytes_in_four_have_anything_in_the_fourth() -> None:
    assert samples_from_bytes(bytes.fromhex("000040ff 0000c000"), "S24_32LE").tolist() == [0.5, -0.5]
    assert samples_from_bytes(bytes.fromhex("ff400000 00c00000"), "S24_32BE").tolist() == [0.5, -0.5]


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        *[(name, name) for name in SAMPLE_FORMATS],
        *[(name.lower(), name) for name in SAMPLE_FORMATS],
        ("S16_LE", "S16LE"),
        ("s16_be", "S16BE"),
        ("S24_3LE", "S24LE"),
        ("S24_LE", "S24_32LE"),
        ("s24le", "S24LE"),
        ("FLOAT_LE", "F32LE"),
        ("FLOAT64_LE", "F64LE"),
        ("FLOAT_BE", "F32BE"),
        ("S16", "S16LE"),
        ("pcm_s16le", "S16LE"),
        ("int16", "S16LE"),
        ("uint8", "U8"),
        ("float32", "F32LE"),
        ("f32", "F32LE"),
        (" u8 ", "U8"),
    ],
)
def test_spellings_of_gstreamer_alsa_and_ffmpeg(spelling: str, name: str) -> None:
    assert sample_format_name(spelling) == name


@pytest.mark.parametrize("text", ["", "S20LE", "F16LE", "S16_32LE", "MU_LAW", "U8LE8", "FLOAT8", "S", "16", "S8_3"])
def test_what_is_no_format_is_named_with_the_list(text: str) -> None:
    with pytest.raises(ValueError, match=f"expected a sample format of S8, U8, S16LE, .*F64BE, got '{text}'"):
        sample_format_name(text)


def test_the_output_holds_what_the_input_can() -> None:
    assert {name: output_format(name) for name in ("S8", "U16BE", "S16LE", "S24LE", "S24_32BE", "U32LE", "F64LE")} == {
        "S8": "S16LE",
        "U16BE": "S16LE",
        "S16LE": "S16LE",
        "S24LE": "S32LE",
        "S24_32BE": "S32LE",
        "U32LE": "S32LE",
        "F64LE": "F32LE",
    }
    waveform = np.array([0.5, -3.0, 1e-4, 32768.0], dtype=np.float32)
    assert np.array_equal(samples_from_bytes(samples_to_bytes(waveform, "F32LE"), "F32LE"), waveform)
    for name, step in (("S16LE", 2.0**-15), ("S32LE", 2.0**-24)):
        found = samples_from_bytes(samples_to_bytes(waveform, name), name)
        np.testing.assert_allclose(found, np.clip(waveform, -1.0, 1.0), rtol=0, atol=step)


def test_a_double_beyond_float_is_infinite() -> None:
    assert samples_from_bytes(struct.pack("<dd", 1e300, 0.5), "F64LE").tolist() == [np.inf, 0.5]
