"""An mcap file without end or index, or with damage inside: everything that can still be read, in the order of time.

The format is that of https://mcap.dev/spec. The file is walked through record by record until one makes no sense; of a
chunk that is cut or damaged, what can be decompressed is read.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from lz4.frame import LZ4FrameDecompressor
from rosbags.interfaces import MessageDefinition, Qos
from rosbags.rosbag2.storage_mcap import get_qos

from dvae_nodes.bags.storage import BagMessage, BagTopic, ZstdDecompressor, as_definition, merged

FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, DATA_END, LAST_KNOWN = 2, 3, 4, 5, 6, 15, 15
RECORD = struct.Struct("<BQ")  # kind, length of what follows
CHUNK_HEAD = struct.Struct("<QQQI")  # first time, last time, uncompressed size, checksum
MESSAGE_HEAD = struct.Struct("<HIQQ")  # channel, number, times of receipt and publication
MAGIC_BYTES = 8
PIECE = 4096  # bytes that are decompressed at once
DECOMPRESSORS = {"zstd": ZstdDecompressor, "lz4": LZ4FrameDecompressor}
RUN_BYTES = 1 << 20  # messages outside of chunks are read in runs of about this size


class Block(NamedTuple):
    """A part of the file that holds records."""

    offset: int
    size: int
    compression: str


class DamagedMcap:
    """`Storage` of a file that rosbags cannot read; ValueError where nothing can be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._schemas: dict[int, tuple[str, MessageDefinition]] = {}
        self._channels: dict[int, BagTopic] = {}
        self._blocks: list[tuple[int, Block]] = []  # with the time of their first message
        self.counts: Counter[BagTopic] = Counter()
        with path.open("rb") as stream:
            for block in blocks(stream, path.stat().st_size):
                self._look_into(stream, block)
        if not self._channels:
            raise ValueError("expected topics, got none that can be read")
        self.counts.update(dict.fromkeys(self._channels.values(), 0))
        self.start = min((time for time, _ in self._blocks), default=0)

    def messages(self) -> Iterator[BagMessage]:
        """In the order of their time."""
        with self._path.open("rb") as stream:
            yield from merged((time, partial(self._in_order, stream, block)) for time, block in self._blocks)

    def _look_into(self, stream: IO[bytes], block: Block) -> None:
        """Topics and counts of a block."""
        times = []
        for kind, body in records(content(stream, block)):
            try:
                if kind == SCHEMA:
                    number, rest = struct.unpack_from("<H", body)[0], body[2:]
                    name, encoding, text = strings(rest, 3)
                    self._schemas[number] = (name, as_definition(encoding, text))
                elif kind == CHANNEL:
                    self._add_channel(body)
                elif kind == MESSAGE:
                    number, _, time, _ = MESSAGE_HEAD.unpack_from(body)
                    self.counts[self._channels[number]] += 1
                    times.append(time)
            except (struct.error, KeyError, UnicodeDecodeError):  # damaged
                continue
        if times:
            self._blocks.append((min(times), block))

    def _add_channel(self, body: memoryview) -> None:
        number, schema = struct.unpack_from("<HH", body)
        topic, encoding = strings(body[4:], 2)
        name, definition = self._schemas[schema]
        metadata = bytes(body[4 + 8 + len(topic.encode()) + len(encoding.encode()) + 4 :])
        known = BagTopic(topic, name, definition, offered_qos(metadata), encoding)
        self._channels.setdefault(number, known)

    def _in_order(self, stream: IO[bytes], block: Block) -> list[BagMessage]:
        found = []
        for kind, body in records(content(stream, block)):
            if kind == MESSAGE and len(body) >= MESSAGE_HEAD.size:
                number, _, time, _ = MESSAGE_HEAD.unpack_from(body)
                if number in self._channels:
                    found.append(BagMessage(self._channels[number], time, bytes(body[MESSAGE_HEAD.size :])))
        return sorted(found, key=lambda message: message.time)


def blocks(stream: IO[bytes], size: int) -> Iterator[Block]:
    """The parts of a file of `size` bytes that hold records, as far as its records make sense."""
    at = first = MAGIC_BYTES
    while at + RECORD.size <= size:
        stream.seek(at)
        kind, length = RECORD.unpack(stream.read(RECORD.size))
        if kind in (FOOTER, DATA_END) or not 0 < kind <= LAST_KNOWN:
            break
        if kind == CHUNK or at - first > RUN_BYTES:
            yield Block(first, at - first, "")
            first = at
        inside, at = at + RECORD.size, at + RECORD.size + length
        if kind == CHUNK:
            stream.seek(inside)
            head = stream.read(min(length, CHUNK_HEAD.size + 4 + 16 + 8))
            try:
                (compression,) = strings(memoryview(head)[CHUNK_HEAD.size :], 1)
            except (struct.error, UnicodeDecodeError):
                break
            begin = inside + CHUNK_HEAD.size + 4 + len(compression.encode()) + 8
            yield Block(begin, max(min(at, size) - begin, 0), compression)
            first = at
    yield Block(first, max(min(at, size) - first, 0), "")


def content(stream: IO[bytes], block: Block) -> memoryview:
    """The records of a block, those that can be decompressed."""
    stream.seek(block.offset)
    data = stream.read(block.size)
    return memoryview(decompressed(data, block.compression) if block.compression else data)


def decompressed(data: bytes, compression: str) -> bytes:
    """As much as there is; nothing for an unknown compression."""
    found = bytearray()
    with suppress(Exception):  # the libraries have their own kinds of error; what came before one is right
        decompress = DECOMPRESSORS[compression]().decompress
        for first in range(0, len(data), PIECE):
            found += decompress(data[first : first + PIECE])
    return bytes(found)


def records(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Kind and body of each record that is whole."""
    at = 0
    while at + RECORD.size <= len(data):
        kind, length = RECORD.unpack_from(data, at)
        at += RECORD.size + length
        if at > len(data):
            return
        yield kind, data[at - length : at]


def strings(data: memoryview, count: int) -> list[str]:
    """The `count` strings at the beginning; struct.error where they are cut."""
    found, at = [], 0
    for _ in range(count):
        (length,) = struct.unpack_from("<I", data, at)
        (text,) = struct.unpack_from(f"<{length}s", data, at + 4)
        found.append(text.decode())
        at += 4 + length
    return found


def offered_qos(metadata: bytes) -> tuple[Qos, ...]:
    """The profiles in a channel's metadata, none where they cannot be read."""
    try:
        return tuple(get_qos(metadata))
    except Exception:  # YAML from a damaged file
        return ()
