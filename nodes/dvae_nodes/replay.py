"""dvae-replay IN OUT: a bag through the same pipelines as the nodes, without ROS, deterministic, fast."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from dvae.cli.common import run_command, settings_from_options
from dvae_nodes.lifecycle.pipeline import Pipeline, Settings, handle
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.detector import DetectorPipeline
from dvae_nodes.pipelines.enhancer import EnhancerPipeline
from dvae_nodes.pipelines.routing import Connection, Routing
from dvae_nodes.pipelines.tracker import TrackerPipeline
from dvae_nodes.wire import topics
from dvae_nodes.wire.messages import BagTypes, Output

PIPELINES: tuple[type[Pipeline], ...] = (TrackerPipeline, EnhancerPipeline)
WITH_DETECTOR: tuple[type[Pipeline], ...] = (*PIPELINES, DetectorPipeline)


class BagWriter:
    """Writes messages to an open rosbags writer and counts them by topic."""

    def __init__(self, writer: Any, types: BagTypes) -> None:
        self._writer, self._types = writer, types
        self._connections: dict[str, Any] = {}
        self.counts: dict[str, int] = {}

    def copy(self, topic: str, kind: str, time: int, data: bytes) -> None:
        """A message as it is in the input."""
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(topic, kind, typestore=self._types.store)
        self._writer.write(self._connections[topic], time, data)

    def write(self, results: list[Output], time: int) -> None:
        """Results of a message received at `time` ns."""
        for topic, kind, message in results:
            self.copy(topic, kind, time, bytes(self._types.store.serialize_cdr(message, kind)))
            self.counts[topic] = self.counts.get(topic, 0) + 1


@contextmanager
def stop_on_signal() -> Iterator[list[bool]]:
    """A list that becomes non-empty on Ctrl-C or SIGTERM, so that the bag is closed before the program ends."""
    stopped: list[bool] = []
    before = {
        number: signal.signal(number, lambda *_: stopped.append(True)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def needs_detector(connections: Sequence[Connection]) -> bool:
    """Whether a bag has images and no detections."""
    kinds = {connection.type for connection in connections}
    return not kinds.isdisjoint(topics.IMAGE.types) and kinds.isdisjoint(topics.DETECTIONS.types)


def open_bag(source: Path) -> Any:
    """An open rosbags reader; ValueError for what is no bag."""
    from rosbags.highlevel import AnyReader, AnyReaderError
    from rosbags.typesys import Stores, get_typestore

    if not source.exists():
        raise ValueError(f"expected a bag, got {source}, which does not exist")
    try:
        reader = AnyReader([source], default_typestore=get_typestore(Stores.ROS2_JAZZY))
        reader.open()
    except (AnyReaderError, OSError) as error:
        raise ValueError(f"expected a ROS 2 bag (sqlite3 or mcap), got {source}: {error}") from error
    return reader


def replay(
    source: Path,
    target: Path,
    copy: bool = True,
    detect: bool | None = None,
    settings: Mapping[str, Settings] | None = None,
    pipelines: Sequence[type[Pipeline]] = PIPELINES,
) -> dict[str, int]:
    """Run the bag `source`, write `target`, return the number of messages of each output topic.

    copy: also write the messages of the input. detect: find people in images with HOG (default: when the bag has images
    and no detections). settings: by name of the pipeline. Raises ValueError for a source that is no bag, a target that
    exists, or settings that do not fit together.
    """
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore
    from tqdm import tqdm

    if target.exists():
        raise ValueError(f"expected an output bag that does not exist yet, got {target}")
    plugin = StoragePlugin.SQLITE3 if target.suffix == ".db3" or "sqlite" in target.suffix else StoragePlugin.MCAP
    reader = open_bag(source)
    with closing(reader), Writer(target, version=9, storage_plugin=plugin) as writer, stop_on_signal() as stopped:
        types = BagTypes(get_typestore(Stores.ROS2_JAZZY), reader.typestore)
        connections = [Connection(connection.topic, connection.msgtype) for connection in reader.connections]
        if needs_detector(connections) if detect is None else detect:
            pipelines = (*pipelines, DetectorPipeline)
        bar = tqdm(total=reader.message_count, unit="msg", desc=source.name)
        reporter = Reporter(lambda text: bar.write(f"warning: {text}", file=sys.stderr))
        routing = Routing(pipelines, settings or {}, connections, types, reporter)
        bag, last = BagWriter(writer, types), 0
        for found, last, raw in reader.messages():
            if stopped:
                bar.write(f"interrupted: {target} holds what was done until then", file=sys.stderr)
                break
            connection = Connection(found.topic, found.msgtype)
            if copy:
                bag.copy(*connection, last, bytes(raw))
            if routing.takes(connection):
                message = handle(reporter, found.topic, partial(reader.deserialize, raw, found.msgtype))
                if message is not None:
                    bag.write(routing.outputs(connection, message, last), last)
            bar.update()
        bag.write(routing.close(last), last)
        bar.close()
    return bag.counts


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
    examples = {"tracker": "smoothing_lag=15", "enhancer": "preset=low_latency", "detector": "hit_threshold=0.5"}
    for pipeline in WITH_DETECTOR:
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


def command(arguments: argparse.Namespace) -> None:
    """Replay as the arguments say."""
    settings = {
        pipeline.name: Settings(*settings_from_options(pipeline.configs, getattr(arguments, pipeline.name)))
        for pipeline in WITH_DETECTOR
    }
    counts = replay(arguments.source, arguments.target, not arguments.results_only, arguments.detect, settings)
    for topic, count in sorted(counts.items()):
        print(f"{count:8d}  {topic}")
    if not counts:
        print("nothing to do: the bag has no images, detections or audio that can be read")


def main() -> int:
    """Entry point."""
    return run_command(command, build_parser())


if __name__ == "__main__":
    raise SystemExit(main())
