"""Topics: their names, ids and types, each once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dvae_nodes.pipelines.table import PIPELINES, markdown, topic_rows
from dvae_nodes.wire import topics
from dvae_nodes.wire.topics import Topic


def test_an_output_says_its_topic_type_and_message() -> None:
    assert topics.TRACKS.output("m") == ("tracks", "dvae_perception/msg/TrackArray", "m")
    assert topics.BODY_REGION.output("m", "b7").topic == "/humans/bodies/b7/roi"
    assert topics.ENHANCED.output("m", kind=topics.AUDIO_KINDS[1]).type == "audio_common_msgs/msg/AudioDataStamped"
    for kind in ("", "std_msgs/msg/Bool"):
        with pytest.raises(ValueError, match="audio/enhanced: expected a message of audio_common_msgs"):
            topics.ENHANCED.output("m", kind=kind)
    with pytest.raises(ValueError, match="tracks: expected a message of dvae_perception/msg/TrackArray, got kind 'x'"):
        topics.TRACKS.output("m", kind="x")


def test_ids_are_found_in_names() -> None:
    assert topics.BODY_REGION.id_in("/humans/bodies/b12/roi") == "b12"
    for other in ("/humans/bodies/tracked", "/humans/bodies/b1/x/roi", "/humans/bodies/b1/roi/x"):
        assert topics.BODY_REGION.id_in(other) is None
    assert topics.TRACKS.id_in("tracks") == ""
    assert topics.TRACKS.id_in("tracks/smoothed") is None
    assert topics.BODY_REGION.has_ids()
    assert not topics.TRACKS.has_ids()


def test_a_name_has_one_meaning_and_one_type() -> None:
    found = [topic for topic in vars(topics).values() if isinstance(topic, Topic)]
    assert len({topic.name for topic in found}) == len(found)
    assert {entry.topic for kind in PIPELINES for entry in (*kind.inputs, *kind.outputs)} == set(found)


def test_what_pipelines_declare_is_there() -> None:
    for pipeline in PIPELINES:
        names = [name for config in pipeline.configs for name in config.__dataclass_fields__]
        settings = set(names)
        assert len(settings) == len(names), "each is a parameter of the node"
        for entry in (*pipeline.inputs, *pipeline.outputs):
            assert entry.when in {"", *settings}, entry
            assert entry.meaning
        for output in pipeline.outputs:
            assert output.listed_in is None or output.topic.has_ids()


def test_the_table_is_printed_without_ros() -> None:
    code = "import sys, runpy; sys.modules['rclpy'] = None; runpy.run_module(sys.argv[1], run_name='__main__')"
    command = [sys.executable, "-c", code, "dvae_nodes.pipelines.table"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == markdown(topic_rows()) + "\n"
    assert "| `tracker` | publishes | `tracks/smoothed` | dvae_perception/TrackArray | `smoothing_lag` |" in printed
    assert len(printed.splitlines()) == 2 + sum(len(p.inputs) + len(p.outputs) for p in PIPELINES)
