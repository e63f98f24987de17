"""A capability as a newcomer would add it: one pipeline, and a node of ten lines (see test_pipeline.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dvae.configuration import setting
from dvae_nodes.lifecycle.pipeline import Input, OutputTopic, Pipeline
from dvae_nodes.wire.messages import Output
from dvae_nodes.wire.topics import BODIES, BODY_REGION, ROBOT_SPEAKING, Topic

NUMBERS = Topic("numbers", ("std_msgs/msg/Int64",))
SUMS = Topic("sums", ("std_msgs/msg/Int64",))
LATE_SUMS = Topic("sums/late", ("std_msgs/msg/Int64",))


@dataclass(frozen=True)
class AdderConfig:
    """Settings of the adder."""

    step: int = setting(1, "added to each number", minimum=0, live=True)
    late: bool = setting(False, "also give each sum one message later")


class AdderPipeline(Pipeline):
    """The sum of all numbers so far."""

    name = "adder"
    configs = (AdderConfig,)
    outputs = (
        OutputTopic(SUMS, "the sum"),
        OutputTopic(LATE_SUMS, "the sum before it", when="late"),
        OutputTopic(BODIES, "the last number"),
        OutputTopic(BODY_REGION, "where it is", listed_in=BODIES),
    )

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._sum = 0
        self._held: list[int] = []

    def reset(self) -> None:
        self._sum = 0

    def flush(self) -> list[Output]:
        held, self._held = self._held, []
        return [self._output(LATE_SUMS, value) for value in held]

    def on_number(self, message: Any, _: int) -> list[Output]:
        """One number; below 0 it is a mistake."""
        if message.data < 0:
            raise ArithmeticError(f"expected a number of 0 or more, got {message.data}")
        config = self.settings[AdderConfig]
        self._sum += message.data + config.step
        late = self.flush()
        self._held = [self._sum] if config.late else []
        return [self._output(SUMS, self._sum), *late]

    def on_robot_speaking(self, message: Any, _: int) -> list[Output]:
        """Gives what no output declares, or a body that comes and goes."""
        if message.data:
            return [Output("elsewhere", "std_msgs/msg/Bool", message)]
        header = self.types.make(
            "std_msgs/msg/Header", stamp=self.types.make("builtin_interfaces/msg/Time", sec=1, nanosec=0), frame_id=""
        )
        listed = self.types.make(BODIES.types[0], header=header, ids=["b1"] if self._sum % 2 else [])
        region = self.types.make(BODY_REGION.types[0], header=header, xmin=0.0, ymin=0.0, xmax=1.0, ymax=1.0, c=1.0)
        return [BODIES.output(listed), *([BODY_REGION.output(region, "b1")] if self._sum % 2 else [])]

    def _output(self, topic: Topic, value: int) -> Output:
        return topic.output(self.types.make("std_msgs/msg/Int64", data=value))

    inputs = (
        Input(NUMBERS, on_number, "what is added", any_name=True),
        Input(ROBOT_SPEAKING, on_robot_speaking, "odd things", optional=True),
    )


def adder_node(pipeline: type[Pipeline] = AdderPipeline) -> type:
    """The node of a pipeline; ROS is imported here."""
    from dvae_nodes.lifecycle.node import PipelineNode

    class AdderNode(PipelineNode):
        """The pipeline as a lifecycle node."""

        pipeline_class = pipeline

    return AdderNode
