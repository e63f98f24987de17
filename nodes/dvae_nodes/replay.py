"""dvae-replay IN OUT: a bag through the same pipelines as the nodes, without ROS, deterministic, fast."""

from __future__ import annotations

import argparse
import signal
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from tqdm import tqdm

from dvae.cli.common import PART_FAILED, Terminated, run_command, settings_from_options
from dvae.vision.hog import one_opencv_thread
from dvae_nodes.bags.definitions import bag_types
from dvae_nodes.bags.source import SourceBag
from dvae_nodes.bags.storage import BagMessage
from dvae_nodes.bags.target import TargetBag
from dvae_nodes.lifecycle.pipeline import Pipeline, Settings, handle
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.detector import DetectorPipeline
from dvae_nodes.pipelines.overlay import OverlayPipeline
from dvae_nodes.pipelines.routing import Routing
from dvae_nodes.pipelines.streams import Connection, drives, is_result
from dvae_nodes.pipelines.table import PIPELINES
from dvae_nodes.wire import topics
from dvae_nodes.wire.messages import BagTypes

ON_REQUEST: tuple[type[Pipeline], ...] = (DetectorPipeline, OverlayPipeline)
NUM_NAMED = 8  # topics in a message


def warn(text: str) -> None:
    """A line on stderr, above the progress bar."""
    tqdm.write(f"warning: {text}", file=sys.stderr)


@contextmanager
def stop_on_signal() -> Iterator[list[int]]:
    """A list that gets the number of a signal, Ctrl-C or SIGTERM, so that the bag is closed before the program ends; a
    second one ends it at once."""
    stopped: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(number: int, _: object) -> None:
        stopped.append(number)
        restore()

    for number in before:
        signal.signal(number, stop)
    try:
        yield stopped
    finally:
        restore()


def needs_detector(connections: Iterable[Connection]) -> bool:
    """Whether a bag has images and no detections, beside what was made of them."""
    kinds = {connection.type for connection in connections if not is_result(connection.topic)}
    return not kinds.isdisjoint(topics.IMAGE.types) and kinds.isdisjoint(topics.DETECTIONS.types)


class Replay:
    """Takes the messages of a bag through `routing` into another bag. copy: also write those of the input."""

    def __init__(self, types: BagTypes, routing: Routing, target: TargetBag, reporter: Reporter, copy: bool) -> None:
        self._store, self._routing, self._target, self._reporter = types.store, routing, target, reporter
        self._copy = copy
        self._copied: dict[str, bool] = {}  # by topic
        self._last = 0

    def add(self, message: BagMessage) -> None:
        """One message of the input."""
        (name, kind, *_), self._last, data = message
        if self._copy and self._is_copied(name):
            self._target.copy(message)
        connection = Connection(name, kind)
        if self._routing.takes(connection):
            found = handle(self._reporter, name, partial(self._store.deserialize_cdr, data, kind))
            if found is not None:
                self._target.write(self._routing.outputs(connection, found, self._last), self._last)
        self._target.commit()

    def finish(self) -> None:
        """What the pipelines still hold."""
        self._target.write(self._routing.close(self._last), self._last)

    def _is_copied(self, topic: str) -> bool:
        if topic not in self._copied:
            self._copied[topic] = not self._routing.makes(topic)
            if not self._copied[topic]:
                text = f"{topic}: the bag has it already: replaced by the new results"
                self._reporter.report(f"replaced {topic}", text)
        return self._copied[topic]


def replay(
    source: Path,
    target: Path,
    copy: bool = True,
    detect: bool | None = None,
    settings: Mapping[str, Settings] | None = None,
    chosen: Mapping[str, Sequence[str]] | None = None,
    pipelines: Sequence[type[Pipeline]] | None = None,
    reporter: Reporter | None = None,
) -> dict[str, int]:
    """Run the bag `source`, write `target`, return the number of messages of each output topic.

    copy: also write the messages of the input. detect: find people in images with HOG (default: when the bag has images
    and no detections). settings: by name of the pipeline. chosen: topics by the name of the input that reads them.
    pipelines: those that are run (default: all but those on request). Nothing is written where there is nothing to do.

    Raises ValueError for a source that is no bag, a target that exists, settings or topics that do not fit; OSError
    where the target cannot be written; after Ctrl-C and SIGTERM KeyboardInterrupt and Terminated. The target is whole
    then, but for what was to come.
    """
    reporter = reporter or Reporter(warn)
    if target.exists() or target.is_symlink():
        raise ValueError(f"expected an output bag that does not exist yet, got {target}")
    with one_opencv_thread(), closing(SourceBag(source, reporter)) as bag, stop_on_signal() as stopped:
        types = bag_types(bag, reporter)
        connections = [Connection(*key) for key, count in bag.counts.items() if count and key[1] in types.store.types]
        given = pipelines or [kind for kind in PIPELINES if kind not in ON_REQUEST]
        classes = [kind for kind in given if kind.has_work((settings or {}).get(kind.name, Settings()))]
        if needs_detector(connections) if detect is None else detect:
            classes.append(DetectorPipeline)
        routing = Routing(classes, settings or {}, connections, types, reporter, chosen)
        if not routing.takes_any():
            reporter.report("nothing to do", nothing_to_do(bag, classes))
            return {}
        with closing(TargetBag(target, types, reporter)) as written:
            run = Replay(types, routing, written, reporter, copy)
            with tqdm(total=bag.counts.total(), unit="msg", desc=bag.name) as bar:
                for message in bag.messages():
                    if stopped:
                        break
                    run.add(message)
                    bar.update()
            run.finish()
    if stopped:
        number = signal.Signals(stopped[0])
        reporter.report("stopped", f"{number.name}: the result is partial: {target} holds what was done until then")
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated
    return dict(written.counts)


def nothing_to_do(bag: SourceBag, classes: Iterable[type[Pipeline]]) -> str:
    """What was expected in a bag, and what it holds."""
    inputs = (*DetectorPipeline.inputs, *(each for kind in classes for each in kind.inputs))
    made = {output.topic.name for kind in classes for output in kind.outputs}
    expected = {kind for each in inputs if drives(each) and each.topic.name not in made for kind in each.topic.types}
    found = [f"{name} ({kind}, {count})" for (name, kind), count in sorted(bag.counts.items()) if count]
    rest = f" and {len(found) - NUM_NAMED} more" if len(found) > NUM_NAMED else ""
    got = ", ".join(found[:NUM_NAMED]) + rest if found else "no messages"
    return f"nothing to do: expected messages of {', '.join(sorted(expected))}, got {got}"


def build_parser() -> argparse.ArgumentParser:
    """The options of dvae-replay."""
    parser = argparse.ArgumentParser(
        prog="dvae-replay",
        description="Track people and enhance speech in a recorded ROS 2 bag (sqlite3 or mcap), without ROS. Every "
        "namespace with detections gets tracks, every one with audio gets enhanced audio and speech activity; images "
        "without detections go through the HOG people detector first. The same bag always gives the same results.",
        epilog="example: dvae-replay recording.mcap result   (then: ros2 bag play result, or open it in Foxglove)",
    )
    parser.add_argument("source", type=Path, metavar="IN", help="the bag: a folder, a .mcap or a .db3 file")
    parser.add_argument(
        "target", type=Path, metavar="OUT", help="the folder of the new bag (mcap; sqlite3 if it ends in .db3)"
    )
    parser.add_argument("--results-only", action="store_true", help="do not copy the messages of the input")
    parser.add_argument(
        "--detect", action="store_true", default=None, help="run HOG on images though there are detections"
    )
    parser.add_argument("--draw", action="store_true", help="also write image/annotated: the images with their tracks")
    parser.add_argument(
        "--topic",
        action="append",
        default=[],
        metavar="NAME=TOPIC",
        help="read the input NAME (detections, image, audio) from TOPIC and no other; speakers.audio is that of one "
        "pipeline; may be given several times",
    )
    examples = {"tracker": "smoothing_lag=15", "enhancer": "preset=low_latency", "detector": "hit_threshold=0.5"}
    examples["speakers"] = "'microphone_positions=0.03 0 0; -0.03 0 0'"
    for pipeline in PIPELINES:
        example = examples.get(pipeline.name, "NAME=VALUE")
        parser.add_argument(
            f"--{pipeline.name}",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help=f"a parameter of the {pipeline.name} node, e.g. --{pipeline.name} {example}; "
            "may be given several times",
        )
    return parser


def chosen_topics(options: Sequence[str]) -> dict[str, list[str]]:
    """NAME=TOPIC options -> topics by name; ValueError for another form."""
    found: dict[str, list[str]] = defaultdict(list)
    for text in options:
        name, equals, topic = text.partition("=")
        if not (name and equals and topic.startswith("/")):
            raise ValueError(f"--topic: expected NAME=TOPIC with an absolute topic (/camera/detections), got {text!r}")
        found[name].append(topic)
    return dict(found)


def command(arguments: argparse.Namespace) -> int:
    """Replay as the arguments say -> exit status."""
    settings = {
        pipeline.name: Settings(*settings_from_options(pipeline.configs, getattr(arguments, pipeline.name)))
        for pipeline in PIPELINES
    }
    classes = [kind for kind in PIPELINES if kind not in ON_REQUEST or (arguments.draw and kind is OverlayPipeline)]
    reporter = Reporter(warn)
    counts = replay(
        arguments.source,
        arguments.target,
        not arguments.results_only,
        arguments.detect,
        settings,
        chosen_topics(arguments.topic),
        classes,
        reporter,
    )
    for topic, count in sorted(counts.items()):
        print(f"{count:8d}  {topic}")
    if not counts and not reporter.counts["nothing to do"]:
        warn("nothing came of the messages of the bag")
    is_part = any(cause.startswith(INCOMPLETE) for cause in reporter.counts)
    return PART_FAILED if is_part or not counts else 0


INCOMPLETE = ("damaged ", "unreadable ", "missing files")


def main() -> int:
    """Entry point."""
    return run_command(command, build_parser())


if __name__ == "__main__":
    raise SystemExit(main())
