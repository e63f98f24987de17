"""Which topics of a bag go to which input, and where the results are: no two recordings are mixed into one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dvae_nodes.lifecycle.pipeline import Input, Pipeline
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.table import PIPELINES
from dvae_nodes.wire.topics import Topic, stream_name


class Connection(NamedTuple):
    """A topic of the bag and the type of its messages."""

    topic: str
    type: str


class Place(NamedTuple):
    """Where results go: below `group`, which is the namespace of what they are made of, or, where several topics of it
    would be mixed, the name of the one."""

    namespace: str
    group: str


def split(topic: str) -> tuple[str, str]:
    """Namespace and relative name of an absolute topic."""
    namespace, _, name = topic.rpartition("/")
    return namespace, name


class Streams:
    """The topics of a bag as what they carry.

    chosen: topics by the name of an input, or by PIPELINE.INPUT, which then reads these and no others. Raises
    ValueError where one of them is not in the bag, or of a type that the input does not read.
    """

    def __init__(
        self,
        pipelines: Sequence[type[Pipeline]],
        connections: Iterable[Connection],
        chosen: Mapping[str, Sequence[str]],
        reporter: Reporter,
    ) -> None:
        self._connections, self._chosen, self._reporter = sorted(set(connections)), chosen, reporter
        self._others = tuple(pipelines)
        inputs = {
            name: entry.topic
            for kind in (*PIPELINES, *pipelines)
            for entry in kind.inputs
            if not entry.topic.has_ids()
            for name in (entry.topic.name, f"{kind.name}.{entry.topic.name}")
        }
        for name, topics in chosen.items():
            self._check(name, topics, inputs)

    def places(self, pipeline: type[Pipeline], declared: Input, kinds: Sequence[str]) -> dict[Place, Connection]:
        """What an input reads in each place, of messages of one of `kinds`."""
        streams: dict[str, list[Connection]] = defaultdict(list)
        for connection in self.candidates(pipeline, declared):
            if connection.type in kinds:
                streams[stream_name(*connection)].append(connection)
        by_namespace: dict[str, dict[str, Connection]] = defaultdict(dict)
        for stream, forms in sorted(streams.items()):
            by_namespace[split(stream)[0]][stream] = self._form(pipeline, declared, forms, kinds)
        found: dict[Place, Connection] = {}
        for namespace, those in by_namespace.items():
            for stream, connection in those.items():
                is_own = len(those) > 1 and split(stream)[1] != declared.topic.name
                group = stream + "_" * (stream in by_namespace) if is_own else namespace
                found[Place(namespace, group)] = connection
            if len(those) > 1 and drives(declared):
                self._say_several(pipeline, declared, list(those.values()))
        return found

    def candidates(self, pipeline: type[Pipeline], declared: Input) -> list[Connection]:
        """Topics of a type that an input reads: those that were chosen for it, or by their name."""
        fitting = [each for each in self._connections if each.type in declared.topic.types]
        name = declared.topic.name
        chosen = self._chosen_for(pipeline, declared)
        if chosen is not None:
            return [each for each in fitting if each.topic in chosen]
        if name.startswith("/"):
            return [each for each in fitting if declared.topic.id_in(each.topic) is not None]
        taken = {other.topic.name for other in pipeline.inputs} - {name}
        found = []
        for each in fitting:
            own = split(stream_name(*each))[1]
            is_meant = own == name or (declared.any_name and own not in taken)
            if is_meant and not is_result(each.topic, self._others):
                found.append(each)
        return found

    def is_chosen(self, pipeline: type[Pipeline], declared: Input) -> bool:
        """Whether the topics of an input were named."""
        return self._chosen_for(pipeline, declared) is not None

    def _chosen_for(self, pipeline: type[Pipeline], declared: Input) -> Sequence[str] | None:
        name = declared.topic.name
        return self._chosen.get(f"{pipeline.name}.{name}", self._chosen.get(name))

    def _form(
        self, pipeline: type[Pipeline], declared: Input, forms: list[Connection], kinds: Sequence[str]
    ) -> Connection:
        """The best of several forms of the same, by the order of types."""
        best, *others = sorted(forms, key=lambda each: kinds.index(each.type))
        if others:
            names = " and ".join(each.topic for each in (best, *others))
            text = f"{pipeline.name}: {names} are taken to carry the same `{declared.topic.name}`: {best.topic} is read"
            self._reporter.report(f"forms {names}", text)
        return best

    def _say_several(self, pipeline: type[Pipeline], declared: Input, those: Sequence[Connection]) -> None:
        name, topics = declared.topic.name, ", ".join(each.topic for each in those)
        text = (
            f"{pipeline.name}: expected one topic for `{name}` in a namespace, got {topics}: each has results of its "
            f"own, below its name if that is not `{name}` (one alone: --topic {name}={those[0].topic})"
        )
        self._reporter.report(f"several {topics}", text)

    def _check(self, name: str, topics: Sequence[str], inputs: Mapping[str, Topic]) -> None:
        if name not in inputs:
            plain = ", ".join(
                sorted((each for each in inputs if "." not in each), key=lambda each: (each[0] == "/", each))
            )
            raise ValueError(f"--topic: expected one of {plain}, perhaps after PIPELINE., got {name!r}")
        fitting = [each.topic for each in self._connections if each.type in inputs[name].types]
        for topic in topics:
            if topic not in fitting:
                known = ", ".join(fitting) or "none"
                raise ValueError(f"--topic {name}={topic}: expected a topic of the bag that it can be ({known})")


def drives(declared: Input) -> bool:
    """Whether a pipeline is made for this input: for the others alone it has nothing to do."""
    return not (declared.shared or declared.optional or declared.when)


def is_result(topic: str, others: Sequence[type[Pipeline]] = ()) -> bool:
    """Whether an absolute name is that of something which one of our pipelines, or of the `others`, makes, and which is
    no input of another by its name."""
    every = (*PIPELINES, *others)
    inputs = {entry.topic.name for kind in every for entry in kind.inputs}
    results = (entry.topic for kind in every for entry in kind.outputs if entry.topic.name not in inputs)
    return any(belongs(topic, result) for result in results)


def belongs(topic: str, result: Topic) -> bool:
    """Whether an absolute name is that of `result` in any namespace."""
    if result.name.startswith("/"):
        return result.id_in(topic) is not None
    return topic == result.name or topic.endswith(f"/{result.name}")
