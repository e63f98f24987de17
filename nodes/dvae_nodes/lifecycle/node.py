"""The lifecycle node that drives a pipeline: configure builds it, activate opens it, cleanup destroys it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.exceptions import ParameterException
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from dvae_nodes.lifecycle.diagnostics import Diagnostics
from dvae_nodes.lifecycle.meter import Meter
from dvae_nodes.lifecycle.parameters import ConfiguredParameters
from dvae_nodes.lifecycle.pipeline import OutputTopic, Pipeline, handle
from dvae_nodes.lifecycle.publishers import Publishers
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.lifecycle.subscriptions import Subscriptions
from dvae_nodes.wire.messages import LiveTypes, Output
from dvae_nodes.wire.topics import Topic

AUTOSTART = ParameterDescriptor(
    description="configure and activate at the start, without a manager", dynamic_typing=True
)


class PipelineNode(LifecycleNode):
    """Subclasses name their `pipeline_class`; parameters, topics and diagnostics come from what it declares."""

    pipeline_class: ClassVar[type[Pipeline]]

    def __init__(self, **options: Any) -> None:
        super().__init__(self.pipeline_class.name, **options)
        self.configured = self.active = False
        self.parameters = ConfiguredParameters(self, self.pipeline_class.configs, lambda: self.configured)
        self.declare_parameter("autostart", True, descriptor=AUTOSTART)
        self.reporter = Reporter(self._warn)
        self.pipeline: Pipeline | None = None
        self._results = Publishers(self, self.reporter)
        results = self._results
        self._sources = Subscriptions(
            self, self.reporter, lambda: self.active, self._take_parameters, results.publish, results.follow
        )
        self._diagnostics = Diagnostics(self, self._sources, self.reporter)
        self._jump: Any = None

    def autostart(self) -> None:
        """Configure and activate, unless the parameter `autostart` is false and a manager does it."""
        wanted = self.get_parameter("autostart").value
        if not isinstance(wanted, bool):
            self._refuse(f"autostart: expected true or false, got {wanted!r}")
        elif wanted and self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def meter(self, topic: str) -> Meter:
        """The meter of an input topic."""
        return self._sources.sources[topic].meter

    def wait_until_received(self, seconds: float) -> None:
        """Give reliable subscribers time to get the last results."""
        self._results.wait_until_received(seconds)

    def _warn(self, text: str) -> None:
        self.get_logger().warning(text)

    def _refuse(self, why: str) -> None:
        self.get_logger().error(f"not configured: {why}")
        self._diagnostics.say(DiagnosticStatus.ERROR, f"not configured: {why}")

    # ------------------------------------------------------------------ life

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self._build()
        except (ValueError, OSError, ImportError, RuntimeError, ParameterException) as error:  # those of rclpy too
            self._tear_down()
            self._refuse(str(error))
            return TransitionCallbackReturn.FAILURE
        except Exception:  # a mistake of ours: rclpy would hide it behind "error processing"
            self._refuse(traceback.format_exc())
            raise
        self.configured = True
        self._diagnostics.say(DiagnosticStatus.OK, "inactive")
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        self._results.activate(state)
        self._sources.start()
        self.active = True
        self._diagnostics.say(DiagnosticStatus.OK, "running", active=True)
        self.get_logger().info(self._what_it_does())
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._stop()
        self._diagnostics.say(DiagnosticStatus.OK, "inactive")
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self._tear_down()
        self._diagnostics.say(DiagnosticStatus.WARN, "unconfigured")
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self.active:
            self._stop()
        self._tear_down()
        self._diagnostics.say(DiagnosticStatus.WARN, "shut down")
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self.configured:  # otherwise it is said already
            self._diagnostics.say(DiagnosticStatus.ERROR, f"unconfigured: it failed while it was {state.label}")
        self.active = False
        self._tear_down()
        return TransitionCallbackReturn.SUCCESS

    def _build(self) -> None:
        """The pipeline, its topics, diagnostics; an error that says what is wrong: the node is not configured."""
        pipeline = self.pipeline_class(LiveTypes(), self.parameters.settings(), self.reporter)
        self.pipeline = pipeline
        is_on = partial(pipeline.is_on, settings=pipeline.settings)
        self._results.declare(filter(is_on, pipeline.outputs))
        for output in filter(is_on, pipeline.outputs):
            self._announce(pipeline, output)
        for declared in filter(is_on, pipeline.inputs):
            kinds = self._kinds_of(pipeline, declared.topic)
            if kinds:
                self._sources.listen(pipeline, declared, kinds)
        self._diagnostics.facts = pipeline.facts()
        threshold = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=False)
        self._jump = self.get_clock().create_jump_callback(threshold, post_callback=self._time_jumped)
        for text in self.parameters.misspelt():
            self.reporter.report(text, text)

    def _what_it_does(self) -> str:
        """For the log: what it reads and publishes, and with which model."""
        reads = [f"{self.resolve_topic_name(topic)} ({source.kind})" for topic, source in self._sources.sources.items()]
        gives = [f"{self.resolve_topic_name(topic)} ({kind})" for topic, kind in self._results.kinds.items()]
        model = self._diagnostics.facts.get("model", "none")
        return f"active: model {model}; reads {', '.join(reads)}; publishes {', '.join(gives)}"

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
        self._diagnostics.facts = {}
        self._sources.destroy()
        self._results.destroy()
        self.reporter.clear()

    def _kinds_of(self, pipeline: Pipeline, topic: Topic) -> list[str]:
        """The types of message that a topic may have here, none where the pipeline does without it; ValueError when
        none is installed."""
        kinds = pipeline.types_of(topic)
        found = [kind for kind in kinds if pipeline.types.fields_of(kind)]
        if kinds and not found:
            raise ValueError(f"{topic.name}: expected {' or '.join(kinds)}, which is not installed")
        return found

    def _announce(self, pipeline: Pipeline, output: OutputTopic) -> None:
        kinds = self._kinds_of(pipeline, output.topic)
        names = [output.topic.name]
        if output.topic.has_ids():
            names = [output.topic.name.replace("<id>", one) for one in pipeline.standing_ids()]
        for name in names if kinds else []:
            self._results.announce(output.topic, name, kinds[0])

    def _take_parameters(self) -> None:
        """Changed parameters are taken over before the next message."""
        if self.pipeline is not None and self.parameters.changed:
            self.parameters.changed = False
            self.pipeline.configure(self.parameters.settings())

    def _time_jumped(self, _: Any) -> None:
        if self.pipeline is not None:
            self.reporter.report("clock", "the clock jumped back: starting anew")
            self._hand_out(self.pipeline, self.pipeline.flush)
            handle(self.reporter, self.pipeline.name, self.pipeline.reset)

    def _hand_out(self, pipeline: Pipeline, held: Callable[[], list[Output]]) -> None:
        """Publish what the pipeline still holds; a failure is reported as that of a message is."""
        handle(self.reporter, pipeline.name, lambda: self._results.publish(held()))
