"""What a capability is: its topics as data, and a handler for each input. A live node and dvae-replay both drive it.

A new capability is a subclass of `Pipeline` in `dvae_nodes.pipelines` and a node of ten lines as `dvae_nodes.tracker`.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, NamedTuple, TypeVar

from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire.messages import MessageTypes, Output
from dvae_nodes.wire.topics import Topic

Config = TypeVar("Config")
Result = TypeVar("Result")
Handler = Callable[..., list[Output]]  # a method of the pipeline: message, time of its receipt in ns (and topic_id)


class Settings:
    """Instances of the frozen dataclasses that configure a pipeline; those that are not given have their defaults."""

    def __init__(self, *values: Any) -> None:
        self._values = {type(value): value for value in values}

    def __getitem__(self, config: type[Config]) -> Config:
        found: Config = self._values[config] if config in self._values else config()
        return found


class Input(NamedTuple):
    """A topic that a pipeline reads.

    when: name of the setting that turns it on, empty for always. depth: of the queue. optional: that nothing comes is
    no problem. newest_only: handled by a worker thread that takes the newest message, so that nothing else waits; the
    other methods of the pipeline may be called meanwhile. any_name: in a bag, a topic of this type with another name is
    taken for it. shared: in a bag, one such topic serves all streams of its namespace. anywhere: in a bag, the only
    such topic serves all namespaces that have none. beside: in a bag, it is looked for where the topic of that other
    input is. lossless: live, every message counts: reliable where all who publish it offer that. listed_in: topic of
    the list of ids, of an input with an id: all on the list are read, and the handler gets `topic_id` too.
    """

    topic: Topic
    handler: Handler
    meaning: str
    when: str = ""
    depth: int = 5
    optional: bool = False
    newest_only: bool = False
    any_name: bool = False
    shared: bool = False
    anywhere: bool = False
    beside: Topic | None = None
    lossless: bool = False
    listed_in: Topic | None = None

    def of_id(self, topic_id: str) -> Input:
        """The input of one id."""
        topic = self.topic._replace(name=self.topic.name.replace("<id>", topic_id))
        return self._replace(topic=topic, handler=partial(self.handler, topic_id=topic_id), listed_in=None)


class OutputTopic(NamedTuple):
    """A topic that a pipeline publishes.

    when: as for an input. listed_in: topic of a list of ids; a topic with an id goes when the list has it no more.
    follows: the input whose type of messages it has.
    """

    topic: Topic
    meaning: str
    when: str = ""
    listed_in: Topic | None = None
    follows: Topic | None = None


class Pipeline(ABC):
    """Messages in, messages out, without ROS. `inputs` and `outputs` declare the topics, `configs` the parameters."""

    name: ClassVar[str]
    configs: ClassVar[tuple[type, ...]] = ()
    inputs: ClassVar[tuple[Input, ...]]
    outputs: ClassVar[tuple[OutputTopic, ...]]

    def __init__(self, types: MessageTypes, settings: Settings, reporter: Reporter) -> None:
        """ValueError: the settings do not fit together, or a model or a package is missing."""
        self.types, self.settings, self.reporter = types, settings, reporter

    @classmethod
    def is_on(cls, declared: Input | OutputTopic, settings: Settings) -> bool:
        """Whether the settings turn the input or output on; ValueError when none of them has that name."""
        if not declared.when:
            return True
        values: list[Any] = [settings[config] for config in cls.configs]
        found = [getattr(value, declared.when) for value in values if hasattr(value, declared.when)]
        if not found:
            raise ValueError(f"{cls.name}: {declared.topic.name}: expected a setting {declared.when!r}, found none")
        return bool(found[0])

    @classmethod
    def has_work(cls, settings: Settings) -> bool:
        """Whether these settings leave it anything to do: dvae-replay does without it where they do not."""
        return True

    def types_of(self, topic: Topic) -> tuple[str, ...]:
        """Which of a topic's types this instance takes or gives; none: it does without the topic."""
        return topic.types

    def standing_ids(self) -> tuple[str, ...]:
        """Ids whose topics are there from the start."""
        return ()

    def facts(self) -> dict[str, Any]:
        """For /diagnostics: names and values, or functions that give the present value."""
        return {}

    def configure(self, settings: Settings) -> None:
        """Take over settings that changed while it runs."""
        self.settings = settings

    def reset(self) -> None:  # noqa: B027 - some have no state
        """Start anew: time jumped back."""

    def flush(self) -> list[Output]:
        """What is still held inside."""
        return []

    def close(self) -> list[Output]:
        """What is still held, and that nothing more comes."""
        return self.flush()


def handle(reporter: Reporter, topic: str, work: Callable[[], Result]) -> Result | None:
    """What is made of one message; None, and a report once per cause, when it fails: one bad message ends nothing."""
    try:
        return work()
    except Exception as error:
        reporter.report(f"{topic} {type(error).__name__}", f"{topic}: message ignored: {error}")
        return None
