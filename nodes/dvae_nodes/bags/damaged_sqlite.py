"""A sqlite3 file that was cut, damaged, or left by a recorder that was killed: its rows as far as they can be read.

A copy is made where a journal or a write-ahead log lies beside the file (SQLite puts it to rights, but in the file),
and of a file that ends within a page.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import MessageDefinition, Qos
from rosbags.rosbag2.metadata import parse_qos

from dvae_nodes.bags.storage import NO_DEFINITION, BagMessage, BagTopic, as_definition

QUERY = "SELECT id, topic_id, timestamp FROM messages"
FARTHEST = 1 << 40  # rows that may be damaged in a row


def companions(path: Path) -> list[Path]:
    """Journal or write-ahead log that lie beside a file because it was not closed."""
    beside = [path.with_name(path.name + ending) for ending in ("-wal", "-journal")]
    return [each for each in beside if each.is_file() and each.stat().st_size]


class DamagedSqlite:
    """`Storage` of a file that rosbags cannot read; ValueError where nothing can be read. scratch: a folder for a
    copy."""

    def __init__(self, path: Path, scratch: Path) -> None:
        left = companions(path)
        self._is_copy = bool(left)
        self._path = path
        cut = surplus(path)
        if left or cut:
            for each in (path, *left):
                shutil.copy(each, scratch / each.name)
            self._path = scratch / path.name
        if cut:
            os.truncate(self._path, path.stat().st_size - cut)
        self.counts: Counter[BagTopic] = Counter()
        try:
            with closing(self._connect()) as database:
                self._topics = topics(database)
                self._rows = rows(database)
        except sqlite3.Error as error:
            raise ValueError(f"expected the tables of a bag, got: {error}") from error
        known = np.isin(self._rows[:, 1], list(self._topics))
        self._rows = self._rows[known]
        for number, topic in self._topics.items():
            self.counts[topic] += int(np.sum(self._rows[:, 1] == number))
        self.start = int(self._rows[0, 2]) if len(self._rows) else 0

    def messages(self) -> Iterator[BagMessage]:
        """In the order of their time."""
        with closing(self._connect()) as database:
            for row, topic, time in self._rows.tolist():
                with suppress(sqlite3.Error):  # the rest of this row is beyond the end
                    for (data,) in database.execute("SELECT data FROM messages WHERE id = ?", (row,)):
                        yield BagMessage(self._topics[topic], time, bytes(data))

    def _connect(self) -> sqlite3.Connection:
        if self._is_copy:
            return sqlite3.connect(self._path)
        database = sqlite3.connect(f"{self._path.absolute().as_uri()}?immutable=1", uri=True)
        database.execute("PRAGMA writable_schema = ON")  # otherwise a file that is shorter than it says is refused
        return database


def surplus(path: Path) -> int:
    """Bytes of a last page that is not whole. SQLite would fill it with zeros, and read these as messages."""
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(18)[16:18], "big") or 1
    return path.stat().st_size % (65536 if size == 1 else size)


def topics(database: sqlite3.Connection) -> dict[int, BagTopic]:
    """The topics by their number; sqlite3.Error where there is no such table."""
    columns = {column[1] for column in database.execute("PRAGMA table_info(topics)")}
    optional = "offered_qos_profiles" if "offered_qos_profiles" in columns else "''"
    definitions: dict[str, MessageDefinition] = {}
    with suppress(sqlite3.Error):  # older bags have none
        query = "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
        for kind, encoding, text in database.execute(query):
            definitions[kind] = as_definition(encoding, text)
    found = {}
    for number, name, kind, encoding, qos in database.execute(
        f"SELECT id, name, type, serialization_format, {optional} FROM topics"
    ):
        parsed: tuple[Qos, ...] = ()
        with suppress(Exception):  # YAML from a damaged file
            parsed = tuple(parse_qos(qos))
        found[number] = BagTopic(name, kind, definitions.get(kind, NO_DEFINITION), parsed, encoding)
    return found


def rows(database: sqlite3.Connection) -> NDArray[np.int64]:
    """Number, topic and time of each message that can be reached, by time (N, 3)."""
    found = array("q")
    last, step = -1, 1
    while step < FARTHEST:
        try:
            for row in database.execute(f"{QUERY} WHERE id > ? ORDER BY id", (last,)):
                found.extend(row)
                last, step = row[0], 1
            break
        except sqlite3.Error:  # a damaged page: what is behind it?
            last, step = last + step, 2 * step
        except (TypeError, OverflowError):  # no numbers
            break
    whole = len(found) // 3 * 3
    table = np.array(found[:whole], dtype=np.int64).reshape(-1, 3)
    return table[np.lexsort((table[:, 0], table[:, 2]))]
