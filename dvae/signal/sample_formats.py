"""How samples are coded: one table of formats, their spellings, and the way from bytes to floats and back.

Names are those of GStreamer, which audio_capture announces (S24LE: three bytes; S24_32LE: four, the lower three hold
the sample). Those of ALSA (S16_LE, S24_3LE, S24_LE with four bytes, FLOAT_LE), of ffmpeg (s16le, pcm_s16le), int16 and
float32, without byte order (S16: little-endian), and lower case are read too.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.signal.audio_file import Audio


class SampleFormat(NamedTuple):
    """kind: S, U or F. bits: of the value. size: bytes of a sample. order: "<" or ">"."""

    kind: str
    bits: int
    size: int
    order: str


def _formats() -> dict[str, SampleFormat]:
    found = {f"{kind}8": SampleFormat(kind, 8, 1, "<") for kind in "SU"}
    for order, suffix in (("<", "LE"), (">", "BE")):
        for name, size in (("16", 2), ("24", 3), ("24_32", 4), ("32", 4)):
            for kind in "SU":
                found[f"{kind}{name}{suffix}"] = SampleFormat(kind, int(name[:2]), size, order)
        found |= {f"F{bits}{suffix}": SampleFormat("F", bits, bits // 8, order) for bits in (32, 64)}
    return found


SAMPLE_FORMATS = _formats()
KINDS = {"FLOAT": "F", "INT": "S", "UINT": "U"}
_SPELLING = re.compile(r"(?:PCM_)?(FLOAT|UINT|INT|[SUF])(\d*)(?:_(3|32))?(_?)(LE|BE)?")


def sample_format_name(text: str) -> str:
    """The name of a format in SAMPLE_FORMATS, whatever its spelling; ValueError when there is no such format."""
    found = _SPELLING.fullmatch(text.strip().upper())
    if found:
        kind, bits, container, underscore, order = found.groups()
        if kind == "FLOAT":
            bits = bits or "32"
        if bits == "24" and (container == "32" or (container is None and underscore)):
            bits = "24_32"  # S24_LE of ALSA
        name = f"{KINDS.get(kind, kind)}{bits}" + ("" if bits == "8" else order or "LE")
        if name in SAMPLE_FORMATS and (container is None or bits.startswith("24")):
            return name
    raise ValueError(f"expected a sample format of {', '.join(SAMPLE_FORMATS)}, got {text!r}")


def to_float(samples: NDArray[Any]) -> Audio:
    """Integer samples of any width, or floats -> float32, integers in [-1, 1]."""
    if samples.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and seen as such later
            return np.asarray(samples, dtype=np.float32)
    scale = float(2 ** (8 * samples.dtype.itemsize - 1))
    offset = scale if samples.dtype.kind == "u" else 0.0
    return ((samples.astype(np.float32) - offset) / scale).astype(np.float32)


def only_floats(samples: object) -> Audio:
    """Samples in [-1, 1] of any shape -> float32. ValueError for integers, whose scale nobody can know later, and for
    anything else that is no float."""
    found = np.asarray(samples)
    if found.dtype.kind == "f":
        return to_float(found)
    is_coded = found.dtype.kind in "iu" and found.dtype.itemsize <= 4  # wider ones hold samples of fewer bits
    half = 2 ** (8 * found.dtype.itemsize - 1) if is_coded else "their full scale"
    ways = {"i": f": divide by {half}", "u": f": subtract {half}, then divide by {half}"}
    raise ValueError(f"expected floats in [-1, 1], got {found.dtype}{ways.get(found.dtype.kind, '')}")


def samples_from_bytes(data: bytes, name: str) -> Audio:
    """Whole samples in a format of SAMPLE_FORMATS -> float32 (S,), integers in [-1, 1]."""
    kind, bits, size, order = SAMPLE_FORMATS[name]
    if bits != 24:
        return to_float(
            np.frombuffer(data, dtype=np.dtype(f"{order}{'f' if kind == 'F' else 'i' if kind == 'S' else 'u'}{size}"))
        )
    raw = np.frombuffer(data, dtype=np.uint8).reshape(-1, size)
    low = raw[:, :3] if order == "<" else raw[:, :-4:-1]
    wide = np.zeros((len(raw), 4), dtype=np.uint8)  # the sample in the upper three bytes
    wide[:, 1:] = low
    return to_float(wide.view(f"<{'i' if kind == 'S' else 'u'}4")[:, 0])


def output_format(name: str) -> str:
    """What enhanced audio is written in so that it holds all that audio in the format `name` can: floats stay floats,
    integers of more than 16 bits become 32 bits wide, others 16."""
    kind, bits, _, _ = SAMPLE_FORMATS[name]
    return "F32LE" if kind == "F" else "S32LE" if bits > 16 else "S16LE"


def to_integers(waveform: Audio, bits: int) -> NDArray[Any]:
    """[-1, 1] -> int16 or int32, clipped; any shape."""
    full = float(2 ** (bits - 1))
    exact = waveform.astype(np.float64) if bits > 16 else waveform
    return np.asarray(np.clip(np.round(exact * full), -full, full - 1)).astype(f"<i{bits // 8}")


def samples_to_bytes(waveform: Audio, name: str) -> bytes:
    """Floats (S,) -> bytes in one of the formats that `output_format` gives."""
    if name == "F32LE":
        return waveform.astype("<f4").tobytes()
    return to_integers(waveform, SAMPLE_FORMATS[name].bits).tobytes()
