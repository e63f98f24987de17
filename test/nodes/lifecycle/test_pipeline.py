"""A new capability is one pipeline and a node of ten lines: driven live over rclpy, and from a bag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from toy_capability import SUMS, AdderConfig, AdderPipeline, adder_node

from dvae_nodes.lifecycle.pipeline import OutputTopic, Settings, handle
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.replay import replay
from dvae_nodes.wire.messages import Output


def test_live_it_has_parameters_topics_and_diagnostics(stage: Any) -> None:
    from diagnostic_msgs.msg import DiagnosticArray
    from rclpy.parameter import Parameter
    from std_msgs.msg import Bool, Int64

    node = stage.add(adder_node(), late=True)
    sums, late = stage.listen(Int64, "sums"), stage.listen(Int64, "sums/late")
    found = stage.listen(DiagnosticArray, "/diagnostics")
    assert stage.send("numbers", Int64(data=4), sums).data == 5
    assert node.set_parameters([Parameter("step", value=10)])[0].successful  # taken over with the next message
    assert stage.send("numbers", Int64(data=0), sums).data == 15
    for count in range(1, 4):  # any exception of a message: ignored and counted
        stage.publish("numbers", Int64(data=-1))
        stage.until(lambda count=count: stage.problems(node) == {"numbers ArithmeticError": count})
    assert stage.send("numbers", Int64(data=0), sums).data == 25
    stage.publish("robot_speaking", Bool(data=True))  # an output that is not declared is a mistake
    stage.until(lambda: "robot_speaking ValueError" in stage.problems(node))
    stage.until(lambda: any(value.key == "numbers messages" for d in found for s in d.status for value in s.values))
    node.trigger_deactivate()  # what it holds comes out
    stage.until(lambda: [m.data for m in late] == [5, 15, 25])


def test_topics_of_ids_come_and_go_with_their_list(stage: Any) -> None:
    from std_msgs.msg import Bool, Int64

    stage.add(adder_node())
    sums = stage.listen(Int64, "sums")
    for number, publishers in ((0, 1), (0, 0), (0, 1)):  # sums 1, 2, 3
        stage.send("numbers", Int64(data=number), sums)
        stage.publish("robot_speaking", Bool(data=False))
        stage.until(lambda count=publishers: stage.peer.count_publishers("/humans/bodies/b1/roi") == count)


class FragilePipeline(AdderPipeline):
    """Fails wherever it can."""

    def configure(self, settings: Settings) -> None:
        raise ArithmeticError("expected other settings")

    def flush(self) -> list[Output]:
        raise ArithmeticError("expected something to hold")

    def on_number(self, message: Any, _: int) -> list[Output]:
        return [self._output(SUMS, message.data)]

    inputs = (AdderPipeline.inputs[0]._replace(handler=on_number),)


def test_live_a_pipeline_that_fails_ends_nothing(stage: Any) -> None:
    from builtin_interfaces.msg import Time
    from rclpy.lifecycle import TransitionCallbackReturn
    from rclpy.parameter import Parameter
    from rosgraph_msgs.msg import Clock
    from std_msgs.msg import Int64

    node = stage.add(adder_node(FragilePipeline), use_sim_time=True)
    sums = stage.listen(Int64, "sums")
    assert node.set_parameters([Parameter("step", value=10)])[0].successful
    assert stage.send("numbers", Int64(data=4), sums).data == 4
    assert stage.problems(node) == {"parameters ArithmeticError": 1}
    stage.publish("/clock", Clock(clock=Time(sec=100)))
    stage.until(lambda: node.get_clock().now().nanoseconds == 100_000_000_000)
    stage.publish("/clock", Clock(clock=Time(sec=50)))
    stage.until(lambda: stage.problems(node).get("adder ArithmeticError") == 1)
    assert stage.send("numbers", Int64(data=5), sums).data == 5
    assert node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
    assert stage.problems(node)["adder ArithmeticError"] == 2


def test_publishers_of_a_node_that_is_configured_again_after_an_error_are_not_active(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = stage.add(adder_node())

    def fail() -> None:
        raise ArithmeticError("in the middle")

    monkeypatch.setattr(node, "_stop", fail)
    node.trigger_deactivate()
    assert not node.configured
    node.trigger_configure()
    assert [publisher.is_activated for publisher in node._results._made.values()] == [False, False]


def bag_of_numbers(path: Path) -> None:
    store = get_typestore(Stores.ROS2_JAZZY)
    kind = "std_msgs/msg/Int64"
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        for topic, numbers in (("/numbers", [4, *[-1] * 12, 2]), ("/other/values", [7])):
            connection = writer.add_connection(topic, kind, typestore=store)
            for time, number in enumerate(numbers):
                writer.write(connection, time, store.serialize_cdr(store.types[kind](data=number), kind))


def test_from_a_bag_it_gives_the_same_and_catches_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag_of_numbers(tmp_path / "in")
    settings = {"adder": Settings(AdderConfig(step=1, late=True))}
    counts = replay(tmp_path / "in", tmp_path / "out", copy=False, settings=settings, pipelines=[AdderPipeline])
    assert counts == {"/sums": 2, "/sums/late": 2, "/other/sums": 1, "/other/sums/late": 1}
    with AnyReader([tmp_path / "out"]) as reader:
        found: dict[str, list[int]] = {}
        for connection, _, raw in reader.messages():
            found.setdefault(connection.topic, []).append(reader.deserialize(raw, connection.msgtype).data)
    assert found == {"/sums": [5, 8], "/sums/late": [5, 8], "/other/sums": [8], "/other/sums/late": [8]}
    error = capsys.readouterr().err
    assert error.count("/numbers: message ignored: expected a number of 0 or more, got -1") == 2  # the first, the tenth
    assert "(seen 10 times)" in error


def test_settings_have_their_defaults_and_turn_topics_on() -> None:
    assert Settings()[AdderConfig] == AdderConfig()
    late = next(output for output in AdderPipeline.outputs if output.when == "late")
    assert not AdderPipeline.is_on(late, Settings())
    assert AdderPipeline.is_on(late, Settings(AdderConfig(late=True)))
    with pytest.raises(ValueError, match="adder: sums: expected a setting 'lat', found none"):
        list(filter(lambda output: AdderPipeline.is_on(output, Settings()), [OutputTopic(SUMS, "", when="lat")]))


def test_a_message_that_fails_is_said_and_gives_none() -> None:
    log: list[str] = []
    reporter = Reporter(log.append)
    assert handle(reporter, "topic", lambda: []) == []
    assert handle(reporter, "topic", lambda: 1 / 0) is None  # type: ignore[arg-type,return-value]
    assert log == ["topic: message ignored: division by zero"]
