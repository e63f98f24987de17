"""What a storage file of a bag gives: its topics, and its messages in the order of their time."""

from __future__ import annotations

import heapq
import io
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

from rosbags.interfaces import Connection, ConnectionExtRosbag2, MessageDefinition, MessageDefinitionFormat, Qos
from rosbags.rosbag2.storage_mcap import McapReader
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Reader

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor
else:
    from backports.zstd import ZstdDecompressor

__all__ = [
    "NO_DEFINITION",
    "BagMessage",
    "BagTopic",
    "NoIndexError",
    "Storage",
    "WholeFile",
    "ZstdDecompressor",
    "as_definition",
    "merged",
]

DEFINITION_FORMATS = {"ros2msg": MessageDefinitionFormat.MSG, "ros2idl": MessageDefinitionFormat.IDL}
NO_DEFINITION = MessageDefinition(MessageDefinitionFormat.NONE, "")


def as_definition(encoding: str, text: str) -> MessageDefinition:
    """The definition of a message as a bag has it; that of none in an encoding that is not known."""
    form = DEFINITION_FORMATS.get(encoding)
    return MessageDefinition(form, text) if form else NO_DEFINITION


class BagTopic(NamedTuple):
    """A topic, the type of its messages, their definition if the bag has it, the QoS profiles that were offered, and
    how messages are serialised ("cdr")."""

    name: str
    type: str
    definition: MessageDefinition
    qos: tuple[Qos, ...]
    encoding: str


class BagMessage(NamedTuple):
    """Serialised `data`, received at `time` ns."""

    topic: BagTopic
    time: int
    data: bytes


class Storage(Protocol):
    """One file. counts: messages of each topic; start: time of the first message in ns."""

    counts: Counter[BagTopic]
    start: int

    def messages(self) -> Iterator[BagMessage]:
        """All of them in the order of their time."""


Source: TypeAlias = "tuple[int, Callable[[], Iterable[BagMessage]]]"


def merged(sources: Iterable[Source]) -> Iterator[BagMessage]:
    """Messages of several sources, each in order, in the order of their time. A source is opened when its first message
    (at the given time or later) has its turn, so that few are open at once."""

    def lazily(start: int, opened: Callable[[], Iterable[BagMessage]]) -> Iterator[tuple[int, BagMessage | None]]:
        yield start, None
        for message in opened():
            yield message.time, message

    for _, found in heapq.merge(*(lazily(*source) for source in sources), key=lambda each: each[0]):
        if found is not None:
            yield found


class BoundedFile(io.BufferedReader):
    """Reads no more at once than there is: a damaged length would take all memory."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file."""
        return super().read(size if size is None else min(size, self._size))


class BoundedPath(type(Path())):  # type: ignore[misc]
    """Opens as a `BoundedFile`, to be read."""

    def open(self, *_: Any, **__: Any) -> Any:
        """The file."""
        return BoundedFile(self)


class NoIndexError(Exception):
    """An mcap file was written without chunks."""


class WholeFile:
    """A file that rosbags can read; NoIndexError, and whatever rosbags raises, where it cannot."""

    def __init__(self, path: Path, is_mcap: bool) -> None:
        self._path, self._is_mcap = path, is_mcap
        reader = self._reader()
        try:
            self.counts = Counter({_topic(found): found.msgcount for found in reader.connections})
            self.start = reader.metadata.start_time
            if isinstance(reader, McapReader) and self.counts.total() and not reader.chunks:
                raise NoIndexError  # rosbags wants such messages in order
        finally:
            reader.close()

    def messages(self) -> Iterator[BagMessage]:
        """In the order of their time."""
        reader = self._reader()
        try:
            topics = {found.id: _topic(found) for found in reader.connections}
            for connection, time, data in reader.messages(list(reader.connections)):
                yield BagMessage(topics[connection.id], time, data)
        finally:
            reader.close()

    def _reader(self) -> McapReader | Sqlite3Reader:
        reader = McapReader(BoundedPath(self._path)) if self._is_mcap else Sqlite3Reader(self._path)
        reader.open()
        return reader


def _topic(found: Connection) -> BagTopic:
    assert isinstance(found.ext, ConnectionExtRosbag2)
    qos, encoding = tuple(found.ext.offered_qos_profiles), found.ext.serialization_format
    return BagTopic(found.topic, found.msgtype, found.msgdef, qos, encoding)
