"""Which topic of a bag goes to which input."""

from __future__ import annotations

from typing import Any

import pytest
from make_bag import audio_types
from toy_capability import AdderPipeline

from dvae_nodes.lifecycle.pipeline import Input, OutputTopic, Pipeline, Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.detector import DetectorPipeline
from dvae_nodes.pipelines.enhancer import EnhancerNodeConfig, EnhancerPipeline
from dvae_nodes.pipelines.routing import Routing, sources_first
from dvae_nodes.pipelines.streams import Connection
from dvae_nodes.pipelines.tracker import TrackerPipeline
from dvae_nodes.wire.messages import Output
from dvae_nodes.wire.topics import AUDIO_INFO_TYPE, AUDIO_KINDS, DETECTIONS, IMAGE, Topic

STAMPED = AUDIO_KINDS[1]
NUMBER = "std_msgs/msg/Int64"


def ports(pipelines: list[type[Pipeline]], connections: list[Connection], **settings: Any) -> dict[str, list[str]]:
    routing = Routing(pipelines, settings, connections, audio_types(False), Reporter(print))
    return {
        connection.topic: [f"{p.pipeline.name} {p.group} {p.input.topic.name}" for p in found]
        for connection, found in routing._ports.items()
    }


def test_topics_go_by_type_and_name_in_their_namespace() -> None:
    connections = [
        Connection("/a/audio", STAMPED),
        Connection("/a/reference", STAMPED),
        Connection("/b/microphone", STAMPED),
        Connection("/b/microphone_info", AUDIO_INFO_TYPE),
        Connection("/b/mute", "std_msgs/msg/Bool"),
        Connection("/b/robot_speaking", "std_msgs/msg/Bool"),
        Connection("/camera/people", DETECTIONS.types[0]),
        Connection("/camera/image", IMAGE.types[0]),
    ]
    both = [TrackerPipeline, EnhancerPipeline]
    found = ports(both, connections)
    assert found == {
        "/a/audio": ["enhancer /a audio"],
        "/b/microphone": ["enhancer /b audio"],
        "/b/microphone_info": ["enhancer /b audio_info"],
        "/b/robot_speaking": ["enhancer /b robot_speaking"],
        "/camera/people": ["tracker /camera detections"],
    }
    heard = ports(both, connections, enhancer=Settings(EnhancerNodeConfig(cancel_echo=True)))
    assert heard == {**found, "/a/reference": ["enhancer /a reference"]}
    detected = ports([*both, DetectorPipeline], connections)  # its detections, not those of the bag
    assert detected["/camera/image"] == ["detector /camera image"]
    assert "/camera/people" not in detected


def test_of_several_topics_each_has_results_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    connections = [Connection("/a", NUMBER), Connection("/numbers", NUMBER), Connection("/x/b", NUMBER)]
    found = ports([AdderPipeline], connections)
    assert found == {"/numbers": ["adder  numbers"], "/a": ["adder /a numbers"], "/x/b": ["adder /x numbers"]}
    text = capsys.readouterr().out
    assert text.startswith("adder: expected one topic for `numbers` in a namespace, got /a, /numbers: each has results")
    assert "--topic numbers=/a" in text


class First(Pipeline):
    """Gives `made` for each number."""

    name = "first"

    def on_number(self, message: Any, _: int) -> list[Output]:
        return [Output("made", NUMBER, message + 100)]

    def close(self) -> list[Output]:
        return [Output("made", NUMBER, 500)]

    inputs = (Input(AdderPipeline.inputs[0].topic, on_number, "a number"),)
    outputs = (OutputTopic(AdderPipeline.inputs[0].topic._replace(name="made"), "more"),)


class Second(Pipeline):
    """Says what it read, in which order."""

    name = "second"

    def on_any(self, message: Any, _: int) -> list[Output]:
        return [Output("/seen", NUMBER, message)]

    inputs = (
        Input(First.outputs[0].topic, on_any, "made by the first"),
        Input(AdderPipeline.inputs[0].topic, on_any, "a number"),
    )
    outputs = (OutputTopic(AdderPipeline.inputs[0].topic._replace(name="/seen"), "what was seen"),)

    def close(self) -> list[Output]:
        return [Output("/seen", NUMBER, -1)]


@pytest.mark.parametrize("order", [[First, Second], [Second, First]])
def test_what_one_makes_is_read_by_others_after_the_message_itself(order: list[type[Pipeline]]) -> None:
    connection = Connection("/n/numbers", NUMBER)
    routing = Routing(order, {}, [connection, Connection("/n/made", NUMBER)], audio_types(False), Reporter(print))
    found = [(output.topic, output.message) for output in routing.outputs(connection, 1, 0)]
    assert sorted(found) == [("/n/made", 101), ("/seen", 1), ("/seen", 101)]
    assert found.index(("/seen", 1)) < found.index(("/seen", 101))
    assert not routing.takes(Connection("/n/made", NUMBER))
    rest = [(output.topic, output.message) for output in routing.close(0)]
    assert rest == [("/n/made", 500), ("/seen", 500), ("/seen", -1)]


def test_sources_come_first_and_the_rest_keeps_its_order() -> None:
    given = [TrackerPipeline, EnhancerPipeline, DetectorPipeline]
    assert sources_first(given) == [DetectorPipeline, TrackerPipeline, EnhancerPipeline]


class OfIds(Pipeline):
    """Numbers of all ids, beside plain ones, and what belongs to them wherever it is."""

    name = "of_ids"
    outputs = ()

    def on_any(self, message: Any, _: int, topic_id: str = "") -> list[Output]:
        return []

    inputs = (
        Input(Topic("/ids/<id>/number", (NUMBER,)), on_any, "a number of each"),
        Input(Topic("/everywhere", (NUMBER,)), on_any, "for all", optional=True, anywhere=True),
        Input(
            Topic("words", ("std_msgs/msg/String",)),
            on_any,
            "said",
            optional=True,
            beside=AdderPipeline.inputs[0].topic,
        ),
        AdderPipeline.inputs[0]._replace(handler=on_any, any_name=False, anywhere=True),
    )


def test_topics_of_ids_of_all_and_beside_others() -> None:
    connections = [
        Connection("/x/numbers", NUMBER),
        Connection("/ids/a/number", NUMBER),
        Connection("/ids/b/number", NUMBER),
        Connection("/everywhere", NUMBER),
        Connection("/x/words", "std_msgs/msg/String"),
        Connection("/words", "std_msgs/msg/String"),
    ]
    assert ports([OfIds], connections) == {
        "/x/numbers": ["of_ids /x numbers"],
        "/ids/a/number": ["of_ids /x /ids/a/number"],
        "/ids/b/number": ["of_ids /x /ids/b/number"],
        "/everywhere": ["of_ids /x /everywhere"],
        "/x/words": ["of_ids /x words"],
    }


def test_an_input_of_one_pipeline_is_chosen_for_it_alone() -> None:
    connections = [Connection("/a/numbers", NUMBER), Connection("/b/numbers", NUMBER)]
    kinds = [AdderPipeline, First]
    routing = Routing(kinds, {}, connections, audio_types(False), Reporter(print), {"first.numbers": ["/b/numbers"]})
    found = {each.topic: sorted(p.pipeline.name for p in those) for each, those in routing._ports.items()}
    assert found == {"/a/numbers": ["adder"], "/b/numbers": ["adder", "first"]}
