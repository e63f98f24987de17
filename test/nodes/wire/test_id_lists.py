"""Lists of ids of several sources become one."""

from __future__ import annotations

import pytest
from rosbags.typesys import Stores, get_typestore

from dvae_nodes.wire.id_lists import IdLists
from dvae_nodes.wire.messages import BagTypes, Output
from dvae_nodes.wire.topics import BODIES, IDS_LIST

TYPES = BagTypes(get_typestore(Stores.ROS2_JAZZY))


def listed(lists: IdLists, source: str, ids: list[str]) -> list[str]:
    stamp = TYPES.make("builtin_interfaces/msg/Time", sec=1, nanosec=0)
    header = TYPES.make("std_msgs/msg/Header", stamp=stamp, frame_id=source)
    found = lists.merged(source, BODIES.output(TYPES.make(IDS_LIST, header=header, ids=ids)))
    assert found.topic == "/humans/bodies/tracked"
    assert found.message.header.frame_id == source
    return list(found.message.ids)


@pytest.mark.parametrize("first", [["ca1", "ca2"], []])
def test_a_list_holds_the_newest_of_each_source(first: list[str]) -> None:
    lists = IdLists(TYPES)
    assert listed(lists, "/left", first) == first
    assert listed(lists, "/right", ["cb1"]) == [*first, "cb1"]
    assert listed(lists, "/left", ["ca2"]) == ["ca2", "cb1"]
    assert listed(lists, "/right", ["ca2", "cb3"]) == ["ca2", "cb3"]  # once
    assert listed(lists, "/left", []) == ["ca2", "cb3"]
    assert listed(lists, "/right", []) == []


def test_other_outputs_stay_as_they_are() -> None:
    output = Output("tracks", "dvae_perception/msg/TrackArray", object())
    assert IdLists(TYPES).merged("/left", output) is output
