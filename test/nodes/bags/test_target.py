"""The output: whole at every moment, the same for the same input, with the qualities of service of what is in it."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from recordings import DETECTIONS, START, people, types_with
from rosbags.highlevel import AnyReader
from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat, QosDurability

from dvae_nodes.bags import target
from dvae_nodes.bags.source import SourceBag
from dvae_nodes.bags.storage import BagMessage, BagTopic
from dvae_nodes.bags.target import LATCHED, TargetBag
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire import topics
from dvae_nodes.wire.messages import Output

TYPES = types_with()
MESSAGES = people(TYPES, "/tracks/detections", count=15)
NO_DEFINITION = MessageDefinition(MessageDefinitionFormat.NONE, "")
BIG = BagMessage(BagTopic("/big", "my_msgs/msg/Big", NO_DEFINITION, (LATCHED,), "cdr"), START, bytes(100_000))


def fill(path: Path, copies: Path | None = None) -> None:
    """Write everything; after each message, what a killed process would leave is copied."""
    with closing(TargetBag(path, TYPES, Reporter(print))) as bag:
        for number, (topic, kind, time, message) in enumerate(MESSAGES):
            bag.copy(BIG._replace(time=time))
            bag.write([Output(topic, kind, message)], time)
            bag.commit()
            if copies is not None:
                shutil.copytree(path, copies / f"{number}{path.suffix}")


def counts(path: Path) -> Counter[str]:
    with AnyReader([path]) as reader:
        return Counter(connection.topic for connection, _, _ in reader.messages())


@pytest.mark.parametrize("suffix", ["", ".db3"])
def test_killed_at_any_moment_what_was_saved_can_be_read(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "SAVE_SECONDS", -1.0)  # the second is over after each message
    fill(tmp_path / f"out{suffix}", tmp_path)
    for number in range(len(MESSAGES)):
        left = tmp_path / f"{number}{suffix}"
        assert counts(left) == {"/big": number + 1, "/tracks/detections": number + 1}
        with closing(SourceBag(left, Reporter(print))) as bag:
            assert sum(1 for _ in bag.messages()) == 2 * (number + 1)


def test_between_two_saves_everything_committed_is_in_the_log_of_sqlite(tmp_path: Path) -> None:
    fill(tmp_path / "out.db3", tmp_path)
    with closing(SourceBag(tmp_path / "7.db3", Reporter(print))) as bag:
        assert sum(1 for _ in bag.messages()) == 16


@pytest.mark.parametrize("suffix", ["", ".db3"])
def test_the_file_depends_on_its_content_alone(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / f"a{suffix}")
    monkeypatch.setattr(target, "SAVE_SECONDS", -1.0)
    fill(tmp_path / f"another{suffix}")
    monkeypatch.setattr(target, "SAVE_BYTES", 0)
    fill(tmp_path / f"b{suffix}")
    files = [
        next(each for each in (tmp_path / f"{name}{suffix}").iterdir() if each.suffix != ".yaml").read_bytes()
        for name in ("a", "another", "b")
    ]
    assert files[0] == files[1] == files[2]
    assert counts(tmp_path / f"another{suffix}") == {"/big": 15, "/tracks/detections": 15}


def test_qualities_of_service_survive_and_ours_are_there(tmp_path: Path) -> None:
    header = convert.make_header(TYPES, START, "")
    listed = topics.BODIES.output(TYPES.make(topics.IDS_LIST, header=header, ids=["b1"]))
    with closing(TargetBag(tmp_path / "out", TYPES, Reporter(print))) as bag:
        bag.copy(BIG)
        bag.write([listed, Output("/tracks/detections", DETECTIONS, MESSAGES[0].message)], START)
    with AnyReader([tmp_path / "out"]) as reader:
        qos = {each.topic: each.ext.offered_qos_profiles for each in reader.connections}
    assert qos["/big"] == [LATCHED]
    assert [each.durability for each in qos["/humans/bodies/tracked"]] == [QosDurability.TRANSIENT_LOCAL]
    assert qos["/tracks/detections"] == []


def test_a_result_that_is_not_of_its_type_is_reported_and_the_rest_is_written(tmp_path: Path) -> None:
    said: list[str] = []
    with closing(TargetBag(tmp_path / "out", TYPES, Reporter(said.append))) as bag:
        wrong = Output("/wrong", DETECTIONS, MESSAGES[0].message.header)
        bag.write([wrong, Output("/right", DETECTIONS, MESSAGES[0].message)], START)
        assert bag.counts == {"/right": 1}
    assert said[0].startswith("/wrong: message ignored")
    assert counts(tmp_path / "out") == {"/right": 1}


@pytest.mark.parametrize("kind", ["Foo", "a/b", "my msgs/msg/X", "my_msgs/action/Go_FeedbackMessage", "my_msgs/msg/"])
@pytest.mark.parametrize("suffix", ["", ".db3"])
def test_types_with_names_that_are_none_are_copied(tmp_path: Path, suffix: str, kind: str) -> None:
    odd = BIG._replace(topic=BIG.topic._replace(type=kind))
    with closing(TargetBag(tmp_path / f"out{suffix}", TYPES, Reporter(print))) as bag:
        bag.copy(odd)
    with closing(SourceBag(tmp_path / f"out{suffix}", Reporter(print))) as left:
        assert [(found.topic.type, found.data) for found in left.messages()] == [(kind, odd.data)]


@pytest.mark.parametrize("suffix", ["", ".db3"])
def test_a_full_disk_is_an_os_error(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bag = TargetBag(tmp_path / f"out{suffix}", TYPES, Reporter(print))
    monkeypatch.setattr(target, "SAVE_SECONDS", -1.0)
    with ExitStack() as opened:
        if suffix:
            opened.enter_context(closing(bag._storage.conn))
            bag._storage.conn.execute("PRAGMA max_page_count = 20")
        else:
            opened.enter_context(bag._storage.bio._file)
            bag._storage.bio._file = opened.enter_context(open("/dev/full", "wb", buffering=0))
        with pytest.raises(OSError, match=r"full|space"):
            bag.copy(BIG), bag.commit()
