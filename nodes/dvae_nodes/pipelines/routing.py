"""Pipelines fed from a bag: one of each kind for each namespace, as nodes would be started, made when it is needed.

What a pipeline puts out goes to those of the same namespace that read it. A message takes its way in one order, so that
the same bag gives the same results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from dvae_nodes.lifecycle.pipeline import Input, Pipeline, Settings, handle
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.messages import MessageTypes, Output

NO_SETTINGS = Settings()


class Port(NamedTuple):
    """An input of a kind of pipeline in a namespace."""

    pipeline: type[Pipeline]
    namespace: str
    input: Input


class Connection(NamedTuple):
    """A topic of the bag and the type of its messages."""

    topic: str
    type: str


def split(topic: str) -> tuple[str, str]:
    """Namespace and relative name of an absolute topic."""
    namespace, _, name = topic.rpartition("/")
    return namespace, name


class Routing:
    """Sends each message of a bag to the inputs that take it, by type and name.

    An input takes the topic of its name in a namespace; one that allows `any_name` also another of its type. Two topics
    for one input are a mistake: the second is reported and left out. What another of the pipelines puts out is not
    taken from the bag. settings: by name of the pipeline.
    """

    def __init__(
        self,
        pipelines: Sequence[type[Pipeline]],
        settings: Mapping[str, Settings],
        connections: Iterable[Connection],
        types: MessageTypes,
        reporter: Reporter,
    ) -> None:
        self._classes, self._settings, self._types, self._reporter = tuple(pipelines), settings, types, reporter
        self._running: dict[tuple[type[Pipeline], str], Pipeline] = {}
        self._ports: dict[Connection, list[Port]] = {}
        known = sorted(set(connections))
        for pipeline in self._classes:
            for declared in pipeline.inputs:
                if self._is_on(pipeline, declared) and not self._is_made_by_another(pipeline, declared):
                    self._connect(pipeline, declared, known)

    def takes(self, connection: Connection) -> bool:
        """Whether messages of this topic go anywhere."""
        return connection in self._ports

    def outputs(self, connection: Connection, message: Any, time: int) -> list[Output]:
        """Results of one message received at `time` ns; relative topics are in the namespace of the input's."""
        return self._deliver([(port, connection.type, message) for port in self._ports.get(connection, [])], time)

    def close(self, time: int) -> list[Output]:
        """What the pipelines still hold, in the order of their kinds, but those first that others read."""
        results: list[Output] = []
        for kind in sources_first(self._classes):
            for namespace, pipeline in [(where, found) for (of, where), found in self._running.items() if of is kind]:
                held = handle(self._reporter, f"{namespace}/{kind.name}", pipeline.close) or []
                results += self._passed_on(kind, namespace, held, time)
        return results

    def _connect(self, pipeline: type[Pipeline], declared: Input, connections: list[Connection]) -> None:
        names = {other.topic.name for other in pipeline.inputs}
        taken: dict[str, Connection] = {}
        fitting = [connection for connection in connections if connection.type in declared.topic.types]
        for connection in sorted(fitting, key=lambda c: split(c.topic)[1] != declared.topic.name):
            namespace, name = split(connection.topic)
            if name != declared.topic.name and (name in names or not declared.any_name):
                continue
            first = taken.setdefault(namespace, connection)
            if first == connection:
                self._ports.setdefault(connection, []).append(Port(pipeline, namespace, declared))
                continue
            text = f"expected one topic for `{declared.topic.name}` in a namespace, got {first.topic} and "
            self._reporter.report(f"two {connection.topic}", f"{pipeline.name}: {text}{connection.topic}: not read")

    def _is_on(self, pipeline: type[Pipeline], declared: Input) -> bool:
        return pipeline.is_on(declared, self._settings.get(pipeline.name, NO_SETTINGS))

    def _is_made_by_another(self, pipeline: type[Pipeline], declared: Input) -> bool:
        return any(other is not pipeline and declared.topic.name in output_names(other) for other in self._classes)

    def _deliver(self, deliveries: list[tuple[Port, str, Any]], time: int) -> list[Output]:
        """Breadth first: all who read a message get it before what they make of it is passed on."""
        waiting, results = deque(deliveries), list[Output]()
        while waiting:
            (kind, namespace, declared), message_type, message = waiting.popleft()
            pipeline = self._pipeline(kind, namespace)
            if message_type not in pipeline.types_of(declared.topic):
                continue
            work = partial(declared.handler, pipeline, message, time)
            for output in handle(self._reporter, f"{namespace}/{declared.topic.name}", work) or []:
                results.append(in_namespace(output, namespace))
                waiting += [(port, output.type, output.message) for port in self._readers(kind, namespace, output)]
        return results

    def _passed_on(self, kind: type[Pipeline], namespace: str, outputs: list[Output], time: int) -> list[Output]:
        """Outputs, and what those who read them make of them."""
        results = [in_namespace(output, namespace) for output in outputs]
        for output in outputs:
            readers = self._readers(kind, namespace, output)
            results += self._deliver([(port, output.type, output.message) for port in readers], time)
        return results

    def _readers(self, kind: type[Pipeline], namespace: str, output: Output) -> list[Port]:
        return [
            Port(other, namespace, declared)
            for other in self._classes
            for declared in other.inputs
            if other is not kind
            and declared.topic.name == output.topic
            and output.type in declared.topic.types
            and self._is_on(other, declared)
        ]

    def _pipeline(self, kind: type[Pipeline], namespace: str) -> Pipeline:
        """That of a namespace, made with its first message."""
        if (kind, namespace) not in self._running:
            settings = self._settings.get(kind.name, NO_SETTINGS)
            self._running[kind, namespace] = kind(self._types, settings, self._reporter)
        return self._running[kind, namespace]


def output_names(pipeline: type[Pipeline]) -> set[str]:
    """Names of the topics that it puts out."""
    return {output.topic.name for output in pipeline.outputs}


def sources_first(pipelines: Sequence[type[Pipeline]]) -> list[type[Pipeline]]:
    """The pipelines in their order, but each after those whose outputs it reads."""
    ordered: list[type[Pipeline]] = []
    seen: set[type[Pipeline]] = set()

    def visit(pipeline: type[Pipeline]) -> None:
        if pipeline in seen:
            return
        seen.add(pipeline)
        names = {declared.topic.name for declared in pipeline.inputs}
        for other in pipelines:
            if names & output_names(other):
                visit(other)
        ordered.append(pipeline)

    for pipeline in pipelines:
        visit(pipeline)
    return ordered


def in_namespace(output: Output, namespace: str) -> Output:
    """With the absolute name of its topic."""
    return output if output.topic.startswith("/") else output._replace(topic=f"{namespace}/{output.topic}")
