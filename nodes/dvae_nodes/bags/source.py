"""A recorded bag as it is found: split, compressed, cut, without metadata; what is there is read, with a word."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rosbags.interfaces import MessageDefinitionFormat

from dvae_nodes.bags.damaged_mcap import DamagedMcap
from dvae_nodes.bags.damaged_sqlite import DamagedSqlite, companions, surplus
from dvae_nodes.bags.files import ZSTD_MAGIC, kind_of, storage_files
from dvae_nodes.bags.storage import BagMessage, BagTopic, NoIndexError, Storage, WholeFile, ZstdDecompressor, merged
from dvae_nodes.lifecycle.reporting import Reporter

PIECE = 1 << 20
LAST_TIME = 2**63 - 1


class BagFile:
    """One storage file: read by rosbags as long as that can, and by our own readers from where it cannot.

    Raises ValueError or OSError where nothing can be read. scratch: a folder for copies.
    """

    def __init__(self, path: Path, scratch: Path, reporter: Reporter) -> None:
        self._name, self._scratch, self._reporter = path.name, scratch, reporter
        kind = kind_of(path)
        if kind == "zstd":
            path = unpacked(path, scratch)
            kind = kind_of(path)
        if kind not in ("mcap", "sqlite3"):
            size = path.stat().st_size
            raise ValueError(
                f"expected mcap or sqlite3, got {f'{size} bytes of another kind' if size else 'an empty file'}"
            )
        self._path, self._is_mcap = path, kind == "mcap"
        self._storage = self._open()
        self.counts, self.start = self._storage.counts, self._storage.start

    def messages(self) -> Iterator[BagMessage]:
        """In the order of their time."""
        last = -1
        try:
            for message in self._storage.messages():
                yield message
                last = message.time
        except Exception as error:  # what rosbags raises for damage is of many kinds
            self._say(error)
            if isinstance(self._storage, WholeFile):
                yield from self._rest(last)

    def _rest(self, last: int) -> Iterator[BagMessage]:
        """What comes after time `last` and can still be read."""
        try:
            for message in self._damaged().messages():
                if message.time > last:
                    yield message
        except Exception as error:
            self._say(error)

    def _open(self) -> Storage:
        if self._is_mcap or not companions(self._path):  # rosbags looks past what is not yet in the file
            try:
                if not self._is_mcap and surplus(self._path):
                    raise ValueError("the last page is not whole")
                return WholeFile(self._path, self._is_mcap)
            except NoIndexError:  # recorded so
                return DamagedMcap(self._path)
            except Exception as error:
                self._say(error)
        return self._damaged()

    def _damaged(self) -> Storage:
        return DamagedMcap(self._path) if self._is_mcap else DamagedSqlite(self._path, self._scratch)

    def _say(self, error: Exception) -> None:
        cause = "it ends too early" if isinstance(error, TypeError) else str(error) or type(error).__name__
        text = f"{self._name}: expected a whole file, got one that is cut or damaged ({cause}): what is there is read"
        self._reporter.report(f"damaged {self._name}", text)


class SourceBag:
    """A bag to read. counts: messages by (topic, type); topics: by the same key. ValueError for what is no bag."""

    def __init__(self, path: Path, reporter: Reporter) -> None:
        self.name, self._reporter = path.name, reporter
        files = storage_files(path, reporter)
        self._scratch = tempfile.TemporaryDirectory(prefix="dvae-replay-")
        self._files: list[BagFile] = []
        try:
            for each in files:
                self._add(each, alone=len(files) == 1)
            if not self._files:
                raise ValueError(f"expected a bag, got {path}, of which no file can be read")
        except BaseException:
            self.close()
            raise
        self.topics: dict[tuple[str, str], BagTopic] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        for file in self._files:
            for topic, count in file.counts.items():
                self._merge(topic, count)

    def close(self) -> None:
        """Remove what was unpacked."""
        self._scratch.cleanup()

    def messages(self) -> Iterator[BagMessage]:
        """All messages of all files in the order of their time; those that cannot be are reported."""
        for topic, time, data in merged((file.start, file.messages) for file in self._files):
            known = self.topics.get((topic.name, topic.type))
            if known is None:
                continue
            if not 0 <= time <= LAST_TIME:
                text = f"{topic.name}: expected a time of 0 to {LAST_TIME} ns, got {time}: message left out"
                self._reporter.report(f"time {topic.name}", text)
                continue
            try:
                yield BagMessage(known, time, uncompressed(data))
            except ValueError as error:
                self._reporter.report(f"zstd {topic.name}", f"{topic.name}: message left out: {error}")

    def _add(self, path: Path, alone: bool) -> None:
        folder = Path(tempfile.mkdtemp(dir=self._scratch.name))
        try:
            self._files.append(BagFile(path, folder, self._reporter))
        except (ValueError, OSError) as error:
            if alone:
                raise ValueError(f"expected a ROS 2 bag (mcap or sqlite3), got {path}: {error}") from error
            self._reporter.report(f"unreadable {path.name}", f"{path}: left out: {error}")

    def _merge(self, topic: BagTopic, count: int) -> None:
        if topic.encoding != "cdr":
            text = f"{topic.name}: expected messages in CDR, got {topic.encoding!r}: left out"
            self._reporter.report(f"encoding {topic.name}", text)
            return
        key = (topic.name, topic.type)
        known = self.topics.setdefault(key, topic)
        if known.definition.format == MessageDefinitionFormat.NONE:
            self.topics[key] = topic
        self.counts[key] += count


def uncompressed(data: bytes) -> bytes:
    """A message that may have been compressed alone; ValueError where it is damaged."""
    if not data.startswith(ZSTD_MAGIC):  # serialised messages begin with 0
        return data
    try:
        return ZstdDecompressor().decompress(data)
    except Exception as error:
        raise ValueError(f"expected a compressed message, got one that is damaged: {error}") from error


def unpacked(path: Path, scratch: Path) -> Path:
    """A file of its content, as much as there is."""
    target, decompressor = scratch / path.name.removesuffix(".zstd"), ZstdDecompressor()
    with path.open("rb") as packed, target.open("wb") as out:
        while piece := packed.read(PIECE):
            try:
                out.write(decompressor.decompress(piece))
            except OSError:
                raise
            except Exception:  # damaged, or there is more behind the end
                break
    return target
