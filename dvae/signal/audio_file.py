"""Reading and writing audio files (soundfile) at any rate (soxr)."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from dvae.files import identity, printable, write_whole
from dvae.signal.audio_folder import FORMATS, way_out
from dvae.signal.audio_header import with_true_length

logger = logging.getLogger(__name__)

Audio = NDArray[np.float32]
Source = TypeVar("Source")
Result = TypeVar("Result")
RATE_RANGE = (1000, 384_000)  # Hz
BLOCK = 65536  # frames that are decoded or encoded at once: libsndfile's Ogg needs stack for what it gets
NO_LENGTH = 2**62  # of a FLAC stream that was made without a way back to its header
WAV_LIMIT = 4_000_000_000  # bytes, above which it becomes an RF64, the same with long lengths
LOSSLESS = ("WAV", "FLAC", "AIFF", "AU", "CAF", "RF64", "W64")  # formats that are written
WRITTEN = tuple(suffix for suffix, name in FORMATS.items() if name in LOSSLESS)
# Codings from narrow to wide; and which of them hold what others can, those that are not named 16 bits.
WIDTHS = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}  # -> bytes of a sample
NEEDED = {"ALAC_20": "PCM_24", "ALAC_24": "PCM_24", "ALAC_32": "PCM_32", "DWVW_24": "PCM_24"}


class AudioInfo(NamedTuple):
    """What the header says."""

    seconds: float
    sample_rate: int


class Recording(NamedTuple):
    """Samples (C, S), their rate in Hz, and how the file codes them (libsndfile's subtype, such as PCM_16)."""

    samples: Audio
    sample_rate: int
    subtype: str


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple[soundfile.SoundFile, int]]:
    """The file, and its size in bytes."""
    try:
        with open(path, "rb", buffering=0) as raw:
            stream, remark = with_true_length(raw)
            size = stream.seek(0, io.SEEK_END)
            if not size:
                raise ValueError(f"expected audio, got an empty file: {path}")
            stream.seek(0)
            with soundfile.SoundFile(raw.fileno() if stream is raw else stream, closefd=False) as file:
                low, high = RATE_RANGE
                if not low <= file.samplerate <= high:
                    raise ValueError(f"expected a rate of {low} to {high} Hz, got {file.samplerate} in {path}")
                if remark:
                    logger.warning("%s: %s", printable(path), remark)
                yield file, size
    except (soundfile.SoundFileError, OSError, TypeError) as error:  # TypeError: raw samples, by the name
        reason = getattr(error, "error_string", None) or getattr(error, "strerror", None) or error
        hint = way_out(Path(path))
        reason = f"{reason} {hint}" if hint else reason
        raise ValueError(f"expected an audio file that can be decoded, got {path}: {reason}") from error


def audio_info(path: str | Path) -> AudioInfo:
    """Length and rate, without decoding where the header says the length; ValueError as `read_audio`."""
    with _opened(path) as (file, size):
        frames = file.frames if file.frames < NO_LENGTH else len(_decode(file, file.frames, size))
        return AudioInfo(frames / file.samplerate, int(file.samplerate))


def read_recording(path: str | Path, start: int = 0, num_samples: int = -1) -> Recording:
    """The samples from `start` on, at most `num_samples` (-1: all). A file that is damaged or shorter than its header
    says is read as far as it goes, with a word in the log. ValueError when it cannot be decoded, nothing is in it, its
    rate is none of sound, or samples are not finite."""
    with _opened(path) as (file, size):
        there = file.frames - start
        wanted = there if num_samples < 0 else min(num_samples, there)
        if start:
            file.seek(min(start, file.frames))
        samples = _decode(file, max(0, wanted), size)
        rate, subtype = int(file.samplerate), str(file.subtype)
    if not len(samples) and wanted > 0:
        raise ValueError(f"expected an audio file that can be decoded, got {path}: damaged from its first sample on")
    if len(samples) < wanted < NO_LENGTH:
        logger.warning(
            "%s: damaged or cut off: read %d of %d samples",
            printable(path), len(samples), wanted,
        )  # fmt: skip
    if not samples.size and num_samples:
        raise ValueError(f"expected audio, got a file without samples: {path}")
    if not np.isfinite(samples).all():
        raise ValueError(f"expected finite samples, got NaN or infinity in {path}")
    return Recording(np.ascontiguousarray(samples.T), rate, subtype)


def _decode(file: soundfile.SoundFile, num_samples: int, num_bytes: int) -> Audio:
    """Up to `num_samples` from here (S, C), all that come before an error of the decoder, of a file of `num_bytes`."""
    blocks: list[Audio] = []
    # libsndfile's position in an MP3 is not exact, so that it is read at once, but for no more than its bytes can hold
    size = 64 * num_bytes if file.format == "MP3" else BLOCK
    while num_samples > 0:
        block = np.full((min(size, num_samples), file.channels), np.nan, dtype=np.float32)
        try:
            blocks.append(file.read(out=block))
            is_over = len(blocks[-1]) < len(block)
        except soundfile.LibsndfileError:
            is_missing = np.isnan(block[:, 0])  # what was not decoded: only formats of integers have such errors
            blocks.append(block[: int(is_missing.argmax()) if is_missing.any() else len(block)])
            is_over = True
        num_samples = 0 if is_over else num_samples - len(block)
    return np.concatenate(blocks) if blocks else np.zeros((0, file.channels), dtype=np.float32)


def read_audio(path: str | Path, start: int = 0, num_samples: int = -1) -> tuple[Audio, int]:
    """Samples (C, S) in [-1, 1], beyond which floats may go, and the sample rate in Hz; all as `read_recording`."""
    recording = read_recording(path, start, num_samples)
    return recording.samples, recording.sample_rate


def read_mono(path: str | Path, sample_rate: int) -> Audio:
    """The mean of the channels, resampled to `sample_rate`, shape (S,)."""
    samples, file_rate = read_audio(path)
    return resample(samples.mean(axis=0), file_rate, sample_rate)


def read_each(read: Callable[[Source], Result], sources: Iterable[Source]) -> list[Result]:
    """What `read` gives for each file; those that it cannot read (ValueError) are left out and named in the log.
    ValueError where that is all of them."""
    found, reasons = list[Result](), list[str]()
    for source in sources:
        try:
            found.append(read(source))
        except ValueError as error:
            reasons.append(printable(error))
            logger.warning("left out: %s", reasons[-1])
    if reasons and not found:
        raise ValueError(f"none of {len(reasons)} files can be read, not the first either: {reasons[0]}")
    return found


def decodable(path: Path) -> Path:
    """The same path; ValueError unless it has a header of sound, and some sound."""
    if not audio_info(path).seconds:
        raise ValueError(f"expected audio, got a file without samples: {path}")
    return path


def resample(waveform: Audio, rate_in: float, rate_out: float) -> Audio:
    """Waveform (S,) at `rate_in` Hz -> at `rate_out` Hz."""
    if rate_in == rate_out:
        return waveform
    return np.asarray(soxr.resample(waveform, rate_in, rate_out), dtype=np.float32)


def holding_subtype(path: Path, subtype: str) -> str:
    """The coding for the file to be written that holds what `subtype` can: the same or the next wider one of 16 bits
    and more, else the widest that its format has. ValueError for a format that is not written."""
    name = written_format(path)
    order, there = list(WIDTHS), soundfile.available_subtypes(name)
    needed = order.index(subtype if subtype in WIDTHS else NEEDED.get(subtype, order[0]))
    wider = [width for width in order[needed:] if width in there]
    if wider:
        return wider[0]
    finest = next(width for width in reversed(order) if width in there)
    logger.warning("%s: %s becomes %s, the finest that %s has", printable(path), subtype, finest, name)
    return finest


def written_format(path: Path) -> str:
    """The format that the suffix stands for, WAV for a pipe or device without one; ValueError unless it is written
    here, which is without loss."""
    if not path.suffix and path.exists() and identity(path) is None:
        return "WAV"
    if path.suffix.lower() not in WRITTEN:
        raise ValueError(f"expected OUT to end in {', '.join(WRITTEN)}, got {path.name}")
    return FORMATS[path.suffix.lower()]


def write_audio(path: str | Path, waveform: Audio, sample_rate: int, subtype: str = "PCM_16") -> None:
    """Write (S,) or (C, S), all or nothing; the suffix decides the format. What integers clip beyond [-1, 1] is
    counted in the log. ValueError for what the format cannot hold, OSError when it cannot be written."""
    path, rows = Path(path), np.atleast_2d(waveform)
    data = encode(rows, sample_rate, written_format(path), subtype, path)
    num_clipped = int((np.abs(rows) > 1.0).sum()) if subtype.startswith("PCM") else 0
    if num_clipped:
        logger.warning(
            "%s: clipped %d of %d samples, which are beyond full scale: %s has no more",
            printable(path), num_clipped, rows.size, subtype,
        )  # fmt: skip
    write_whole(path, data)


def encode(rows: Audio, sample_rate: int, name: str, subtype: str, path: Path) -> bytes:
    """(C, S) as a file of format `name`; `path`, for which it is, is named when the format cannot hold it."""
    if name == "WAV" and rows.size * WIDTHS[subtype] > WAV_LIMIT:
        name = "RF64"
    stream = io.BytesIO()
    try:
        with soundfile.SoundFile(stream, "w", sample_rate, len(rows), subtype, format=name) as file:
            for first in range(0, rows.shape[1], BLOCK):
                file.write(rows[:, first : first + BLOCK].T)
    except (soundfile.SoundFileError, TypeError, ValueError) as error:
        what = f"{len(rows)} channels at {sample_rate} Hz"
        reason = getattr(error, "error_string", str(error))
        reason = "FLAC has at most 8 channels" if name == "FLAC" and len(rows) > 8 else reason
        raise ValueError(
            f"expected what {name} can hold, got {what} for {path} (a .wav holds most): {reason}"
        ) from error
    return stream.getvalue()
