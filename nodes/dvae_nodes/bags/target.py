"""The bag that is written: at every moment a whole one, but for the last second, even when the process is killed.

The writer of rosbags ends a file when it is closed. Here the end (index, footer, metadata.yaml) is also written each
second behind what is there, and overwritten by what comes next; so the finished file does not depend on when that was.
"""

from __future__ import annotations

import copy
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from io import StringIO
from pathlib import Path
from typing import IO, Any, cast

from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore
from ruamel.yaml import YAML

from dvae_nodes.bags.storage import BagMessage
from dvae_nodes.lifecycle.pipeline import handle
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.messages import BagTypes, Output
from dvae_nodes.wire.topics import is_latched

SAVE_SECONDS = 1.0
SAVE_BYTES = 64 << 20
NO_HASH = f"RIHS01_{0:064x}"
FOREVER = QosTime(9223372036, 854775807)
LATCHED = Qos(
    QosHistory.KEEP_LAST,
    1,
    QosReliability.RELIABLE,
    QosDurability.TRANSIENT_LOCAL,
    FOREVER,
    FOREVER,
    QosLiveliness.AUTOMATIC,
    FOREVER,
    False,
)


class Body:
    """What an mcap writer writes to: kept here until it goes to the file together with an end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._written = file, file.tell()
        self._kept = bytearray()

    @property
    def kept(self) -> int:
        """Bytes that are not in the file yet."""
        return len(self._kept)

    def write(self, data: bytes | memoryview) -> int:
        """Keep it."""
        self._kept += data
        return len(data)

    def tell(self) -> int:
        """Where the next byte will be."""
        return self._written + len(self._kept)

    def save(self, end: bytes = b"") -> None:
        """Everything so far to the file, with an end that what comes next replaces."""
        self._file.seek(self._written)
        self._file.write(self._kept)
        self._file.write(end)
        self._file.truncate()
        self._file.flush()
        self._written += len(self._kept)
        self._kept.clear()

    def close(self) -> None:
        """Everything to the file."""
        self.save()
        self._file.close()


class End:
    """In the place of `Body` while an end is made."""

    def __init__(self, begin: int) -> None:
        self._begin, self.data = begin, bytearray()

    def write(self, data: bytes | memoryview) -> int:
        """As Body.write."""
        self.data += data
        return len(data)

    def tell(self) -> int:
        """As Body.tell."""
        return self._begin + len(self.data)

    def close(self) -> None:
        """It is not the file that ends."""


class Finished:
    """In the place of a storage writer, when it is closed. The name of the folder goes into metadata.yaml alone, not
    into the file: the same bag gives the same file."""

    def __init__(self, storage: Any) -> None:
        self.path, self._storage = storage.path, storage

    def close(self, version: int, metadata: str) -> None:
        """End the file."""
        self._storage.close(version, nameless(metadata, self.path.suffix))


class UnfinishedMcap(Finished):
    """The same, but the writer goes on."""

    def close(self, version: int, metadata: str) -> None:
        """Write the chunk that is not full yet, index and footer."""
        twin = copy.copy(self._storage)
        twin.chunks, twin.bio = list(self._storage.chunks), End(self._storage.bio.tell())
        twin.close(version, nameless(metadata, self.path.suffix))
        self._storage.bio.save(bytes(twin.bio.data))


class UnfinishedSqlite(Finished):
    """The same for sqlite3: what was committed goes from the write-ahead log to the file."""

    def close(self, version: int, metadata: str) -> None:
        """Bring the file up to date."""
        self._storage.conn.commit()
        self._storage.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


class TargetBag:
    """Writes a bag and counts the results in it by topic. Raises ValueError for a target that exists, OSError where it
    cannot be written."""

    def __init__(self, path: Path, types: BagTypes, reporter: Reporter) -> None:
        if path.exists() or path.is_symlink():
            raise ValueError(f"expected an output bag that does not exist yet, got {path}")
        plugin = StoragePlugin.SQLITE3 if path.suffix == ".db3" or "sqlite" in path.suffix else StoragePlugin.MCAP
        self._types, self._reporter = types, reporter
        self._connections: dict[tuple[str, str], Connection] = {}
        self.counts: Counter[str] = Counter()
        self._writer = Writer(path, version=9, storage_plugin=plugin)
        with as_os_error():
            self._writer.open()
        self._storage = cast(Any, self._writer.storage)
        self._is_mcap = plugin == StoragePlugin.MCAP
        if self._is_mcap:
            self._storage.bio = Body(self._storage.bio)
        else:  # the log keeps what is committed after each message, and costs little
            for pragma in ("journal_mode = WAL", "synchronous = OFF"):
                self._storage.conn.execute(f"PRAGMA {pragma}").fetchall()
        self._saved = time.monotonic()
        self._save()

    def copy(self, message: BagMessage) -> None:
        """A message as it is in the input."""
        topic = message.topic
        with as_os_error():
            self._write(topic.name, topic.type, topic.qos, message.time, message.data)

    def write(self, results: Sequence[Output], when: int) -> None:
        """Results of a message received at `when` ns; those that are not of their type are reported."""
        for topic, kind, message in results:
            data = handle(self._reporter, topic, partial(self._types.store.serialize_cdr, message, kind))
            if data is not None:
                with as_os_error():
                    self._write(topic, kind, (LATCHED,) if is_latched(topic) else (), when, bytes(data))
                self.counts[topic] += 1

    def commit(self) -> None:
        """A message and its results are written: from here on they are not lost for more than a second."""
        with as_os_error():
            if not self._is_mcap:
                self._storage.conn.commit()
            if time.monotonic() - self._saved > SAVE_SECONDS or (self._is_mcap and self._storage.bio.kept > SAVE_BYTES):
                self._save()

    def close(self) -> None:
        """Make it whole for good."""
        with as_os_error():
            if not self._is_mcap:
                self._storage.conn.commit()
                self._storage.conn.execute("PRAGMA journal_mode = DELETE").fetchall()
            self._closed(Finished)

    def _closed(self, end: type[Finished]) -> None:
        """Close a twin of the writer, so that `end` decides whether ours is closed."""
        twin: Any = copy.copy(self._writer)
        twin.storage = end(self._storage)
        twin.close()

    def _save(self) -> None:
        """Make it whole for now."""
        self._closed(UnfinishedMcap if self._is_mcap else UnfinishedSqlite)
        self._saved = time.monotonic()

    def _write(self, topic: str, kind: str, qos: Sequence[Qos], when: int, data: bytes) -> None:
        connection = self._connections.get((topic, kind))
        if connection is None:
            text, digest = definition(self._types.store, kind)
            connection = self._writer.add_connection(
                topic, kind, msgdef=text, rihs01=digest, offered_qos_profiles=list(qos)
            )
            self._connections[topic, kind] = connection
        self._writer.write(connection, when, data)


def nameless(metadata: str, suffix: str) -> str:
    """The description of a bag (YAML) with `bag` in the place of its file's name."""
    yaml = YAML(typ="safe")
    yaml.default_flow_style = False
    content = yaml.load(metadata)
    content["relative_file_paths"] = [f"bag{suffix}"]
    for each in content["files"]:
        each["path"] = f"bag{suffix}"
    text = StringIO()
    yaml.dump(content, text)
    return text.getvalue().strip()


@contextmanager
def as_os_error() -> Iterator[None]:
    """sqlite3 has its own error for a full disk."""
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(f"the output bag cannot be written: {error}") from error


def definition(store: Any, kind: str) -> tuple[str, str]:
    """Text and hash of a type; those of an empty message for one that the store does not have, or that cannot be
    hashed (wide strings): whoever opens the bag can read the other topics. No hash where the name is that of no message
    (actions, services)."""
    with suppress(Exception):  # a definition may refer to what is not there, or to itself
        return store.generate_msgdef(kind, ros_version=2)[0], store.hash_rihs01(kind)
    empty: Any = get_typestore(Stores.EMPTY)
    with suppress(TypesysError):
        empty.register(get_types_from_msg("", kind))
        return empty.generate_msgdef(kind, ros_version=2)[0], empty.hash_rihs01(kind)
    return "", NO_HASH
