"""The input topics of a node: what comes in is handled by its pipeline, measured, and what fails is reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rclpy.lifecycle import LifecycleNode

from dvae_nodes.lifecycle.pipeline import Input, Pipeline, handle
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.lifecycle.source import Source
from dvae_nodes.lifecycle.steady_timer import steady_timer
from dvae_nodes.lifecycle.worker import NewestWorker
from dvae_nodes.wire.messages import Output

LOOK_SECONDS = 0.25  # between looks at what is published, where nothing comes


class Subscriptions:
    """Subscriptions of `node` by topic. is_open: whether messages are handled now; prepare: called before each one;
    publish: is given the results; changed: is told the topic and the new type of an input."""

    def __init__(
        self,
        node: LifecycleNode,
        reporter: Reporter,
        is_open: Callable[[], bool],
        prepare: Callable[[], None],
        publish: Callable[[list[Output]], None],
        changed: Callable[[str, str], None],
    ) -> None:
        self._node, self._reporter, self._publish, self._changed = node, reporter, publish, changed
        self._is_open, self._prepare = is_open, prepare
        self._workers: list[NewestWorker] = []
        self._timer: Any = None
        self._of_ids: list[tuple[Pipeline, Input, Sequence[str]]] = []  # inputs that there are of each id of a list
        self.sources: dict[str, Source] = {}  # by topic

    def listen(self, pipeline: Pipeline, declared: Input, kinds: Sequence[str]) -> None:
        """Subscribe to messages of one of `kinds`: the one that is published. Of a topic with an id: when its list
        comes, to those on it."""
        if declared.topic.has_ids():
            self._of_ids.append((pipeline, declared, kinds))
            return
        topic = declared.topic.name
        process = partial(self._process, pipeline, declared)
        if declared.newest_only:
            worker = NewestWorker(f"{pipeline.name} {topic}", process)
            self._workers.append(worker)
            process = partial(self._hand_over, worker, topic)
        receive = partial(self._receive, topic, process)
        self.sources[topic] = Source(self._node, self._reporter, declared, kinds, receive, self._changed)
        if self._timer is None:
            self._timer = steady_timer(self._node, LOOK_SECONDS, self.look)

    def look(self) -> None:
        """Where nothing comes, or not all, see what is published."""
        for source in self.sources.values():
            if source.is_mismatched or source.meter.silence_seconds > LOOK_SECONDS:
                source.look()

    def start(self) -> None:
        """The node becomes active."""
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """Return when what is in work is finished and published."""
        for worker in self._workers:
            worker.stop()

    def destroy(self) -> None:
        """Take all subscriptions from the node."""
        self.stop()
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None
        for source in self.sources.values():
            source.destroy()
        self._workers.clear()
        self.sources.clear()
        self._of_ids.clear()

    def _receive(self, topic: str, process: Callable[[Any], None], message: Any) -> None:
        meter = self.sources[topic].meter
        meter.see()
        self._follow(topic, message)
        if not self._is_open():  # subscriptions of a lifecycle node are not gated by its state
            meter.drops += 1
            return
        handle(self._reporter, "parameters", self._prepare)
        process(message)

    def _follow(self, topic: str, message: Any) -> None:
        """Where the message is a list of ids: read their topics, and no others."""
        for pipeline, declared, kinds in self._of_ids:
            if declared.listed_in is None or declared.listed_in.name != topic:
                continue
            wanted = {each.topic.name: each for each in map(declared.of_id, message.ids)}
            for name in [name for name in self.sources if declared.topic.id_in(name) and name not in wanted]:
                self.sources.pop(name).destroy()
            for name, each in wanted.items():
                if name not in self.sources:  # what cannot be a topic takes no other with it
                    handle(self._reporter, name, partial(self.listen, pipeline, each, kinds))

    def _hand_over(self, worker: NewestWorker, topic: str, message: Any) -> None:
        self.sources[topic].meter.drops += worker.put(message)

    def _process(self, pipeline: Pipeline, declared: Input, message: Any) -> None:
        """Handle one message, publish its results, and measure it."""
        began, meter = time.perf_counter(), self.sources[declared.topic.name].meter

        def work() -> list[Output]:
            outputs = declared.handler(pipeline, message, self._node.get_clock().now().nanoseconds)
            self._publish(outputs)
            return outputs

        if handle(self._reporter, declared.topic.name, work) is None:
            meter.fail()
        else:
            meter.add(time.perf_counter() - began, self._age(message))

    def _age(self, message: Any) -> float | None:
        """Seconds since the stamp of a message; None when it has none of this clock."""
        if not hasattr(message, "header"):
            return None
        stamp = message.header.stamp
        age = self._node.get_clock().now().nanoseconds * 1e-9 - (stamp.sec + stamp.nanosec * 1e-9)
        return age if 0 <= age < 60 else None
