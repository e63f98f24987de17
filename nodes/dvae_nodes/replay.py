"""dvae-replay IN OUT: a bag through the same objects as the nodes, without ROS, deterministic, fast."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from dvae.arrays.echo_canceller import EchoConfig
from dvae.cli.common import run_command, settings_from_options
from dvae.enhancement.activity import ActivityConfig
from dvae.enhancement.microphones import MicrophoneConfig
from dvae.enhancement.streaming import EnhancerSettings
from dvae.tracking.config import TrackerConfig
from dvae.vision.hog import HogDetector
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.enhancer import EnhancerNodeConfig, EnhancerPipeline
from dvae_nodes.pipelines.tracker import TrackerNodeConfig, TrackerPipeline
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.messages import BagTypes, Output

IMAGE = "sensor_msgs/msg/Image"
DETECTIONS = "vision_msgs/msg/Detection2DArray"
AUDIO = tuple(f"audio_common_msgs/msg/{name}" for name in ("AudioStamped", "AudioDataStamped", "AudioData"))
INFO = "audio_common_msgs/msg/AudioInfo"
BOOL = "std_msgs/msg/Bool"
TYPES = {
    "detections": DETECTIONS,
    "tracks": "dvae_perception/msg/TrackArray",
    "tracks/detections": DETECTIONS,
    "tracks/smoothed": "dvae_perception/msg/TrackArray",
    "tracks/markers": "visualization_msgs/msg/MarkerArray",
    "humans/bodies/tracked": "hri_msgs/msg/IdsList",
    "roi": "hri_msgs/msg/NormalizedRegionOfInterest2D",
    "speech_activity": "dvae_perception/msg/SpeechActivity",
    "humans/voices/tracked": "hri_msgs/msg/IdsList",
    "is_speaking": "std_msgs/msg/Bool",
    "features": "hri_msgs/msg/AudioFeatures",
    "audio": "audio_common_msgs/msg/AudioData",
    "audio/enhanced_info": INFO,
}


class TrackerSettings(NamedTuple):
    """Of the node and of the algorithm, as on a robot."""

    node: TrackerNodeConfig = TrackerNodeConfig()
    tracker: TrackerConfig = TrackerConfig()


class SpeechSettings(NamedTuple):
    """Of the node and of each part of the algorithm, as on a robot."""

    node: EnhancerNodeConfig = EnhancerNodeConfig()
    enhancer: EnhancerSettings = EnhancerSettings()
    activity: ActivityConfig = ActivityConfig()
    microphones: MicrophoneConfig = MicrophoneConfig()
    echo: EchoConfig = EchoConfig()


class Replay:
    """Sends each message of a bag to the pipeline of its type, one pipeline for each topic."""

    def __init__(
        self, types: BagTypes, reporter: Reporter, detect: bool, settings: TrackerSettings, speech: SpeechSettings
    ) -> None:
        self.types, self.reporter, self.detect, self.settings, self.speech = types, reporter, detect, settings, speech
        self._trackers: dict[str, TrackerPipeline] = {}
        self._enhancers: dict[str, EnhancerPipeline] = {}
        self._detector = HogDetector()

    def outputs(self, topic: str, kind: str, message: Any, time: int) -> list[Output]:
        """Results of one message; their topics are next to the input's, as the nodes' are in a namespace."""
        try:
            found = self._outputs(topic, kind, message, time)
        except ValueError as error:
            self.reporter.report(f"{topic} {type(error).__name__}", f"{topic}: message ignored: {error}")
            return []
        space = topic.rsplit("/", 1)[0]
        return [Output(name if name.startswith("/") else f"{space}/{name}", result) for name, result in found]

    def _outputs(self, topic: str, kind: str, message: Any, time: int) -> list[Output]:
        if kind == IMAGE and self.settings.node.camera_from_images:
            space = topic.rsplit("/", 1)[0]
            if self.detect:
                self._tracker(topic)
            for name, tracker in self._trackers.items():
                if name.rsplit("/", 1)[0] == space:
                    tracker.on_image(message)
        if kind == IMAGE and self.detect:
            boxes, scores = self._detector.detect(convert.image_from_message(message))
            detections = convert.detections_to_message(self.types, message.header, boxes, scores, "person")
            return [Output("detections", detections), *self._tracker(topic).on_detections(detections)]
        if kind == DETECTIONS and not self.detect:
            return self._tracker(topic).on_detections(message)
        space, name = topic.rsplit("/", 1)
        if kind in AUDIO and name == "reference":
            return self._enhancer(space).on_reference(message, time)
        if kind == BOOL and name == "robot_speaking":
            return self._enhancer(space).on_robot_speaking(message)
        if kind == INFO and name == "reference_info":
            return self._enhancer(space).on_reference_info(message)
        if kind == INFO:
            enhancer = self._enhancer(space)
            return [*enhancer.on_info(message), enhancer.enhanced_info()]
        if kind in AUDIO:
            return self._enhancer(space).on_audio(message, time)
        return []

    def finish(self) -> list[Output]:
        """What the pipelines still hold."""
        rest = [(topic.rsplit("/", 1)[0], tracker.finish()) for topic, tracker in self._trackers.items()]
        rest += [(space, enhancer.close()) for space, enhancer in self._enhancers.items()]
        return [
            Output(name if name.startswith("/") else f"{space}/{name}", message)
            for space, outputs in rest
            for name, message in outputs
        ]

    def _tracker(self, topic: str) -> TrackerPipeline:
        if topic not in self._trackers:
            self._trackers[topic] = TrackerPipeline(self.types, *self.settings, self.reporter)
        return self._trackers[topic]

    def _enhancer(self, space: str) -> EnhancerPipeline:
        if space not in self._enhancers:
            node, *settings = self.speech
            self._enhancers[space] = EnhancerPipeline(self.types, node, *settings[:2], self.reporter, *settings[2:])
        return self._enhancers[space]


def output_type(name: str, audio_type: str | None) -> str:
    """Message type of an output topic (by its end)."""
    for end, kind in TYPES.items():
        if name.endswith(f"/{end}") and not (end == "detections" and name.endswith("tracks/detections")):
            return kind
    assert audio_type is not None
    return audio_type


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


def replay(
    source: Path,
    target: Path,
    copy: bool = True,
    detect: bool | None = None,
    settings: TrackerSettings = TrackerSettings(),  # noqa: B008 - it is frozen
    speech: SpeechSettings = SpeechSettings(),  # noqa: B008
) -> dict[str, int]:
    """Run the bag `source`, write `target`, return the number of messages of each output topic.

    copy: also write the messages of the input. detect: find people in images with HOG (default: when the bag has images
    and no detections). Raises ValueError for a source that is no bag or a target that exists.
    """
    from rosbags.highlevel import AnyReader, AnyReaderError
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore
    from tqdm import tqdm

    if target.exists():
        raise ValueError(f"expected an output bag that does not exist yet, got {target}")
    if not source.exists():
        raise ValueError(f"expected a bag, got {source}, which does not exist")
    plugin = StoragePlugin.SQLITE3 if target.suffix == ".db3" or "sqlite" in target.suffix else StoragePlugin.MCAP
    counts: dict[str, int] = {}
    try:
        reader = AnyReader([source], default_typestore=get_typestore(Stores.ROS2_JAZZY))
        reader.open()
    except (AnyReaderError, OSError) as error:
        raise ValueError(f"expected a ROS 2 bag (sqlite3 or mcap), got {source}: {error}") from error
    with closing(reader), Writer(target, version=9, storage_plugin=plugin) as writer, stop_on_signal() as stopped:
        types = BagTypes(get_typestore(Stores.ROS2_JAZZY), reader.typestore)
        kinds = {connection.msgtype for connection in reader.connections}
        if detect is None:
            detect = IMAGE in kinds and DETECTIONS not in kinds
        bar = tqdm(total=reader.message_count, unit="msg", desc=source.name)
        reporter = Reporter(lambda text: bar.write(f"warning: {text}", file=sys.stderr))
        run = Replay(types, reporter, detect, settings, speech)
        audio_type = next((kind for kind in AUDIO if kind in kinds), None)
        connections: dict[str, Any] = {}
        last = 0

        def write(topic: str, kind: str, time: int, data: bytes) -> None:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=types.store)
            writer.write(connections[topic], time, data)

        def write_results(results: list[Output], time: int) -> None:
            for topic, message in results:
                kind = output_type(topic, audio_type)
                write(topic, kind, time, types.store.serialize_cdr(message, kind))
                counts[topic] = counts.get(topic, 0) + 1

        for connection, last, raw in reader.messages():
            if stopped:
                bar.write(f"interrupted: {target} holds what was done until then", file=sys.stderr)
                break
            if copy:
                write(connection.topic, connection.msgtype, last, bytes(raw))
            if connection.msgtype in {IMAGE, DETECTIONS, INFO, BOOL, *AUDIO}:
                message = reader.deserialize(raw, connection.msgtype)
                write_results(run.outputs(connection.topic, connection.msgtype, message, last), last)
            bar.update()
        write_results(run.finish(), last)
        bar.close()
    return counts


def build_parser() -> argparse.ArgumentParser:
    """The options of dvae-replay."""
    parser = argparse.ArgumentParser(
        prog="dvae-replay",
        description="Track people and enhance speech in a recorded ROS 2 bag (sqlite3 or mcap), without ROS. Every "
        "topic of detections gets tracks, every topic of audio gets enhanced audio and speech activity; images without "
        "detections go through the HOG people detector first. The same bag always gives the same results.",
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
    parser.add_argument(
        "--tracker",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the tracker node, e.g. --tracker smoothing_lag=15; may be given several times",
    )
    parser.add_argument(
        "--enhancer",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the enhancer node, e.g. --enhancer preset=low_latency; may be given several times",
    )
    return parser


def command(arguments: argparse.Namespace) -> None:
    """Replay as the arguments say."""
    settings = TrackerSettings(*settings_from_options((TrackerNodeConfig, TrackerConfig), arguments.tracker))
    speech = SpeechSettings(*settings_from_options([type(part) for part in SpeechSettings()], arguments.enhancer))
    counts = replay(arguments.source, arguments.target, not arguments.results_only, arguments.detect, settings, speech)
    for topic, count in sorted(counts.items()):
        print(f"{count:8d}  {topic}")
    if not counts:
        print("nothing to do: the bag has no images, detections or audio that can be read")


def main() -> int:
    """Entry point."""
    return run_command(command, build_parser())


if __name__ == "__main__":
    raise SystemExit(main())
