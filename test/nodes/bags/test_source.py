"""Bags that were split, compressed, cut, damaged, or lack what describes them: what is there is read, with a word."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from recordings import Recorded, people, types_with, without_index, write
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin

from dvae_nodes.bags.source import SourceBag
from dvae_nodes.lifecycle.reporting import Reporter

TYPES = types_with()
MESSAGES = people(TYPES, count=40)
TIMES = [each.time for each in MESSAGES]
PLUGINS = (StoragePlugin.MCAP, StoragePlugin.SQLITE3)


def read(path: Path) -> tuple[list[int], list[str]]:
    """Times of the messages, and what was reported."""
    said: list[str] = []
    with closing(SourceBag(path, Reporter(said.append))) as bag:
        found = list(bag.messages())
    data = {each.time: bytes(TYPES.store.serialize_cdr(each.message, each.type)) for each in MESSAGES}
    assert all(message.data == data[message.time] for message in found)
    return [message.time for message in found], said


def storage(path: Path) -> Path:
    return next(each for each in sorted(path.iterdir()) if each.suffix in (".mcap", ".db3", ".zstd"))


def cut(path: Path, part: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])


@pytest.fixture
def bag(tmp_path: Path) -> Callable[..., Path]:
    return lambda plugin=StoragePlugin.MCAP, name="in", **how: write(tmp_path / name, TYPES, MESSAGES, plugin, **how)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_whole_bag_is_read_without_a_word(bag: Callable[..., Path], plugin: StoragePlugin) -> None:
    path = bag(plugin)
    for given in (path, storage(path), path / "metadata.yaml"):
        assert read(given) == (TIMES, [])


@pytest.mark.parametrize("plugin", PLUGINS)
def test_without_metadata(bag: Callable[..., Path], plugin: StoragePlugin) -> None:
    path = bag(plugin)
    (path / "metadata.yaml").unlink()
    assert read(path) == (TIMES, [])


@pytest.mark.parametrize("text", ["", "[[[[", "a: [b", "rosbag2_bagfile_information: 3", "\x00", "x: &a [*a]"])
def test_metadata_that_is_none(bag: Callable[..., Path], text: str) -> None:
    path = bag()
    (path / "metadata.yaml").write_text(text)
    times, said = read(path)
    assert times == TIMES
    assert "metadata.yaml: expected the description of a bag" in said[0]


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_cut_file_is_read_up_to_the_cut(bag: Callable[..., Path], plugin: StoragePlugin, part: float) -> None:
    path = bag(plugin)
    cut(storage(path), part)
    times, said = read(path)
    assert times == TIMES[: len(times)]
    assert len(times) >= (part - 0.35) * len(TIMES)  # what describes the topics comes first
    assert len(said) == 1
    assert "expected a whole file, got one that is cut or damaged" in said[0]


def test_damage_inside_a_chunk_costs_what_it_hit(bag: Callable[..., Path]) -> None:
    path = storage(bag())
    data = bytearray(path.read_bytes())
    place = data.index(bytes(TYPES.store.serialize_cdr(MESSAGES[20].message, MESSAGES[20].type)))
    data[place + 4] ^= 0xFF  # seconds of the stamp in the header: the checksum of nothing, but that of the chunk
    data[-40:] = bytes(40)
    path.write_bytes(data)
    said: list[str] = []
    with closing(SourceBag(path, Reporter(said.append))) as found:
        assert [message.time for message in found.messages()] == TIMES
    assert len(said) == 1


@pytest.mark.parametrize("mode", [CompressionMode.FILE, CompressionMode.MESSAGE])
@pytest.mark.parametrize("plugin", PLUGINS)
def test_compressed_bags(bag: Callable[..., Path], plugin: StoragePlugin, mode: CompressionMode) -> None:
    path = bag(plugin, compression=(mode, CompressionFormat.ZSTD))
    assert read(path) == (TIMES, [])
    (path / "metadata.yaml").unlink()
    assert read(path) == (TIMES, [])


def test_split_bags_are_one_and_a_missing_part_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "walk"
    folder.mkdir()
    names = []
    for number, first in enumerate(range(0, 40, 4)):  # walk_10 comes after walk_9
        part = write(tmp_path / f"part{number}", TYPES, MESSAGES[first : first + 4])
        names.append(f"walk_{number + 1}.mcap")
        shutil.copy(storage(part), folder / names[-1])
    assert read(folder) == (TIMES, [])
    listing = "".join(f"\n  - {name}" for name in names)
    (folder / "metadata.yaml").write_text(f"rosbag2_bagfile_information:\n  relative_file_paths:{listing}\n")
    (folder / "walk_3.mcap").unlink()
    (folder / "walk_4.mcap").write_bytes(b"")
    times, said = read(folder)
    assert times == TIMES[:8] + TIMES[16:]
    assert "expected 10 files, walk_3.mcap missing: the others are read" in said[0]
    assert "walk_4.mcap: left out: expected mcap or sqlite3, got an empty file" in said[1]


def test_messages_without_index_and_out_of_order(tmp_path: Path) -> None:
    swapped = [MESSAGES[k ^ 1] for k in range(len(MESSAGES))]
    path = without_index(tmp_path / "fast.mcap", TYPES, swapped)
    assert read(path) == (TIMES, [])  # it is whole: some recorders write so


def test_what_a_killed_recorder_left_in_the_log_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "in", TYPES, MESSAGES[:10], StoragePlugin.SQLITE3)
    (database,) = path.glob("*.db3")
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode = WAL")
    for each in MESSAGES[10:]:
        data = bytes(TYPES.store.serialize_cdr(each.message, each.type))
        connection.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (1, ?, ?)", (each.time, data))
    connection.commit()
    left = tmp_path / "left"
    shutil.copytree(path, left)  # as the file system is when it is killed
    connection.close()
    before = {each.name: each.read_bytes() for each in left.iterdir()}
    assert read(left)[0] == TIMES
    assert {each.name: each.read_bytes() for each in left.iterdir()} == before


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "which is empty"),
        ({"a.txt": b"x"}, "without .mcap or .db3 file"),
        ({"old.bag": b"#ROSBAG V2.0\n"}, "a bag of ROS 1: convert it with `rosbags-convert --src .*old.bag --dst"),
        ({"a.mcap": b"\x89MCAP0\r\n", "b.mcap": b"\x89MCAP0\r\n"}, r"which holds 2 \(a, b\): name one of them"),
        ({"a/x.db3": b"", "b/x.db3": b""}, r"which holds 2 \(a, b\): name one of them"),
        ({"a.mcap": b""}, "a.mcap: expected mcap or sqlite3, got an empty file"),
        ({"a.mcap": b"\x89MCAP0\r\n"}, "a.mcap: expected topics, got none that can be read"),
        ({"a.db3": b"SQLite format 3\0" + bytes(84)}, "a.db3: expected the tables of a bag, got"),
    ],
)
def test_what_is_no_bag_is_refused_in_one_line(tmp_path: Path, files: dict[str, bytes], text: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    with pytest.raises(ValueError, match=text):
        SourceBag(folder, Reporter(lambda _: None))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "an empty file"),
        (b"RIFFxxxxWAVE", "12 bytes of another kind"),
        (b"#ROSBAG V2.0\n", "a bag of ROS 1"),
    ],
)
def test_a_file_that_is_no_bag(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "x.mcap").write_bytes(data)
    with pytest.raises(ValueError, match=text):
        SourceBag(tmp_path / "x.mcap", Reporter(lambda _: None))


def test_a_length_beyond_the_file_takes_no_memory(bag: Callable[..., Path]) -> None:
    path = storage(bag())
    data = bytearray(path.read_bytes())
    for place in range(len(data) - 600, len(data) - 40, 8):  # in the index
        data[place : place + 8] = (2**62).to_bytes(8, "little")
    path.write_bytes(data)
    times, said = read(path)
    assert times == TIMES
    assert len(said) == 1


def test_a_time_that_no_bag_can_hold_is_left_out(tmp_path: Path) -> None:
    path = without_index(
        tmp_path / "late.mcap", TYPES, [*MESSAGES[:2], Recorded(*MESSAGES[2][:2], 2**64 - 1, MESSAGES[2][3])]
    )
    times, said = read(path)
    assert times == TIMES[:2]
    assert "expected a time of 0 to 9223372036854775807 ns, got 18446744073709551615" in said[-1]
