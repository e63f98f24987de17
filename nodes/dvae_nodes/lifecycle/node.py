"""The lifecycle node that drives a pipeline: configure builds it, activate opens it, cleanup destroys it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from dvae_nodes.lifecycle.diagnostics import Diagnostics, Meter
from dvae_nodes.lifecycle.parameters import ConfiguredParameters
from dvae_nodes.lifecycle.pipeline import OutputTopic, Pipeline, handle
from dvae_nodes.lifecycle.publishers import Publishers
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.lifecycle.subscriptions import Subscriptions
from dvae_nodes.wire.messages import LiveTypes, Output
from dvae_nodes.wire.topics import Topic


class PipelineNode(LifecycleNode):
    """Subclasses name their `pipeline_class`; parameters, topics and diagnostics come from what it declares."""

    pipeline_class: ClassVar[type[Pipeline]]

    def __init__(self, **options: Any) -> None:
        super().__init__(self.pipeline_class.name, **options)
        self.configured = self.active = False
        self.parameters = ConfiguredParameters(self, self.pipeline_class.configs, lambda: self.configured)
        self.declare_parameter("autostart", True)
        self.reporter = Reporter(self._warn)
        self.pipeline: Pipeline | None = None
        self._results = Publishers(self, self.reporter)
        self._sources = Subscriptions(
            self, self.reporter, lambda: self.active, self._take_parameters, self._results.publish
        )
        self._diagnostics: Diagnostics | None = None
        self._jump: Any = None

    def autostart(self) -> None:
        """Configure and activate, unless the parameter `autostart` is false and a manager does it."""
        if self.get_parameter("autostart").value and self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def meter(self, topic: str) -> Meter:
        """The meter of an input topic."""
        return self._sources.meters[topic][1]

    def wait_until_received(self, seconds: float = 1.0) -> None:
        """Give reliable subscribers time to get the last results."""
        self._results.wait_until_received(seconds)

    def _warn(self, text: str) -> None:
        self.get_logger().warning(text)

    # ------------------------------------------------------------------ life

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self._build()
        except (ValueError, OSError, ImportError) as error:
            self.get_logger().error(f"not configured: {error}")
            self._tear_down()
            return TransitionCallbackReturn.FAILURE
        except Exception:  # a mistake of ours: rclpy would hide it behind "error processing"
            self.get_logger().error(f"not configured: {traceback.format_exc()}")
            raise
        self.configured = True
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        self._results.activate(state)
        self._sources.start()
        self.active = True
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._tear_down()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self.active:
            self._stop()
        self._tear_down()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.active = False
        self._tear_down()
        return TransitionCallbackReturn.SUCCESS

    def _build(self) -> None:
        """The pipeline, its topics, diagnostics; ValueError, OSError or ImportError: the node is not configured."""
        pipeline = self.pipeline_class(LiveTypes(), self.parameters.settings(), self.reporter)
        self.pipeline = pipeline
        is_on = partial(pipeline.is_on, settings=pipeline.settings)
        self._results.declare(filter(is_on, pipeline.outputs))
        for output in filter(is_on, pipeline.outputs):
            self._announce(pipeline, output)
        for declared in filter(is_on, pipeline.inputs):
            kind = self._kind_of(pipeline, declared.topic)
            if kind is not None:
                self._sources.listen(pipeline, declared, kind)
        self._diagnostics = Diagnostics(self, self._sources.meters, self.reporter.counts, pipeline.facts())
        threshold = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=False)
        self._jump = self.get_clock().create_jump_callback(threshold, post_callback=self._time_jumped)

    def _stop(self) -> None:
        """Nothing already received is lost."""
        self.active = False
        self._sources.stop()
        if self.pipeline is not None:
            self._hand_out(self.pipeline, self.pipeline.close)
        self._results.activate(None)

    def _tear_down(self) -> None:
        self.configured = False
        self.pipeline = None
        if self._jump is not None:
            self._jump.unregister()
            self._jump = None
        if self._diagnostics is not None:
            self._diagnostics.destroy()
            self._diagnostics = None
        self._sources.destroy()
        self._results.destroy()
        self.reporter.counts.clear()

    def _kind_of(self, pipeline: Pipeline, topic: Topic) -> str | None:
        """The type of message that a topic has here, None where the pipeline does without it; ValueError when none is
        installed."""
        kinds = pipeline.types_of(topic)
        found = next((kind for kind in kinds if pipeline.types.fields_of(kind)), None)
        if kinds and found is None:
            raise ValueError(f"{topic.name}: expected {' or '.join(kinds)}, which is not installed")
        return found

    def _announce(self, pipeline: Pipeline, output: OutputTopic) -> None:
        kind = self._kind_of(pipeline, output.topic)
        names = [output.topic.name]
        if output.topic.has_ids():
            names = [output.topic.name.replace("<id>", one) for one in pipeline.standing_ids()]
        for name in names if kind else []:
            self._results.announce(output.topic, name, str(kind))

    def _take_parameters(self) -> None:
        """Changed parameters are taken over before the next message."""
        if self.pipeline is not None and self.parameters.changed:
            self.parameters.changed = False
            self.pipeline.configure(self.parameters.settings())

    def _time_jumped(self, _: Any) -> None:
        if self.pipeline is not None:
            self.reporter.report("clock", "the clock jumped back: starting anew")
            self._hand_out(self.pipeline, self.pipeline.flush)
            self.pipeline.reset()

    def _hand_out(self, pipeline: Pipeline, held: Callable[[], list[Output]]) -> None:
        """Publish what the pipeline still holds; a failure is reported as that of a message is."""
        handle(self.reporter, pipeline.name, lambda: self._results.publish(held()))
