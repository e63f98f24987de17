"""Pipelines fed from a bag: one of each kind for each stream, as nodes would be started.

What a pipeline puts out goes to those beside it that read it. A message takes its way in one order, so that the same
bag gives the same results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from string import ascii_lowercase
from typing import Any, NamedTuple

from dvae_nodes.lifecycle.pipeline import Input, OutputTopic, Pipeline, Settings, handle
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.streams import Connection, Place, Streams, drives, split
from dvae_nodes.wire.id_lists import IdLists
from dvae_nodes.wire.messages import MessageTypes, Output
from dvae_nodes.wire.topics import Topic, stream_name

NO_SETTINGS = Settings()


class Port(NamedTuple):
    """An input of a kind of pipeline. group: what its results lie below."""

    pipeline: type[Pipeline]
    group: str
    input: Input


class Routing:
    """Sends each message of a bag to the inputs that take it, by type and name.

    An input takes the topic of its name in a namespace; one that allows `any_name` also others of its type, but none
    that has the name of a result. Of several in a namespace each has a pipeline of its own (`Streams`). What another of
    the pipelines puts out is not taken from the bag. settings: by name of the pipeline. chosen: topics by name of the
    input. Raises ValueError where settings or topics do not fit.
    """

    def __init__(
        self,
        pipelines: Sequence[type[Pipeline]],
        settings: Mapping[str, Settings],
        connections: Iterable[Connection],
        types: MessageTypes,
        reporter: Reporter,
        chosen: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._classes, self._settings, self._types, self._reporter = tuple(pipelines), settings, types, reporter
        self._streams = Streams(pipelines, connections, chosen or {}, reporter)
        self._lists = IdLists(types)
        self._running: dict[tuple[type[Pipeline], str], Pipeline] = {}
        self._ports: dict[Connection, list[Port]] = {}
        places: dict[type[Pipeline], list[Place]] = {}
        for kind in sources_first(self._classes):
            before = [place for other in places if self._feeds(other, kind) for place in places[other]]
            places[kind] = self._connect(kind, before)

    def takes(self, connection: Connection) -> bool:
        """Whether messages of this topic go anywhere."""
        return connection in self._ports

    def takes_any(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._ports)

    def makes(self, topic: str) -> bool:
        """Whether a result may have this absolute name."""
        return any(
            output.topic.id_in(topic if output.topic.name.startswith("/") else topic.removeprefix(f"{group}/"))
            is not None
            for (kind, group) in self._running
            for output in kind.outputs
            if self._is_on(kind, output)
        )

    def outputs(self, connection: Connection, message: Any, time: int) -> list[Output]:
        """Results of one message received at `time` ns, with absolute topics."""
        ports = self._ports.get(connection, [])
        return self._deliver([(connection.topic, port, connection.type, message) for port in ports], time)

    def close(self, time: int) -> list[Output]:
        """What the pipelines still hold, in the order of their kinds, but those first that others read."""
        results: list[Output] = []
        for kind in sources_first(self._classes):
            for group, pipeline in [(where, found) for (of, where), found in self._running.items() if of is kind]:
                held = handle(self._reporter, f"{group}/{kind.name}", pipeline.close) or []
                results += self._passed_on(kind, group, held, time)
        return results

    def _connect(self, kind: type[Pipeline], fed: Sequence[Place]) -> list[Place]:
        """Make the pipelines of a kind where the bag, or others that are before them (`fed`), have something for them
        -> where they are."""
        inputs = [entry for entry in kind.inputs if self._is_on(kind, entry) and not self._is_made(kind, entry)]
        if not fed and not any(drives(entry) and self._streams.candidates(kind, entry) for entry in inputs):
            return []
        made = [self._make(kind)]  # to be asked for its types
        plain = [entry for entry in inputs if not entry.topic.has_ids()]
        found = {entry: self._streams.places(kind, entry, made[0].types_of(entry.topic)) for entry in plain}
        driver = None if fed else next((entry for entry in plain if drives(entry) and found[entry]), None)
        places = list(fed or (found[driver] if driver else ()))
        for place in places:
            number = sum(other is kind for other, _ in self._running)
            if number and any(entry.topic.has_ids() and self._is_on(kind, entry) for entry in kind.outputs):
                text = f"{kind.name}: ids of {place.group} get `{letters(number)}` behind their prefix: others have it"
                self._reporter.report(f"prefix {place.group}", text)
            self._running[kind, place.group] = made.pop() if made else self._make(kind, number)
            taken: dict[Topic, Connection] = {}
            for entry in inputs:
                if entry.topic.has_ids():
                    self._connect_ids(kind, place, entry)
            for entry in sorted(plain, key=lambda each: each.beside is not None):
                beside = taken.get(entry.beside) if entry.beside else None
                where = place if beside is None else Place(*[split(stream_name(*beside))[0]] * 2)
                connection = self._of_place(kind, entry, where, found[entry], entry is driver)
                if connection is not None:
                    taken[entry.topic] = connection
                    self._ports.setdefault(connection, []).append(Port(kind, place.group, entry))
        return places

    def _connect_ids(self, kind: type[Pipeline], place: Place, declared: Input) -> None:
        """All topics with an id go to all places."""
        for connection in self._streams.candidates(kind, declared):
            one = declared.of_id(declared.topic.id_in(connection.topic) or "")
            self._ports.setdefault(connection, []).append(Port(kind, place.group, one))

    def _of_place(
        self,
        kind: type[Pipeline],
        declared: Input,
        place: Place,
        found: Mapping[Place, Connection],
        is_driver: bool,
    ) -> Connection | None:
        """What an input reads at a place: its own topic, or one that serves the whole namespace, or all of them."""
        if place in found or is_driver:
            return found.get(place)
        if len(found) == 1 and (declared.anywhere or self._streams.is_chosen(kind, declared)):
            return next(iter(found.values()))
        near = {where.group: connection for where, connection in found.items() if where.namespace == place.namespace}
        name, where = declared.topic.name, place.namespace or "/"
        if not near and not declared.optional:
            cause = declared.when or f"`{name}`"
            others = ", ".join(connection.topic for connection in found.values()) if declared.anywhere else ""
            got = f"{others} elsewhere: none is read (choose: --topic {kind.name}.{name}=TOPIC)" if others else "none"
            text = f"{kind.name}: {cause}: expected a topic for `{name}` in {where}, got {got}"
            self._reporter.report(f"no {name} {where} {kind.name}", text)
        elif near and place.namespace not in near:
            topics = ", ".join(connection.topic for connection in near.values())
            text = f"{kind.name}: expected one topic for `{name}` in {where}, got {topics}: none is read"
            self._reporter.report(f"which {topics}", f"{text} (choose: --topic {name}=TOPIC)")
        return near.get(place.namespace)

    def _make(self, kind: type[Pipeline], number: int = 0) -> Pipeline:
        """Number 0 has the settings; the ids that the others give begin with other letters."""
        settings = self._settings.get(kind.name, NO_SETTINGS)
        return kind(self._types, with_prefixes(kind, settings, number) if number else settings, self._reporter)

    def _is_on(self, pipeline: type[Pipeline], declared: Input | OutputTopic) -> bool:
        return pipeline.is_on(declared, self._settings.get(pipeline.name, NO_SETTINGS))

    def _is_made(self, pipeline: type[Pipeline], declared: Input) -> bool:
        """Whether another one that runs puts it out."""
        return any(other is not pipeline and declared.topic.name in output_names(other) for other, _ in self._running)

    def _feeds(self, source: type[Pipeline], reader: type[Pipeline]) -> bool:
        """Whether one puts out what makes the other run."""
        names = output_names(source)
        return any(drives(entry) and entry.topic.name in names for entry in reader.inputs if self._is_on(reader, entry))

    def _deliver(self, deliveries: list[tuple[str, Port, str, Any]], time: int) -> list[Output]:
        """Breadth first: all who read a message get it before what they make of it is passed on."""
        waiting, results = deque(deliveries), list[Output]()
        while waiting:
            name, (kind, group, declared), message_type, message = waiting.popleft()
            pipeline = self._running[kind, group]
            if message_type not in pipeline.types_of(declared.topic):
                continue
            work = partial(declared.handler, pipeline, message, time)
            for output in handle(self._reporter, name, work) or []:
                results.append(self._lists.merged(f"{kind.name} {group}", in_namespace(output, group)))
                waiting += self._passed(kind, group, output)
        return results

    def _passed_on(self, kind: type[Pipeline], group: str, outputs: list[Output], time: int) -> list[Output]:
        """Outputs, and what those who read them make of them."""
        results = [self._lists.merged(f"{kind.name} {group}", in_namespace(output, group)) for output in outputs]
        for output in outputs:
            results += self._deliver(self._passed(kind, group, output), time)
        return results

    def _passed(self, kind: type[Pipeline], group: str, output: Output) -> list[tuple[str, Port, str, Any]]:
        """Deliveries of an output to those who read it."""
        name = in_namespace(output, group).topic
        return [(name, port, output.type, output.message) for port in self._readers(kind, group, output)]

    def _readers(self, kind: type[Pipeline], group: str, output: Output) -> list[Port]:
        return [
            Port(other, group, declared)
            for other in self._classes
            for declared in other.inputs
            if other is not kind
            and (other, group) in self._running
            and declared.topic.name == output.topic
            and output.type in declared.topic.types
            and self._is_on(other, declared)
        ]


def letters(number: int) -> str:
    """a, b, ..., z, aa, bb, ... from 1 on."""
    return ascii_lowercase[(number - 1) % 26] * (1 + (number - 1) // 26)


def with_prefixes(kind: type[Pipeline], settings: Settings, number: int) -> Settings:
    """The settings of another pipeline of a kind: `b` becomes `ba` for number 1, `bb` for number 2."""
    values = []
    for config in kind.configs:
        value: Any = settings[config]
        names = [field.name for field in fields(value) if field.name.endswith("_prefix")]
        values.append(replace(value, **{name: getattr(value, name) + letters(number) for name in names}))
    return Settings(*values)


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
