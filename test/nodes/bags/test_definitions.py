"""Types of a bag: by its own definitions, and by ours where it has none."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from make_bag import audio_types
from recordings import DETECTIONS, START, Recorded, as_humble, people, speech, types_with, write
from rosbags.rosbag2 import StoragePlugin
from rosbags.typesys import get_types_from_msg

from dvae_nodes.bags.definitions import bag_types
from dvae_nodes.bags.source import SourceBag
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.audio import AUDIO_KINDS
from dvae_nodes.wire.messages import BagTypes

FOXY = types_with("interfaces/vision_msgs_foxy/msg")
HUMBLE = types_with()


def read(path: Path) -> tuple[list[Any], list[str], BagTypes]:
    """Messages, what was reported, types."""
    said: list[str] = []
    with closing(SourceBag(path, Reporter(said.append))) as bag:
        types = bag_types(bag, Reporter(said.append))
        found = [types.store.deserialize_cdr(each.data, each.topic.type) for each in bag.messages()]
    return found, said, types


@pytest.mark.parametrize("types", [FOXY, HUMBLE], ids=["foxy", "humble"])
@pytest.mark.parametrize("has_definitions", [True, False])
def test_the_release_of_detections_is_found(tmp_path: Path, types: BagTypes, has_definitions: bool) -> None:
    path = write(tmp_path / "in", types, people(types), StoragePlugin.SQLITE3)
    found, said, known = read(path if has_definitions else as_humble(path))
    assert not said
    assert len(found) == 20
    fields = "vision_msgs/msg/Detection2D"
    assert known.fields_of(fields) == types.fields_of(fields)
    assert [each.bbox.size_x for each in found[3].detections] == [60, 70]


def test_empty_detections_do_not_decide(tmp_path: Path) -> None:
    empty = FOXY.make(DETECTIONS, header=people(FOXY)[0].message.header, detections=[])
    first = [Recorded("/cam/detections", DETECTIONS, START - k, empty) for k in range(1, 50)]
    path = as_humble(write(tmp_path / "in", FOXY, [*first, *people(FOXY)], StoragePlugin.SQLITE3))
    found, _, types = read(path)
    assert "tracking_id" in types.fields_of("vision_msgs/msg/Detection2D")
    assert len(found) == 69


@pytest.mark.parametrize("portaudio", [False, True])
def test_both_packages_of_audio_without_definitions(tmp_path: Path, portaudio: bool) -> None:
    kind = AUDIO_KINDS[0] if portaudio else AUDIO_KINDS[1]
    messages = speech(kind, "/audio", "" if portaudio else "/audio_info", portaudio)
    path = as_humble(write(tmp_path / "in", audio_types(portaudio), messages, StoragePlugin.SQLITE3))
    found, said, types = read(path)
    assert not said
    assert len(found) == len(messages)
    assert ("int16_data" in types.fields_of("audio_common_msgs/msg/AudioData")) == portaudio


def test_a_type_that_nobody_knows_stops_nothing(tmp_path: Path) -> None:
    types = types_with()
    types.store.register(get_types_from_msg("float32 rpm\n", "my_msgs/msg/Wheel"))
    wheel = Recorded("/wheel", "my_msgs/msg/Wheel", START, types.make("my_msgs/msg/Wheel", rpm=3.0))
    path = write(tmp_path / "in", types, [wheel, *people(types)], StoragePlugin.SQLITE3)
    assert len(read(path)[0]) == 21
    with closing(SourceBag(as_humble(path), Reporter(print))) as bag:
        said: list[str] = []
        known = bag_types(bag, Reporter(said.append))
        assert "my_msgs/msg/Wheel" not in known.store.types
        assert DETECTIONS in known.store.types
    assert said == ["/wheel: expected a definition of my_msgs/msg/Wheel, got none that can be read: copied, not read"]


@pytest.mark.parametrize(
    "text", ["float33 x\n", "what is this", "wstring w\n", "std_msgs/Headur header\n", "my_msgs/Wheel self\n"]
)
def test_a_definition_that_cannot_be_used_stops_nothing(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "in", HUMBLE, people(HUMBLE))
    good = "std_msgs/Header header\nvision_msgs/Detection2D[] detections\n"
    (file,) = path.glob("*.mcap")
    data = file.read_bytes()
    assert data.count(good.encode()) == 2  # in the chunk, and in the summary
    file.write_bytes(data.replace(good.encode(), text.ljust(len(good)).encode()))
    said: list[str] = []
    with closing(SourceBag(path, Reporter(said.append))) as bag:
        bag_types(bag, Reporter(said.append))
    assert not any("\n" in line for line in said)
