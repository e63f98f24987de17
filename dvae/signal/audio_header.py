"""Lengths in the headers of audio files that are not true: a recorder that was killed leaves 0 there, a pipe nothing,
or what it was at some time before, and a file that was cut off promises more than it holds.

libsndfile reads what is there when a header promises too much, but believes one that says 0, or too little.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO, NamedTuple

UNKNOWN = 0xFFFFFFFF  # as a length in 32 bits: libsndfile then takes what is there
COMMENTS = (b"LIST", b"id3 ", b"ID3 ", b"bext", b"iXML", b"cue ", b"smpl")  # chunks that may come after the sound
STRAY = 4096  # bytes behind the sound that are no chunk, such as a tag of another format, which some programs leave


class Length(NamedTuple):
    """Where the header says how long the sound is, how (struct), how many bytes it says, and how many there are."""

    offset: int
    kind: str
    said: int
    present: int


class InMemory(io.BytesIO):
    """A file in memory for libsndfile, which seeks to wherever a header says."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of all files, but from a place that there cannot be it goes nowhere."""
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return self.tell()


def with_true_length(stream: BinaryIO) -> tuple[BinaryIO, str]:
    """A seekable stream of an audio file from its beginning: the same, or where its header says a length that is not
    true, or it is a pipe, a copy in memory, mended; and what was wrong with the length, for people, or ""."""
    if not stream.seekable():
        stream = InMemory(stream.read())
    length, remark = _length(stream), ""
    if length is not None and length.said != length.present:
        remark = f"its header says {length.said:,} bytes of sound, {length.present:,} are there and read"
        stream = _mended(stream, length)
    elif _is_cut_ogg(stream):
        remark = "it was cut off; what is there is read"
    stream.seek(0)
    return stream, remark


def _mended(stream: BinaryIO, length: Length) -> BinaryIO:
    stream.seek(0)
    data = bytearray(stream.read())
    if data.startswith((b"RF64", b"BW64")):  # whose long length stands elsewhere: take the short one
        data[:4] = b"RIFF"
    true = length.present if length.kind == ">q" else min(length.present, UNKNOWN)
    data[length.offset : length.offset + struct.calcsize(length.kind)] = struct.pack(length.kind, true)
    return InMemory(data)


def _length(stream: BinaryIO) -> Length | None:
    """Of the sound in a WAV, RF64, AIFF, AU or CAF file; None where there is none to be found, or it need not be."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    head = stream.read(40)
    magic, form = head[:4], head[8:12]
    if magic in (b".snd", b"dns.") and len(head) >= 12:
        kind = ">I" if magic == b".snd" else "<I"
        start, said = struct.unpack(kind[0] + "II", head[4:12])
        present = max(0, size - start)
        return None if said == UNKNOWN or 0 < said <= present else Length(8, kind, said, present)
    if magic in (b"RIFF", b"RIFX", b"RF64", b"BW64") and form == b"WAVE":
        found = _chunk(stream, size, b"data", ">I" if magic == b"RIFX" else "<I", 12)
        if found is not None and found.said == UNKNOWN and head[12:16] == b"ds64" and len(head) >= 36:
            found = found._replace(said=struct.unpack("<Q", head[28:36])[0])
            return None if 0 < found.said <= found.present else found
        return found
    if magic == b"FORM" and form in (b"AIFF", b"AIFC"):
        return _chunk(stream, size, b"SSND", ">I", 12)
    if magic == b"caff":
        return _chunk(stream, size, b"data", ">q", 8)
    return None


def _chunk(stream: BinaryIO, size: int, wanted: bytes, kind: str, position: int) -> Length | None:
    """The length of chunk `wanted`, after the chunks before it; None also where it can be true: after the sound come
    nothing but whole chunks, or a few bytes."""
    num_bytes = struct.calcsize(kind)
    while True:
        stream.seek(position)
        head = stream.read(4 + num_bytes)
        if len(head) < 4 + num_bytes:
            return None
        (said,), start = struct.unpack(kind, head[4:]), position + 4 + num_bytes
        after = start + said + (said % 2 if num_bytes == 4 else 0)
        if head[:4] == wanted:
            is_true = _ends_in_chunks(stream, size, kind, after) or (said > 0 and 0 <= size - after <= STRAY)
            end = _sound_end(stream, size, kind, start)
            return None if is_true and said >= 0 else Length(position + 4, kind, said, end - start)
        if said < 0 or not _is_name(head[:4]):
            return None
        position = after


def _ends_in_chunks(stream: BinaryIO, size: int, kind: str, position: int) -> bool:
    """Whether from `position` on there are nothing but whole chunks, to the end of the file."""
    num_bytes = struct.calcsize(kind)
    while position < size:
        stream.seek(position)
        head = stream.read(4 + num_bytes)
        if len(head) < 4 + num_bytes or not _is_name(head[:4]):
            return False
        (said,) = struct.unpack(kind, head[4:])
        if said < 0:
            return False
        position += 4 + num_bytes + said + (said % 2 if num_bytes == 4 else 0)
    return position in (size, size + 1)  # a last pad byte may be missing


def _is_name(letters: bytes) -> bool:
    return all(32 <= letter < 127 for letter in letters)


def _sound_end(stream: BinaryIO, size: int, kind: str, start: int) -> int:
    """Where chunks of comments begin that go on to the end of the file; its end where there are none."""
    first = max(start, size - 65536)
    stream.seek(first)
    tail = stream.read()
    places = [tail.find(name) for name in COMMENTS]
    ends = [first + at for at in places if at >= 0 and _ends_in_chunks(stream, size, kind, first + at)]
    return min(ends, default=size)


def _is_cut_ogg(stream: BinaryIO) -> bool:
    """Whether an Ogg file does not end with a whole page that says that it is the last."""
    stream.seek(0)
    if stream.read(4) != b"OggS":
        return False
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - 70_000))  # a page has at most 65,307 bytes
    tail = stream.read()
    page = tail[tail.rfind(b"OggS") :]
    lengths = page[27 : 27 + page[26]] if len(page) > 26 else b""
    is_whole = len(page) > 26 and len(page) >= 27 + page[26] + sum(lengths)
    return not (is_whole and page[5] & 4)
