"""Detections in, tracks out, and what else is enabled: smoothed tracks, markers, the bodies of ROS4HRI."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dvae.configuration import setting
from dvae.signal.audio_clock import NANOSECONDS
from dvae.tracking.class_names import ClassList, ClassNames
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker
from dvae.tracking.population import select
from dvae.tracking.smoothing import LagSmoother, SmoothedTracks
from dvae.tracking.tracks import Tracks, TrackState
from dvae_nodes.lifecycle.pipeline import Input, OutputTopic, Pipeline, Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.pipelines.frame_clock import FrameClock, Place
from dvae_nodes.pipelines.tracker_watch import TrackerWatch
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire import humans, images, topics
from dvae_nodes.wire.markers import TrackMarkers
from dvae_nodes.wire.messages import MessageTypes, Output

if TYPE_CHECKING:
    from dvae.vision.optical_flow import CameraMotion


DETECTIONS_QUEUE = 100  # frames, 3 s at 30 Hz: they must not be dropped while another callback runs


@dataclass(frozen=True)
class TrackerNodeConfig:
    """Settings of the tracker node beside those of the algorithm."""

    model: str = setting("motion_srnn", "motion model: name of a shipped one, or a folder")
    image_width: int = setting(0, "width of the image, 0 when unknown", unit="pixel", minimum=0)
    image_height: int = setting(0, "height of the image, 0 when unknown", unit="pixel", minimum=0)
    class_id: str = setting("", "classes to track, separated by commas, in upper or lower case; empty for all")
    stamp: str = setting(
        "header",
        "time of a frame: that of its header, or of its arrival for detectors that do not stamp",
        choices=("header", "arrival"),
    )
    reset_after: float = setting(
        1.0, "stamps that go back further start anew (a looped bag); else the frame is late", unit="s", minimum=0.0
    )
    smoothing_lag: int = setting(
        0, "also publish tracks/smoothed, so many frames late; 0: no", unit="frames", minimum=0, maximum=300
    )
    camera_from_images: bool = setting(False, "estimate the camera's motion from `image` (needs OpenCV)")
    ros4hri: bool = setting(False, "also publish /humans/bodies (REP-155; needs hri_msgs and the image size)")
    person_classes: str = setting(
        "person, people, pedestrian, human",
        "classes that are people, for ros4hri: others are tracks but no bodies; separated by commas, * for all",
    )
    body_prefix: str = setting("b", "letters before the track's number in ROS4HRI ids: other ones for each camera")
    markers: bool = setting(False, "also publish tracks/markers (visualization_msgs)")
    marker_scale: float = setting(0.001, "metres for each pixel in markers", unit="m", minimum=1e-6)


class Held(NamedTuple):
    """A frame in the smoother: its header, and the names of its classes by their labels."""

    header: Any
    names: dict[int, str]


def make_camera_motion() -> CameraMotion:
    """OpenCV is loaded only where it is wanted."""
    from dvae.vision.optical_flow import CameraMotion

    return CameraMotion()


class TrackerPipeline(Pipeline):
    """Tracks people in the detections of one camera."""

    name = "tracker"
    configs = (TrackerNodeConfig, TrackerConfig)
    outputs = (
        OutputTopic(topics.TRACKS, "all tracks of one image, also those that are hidden"),
        OutputTopic(topics.TRACKS_AS_DETECTIONS, "those that are confirmed, their ids filled in"),
        OutputTopic(topics.SMOOTHED_TRACKS, "tracks so many frames late, smoothed, gaps closed", when="smoothing_lag"),
        OutputTopic(topics.MARKERS, "box, id, trail, uncertainty in the image plane, for RViz", when="markers"),
        OutputTopic(topics.BODIES, "the ids of all who are tracked", when="ros4hri"),
        OutputTopic(topics.BODY_REGION, "where it is in the image, 0 to 1", when="ros4hri", listed_in=topics.BODIES),
    )

    def __init__(self, types: MessageTypes, settings: Settings, reporter: Reporter) -> None:
        super().__init__(types, settings, reporter)
        node, config = settings[TrackerNodeConfig], settings[TrackerConfig]
        self.node = node
        self.image_size = (node.image_width, node.image_height) if node.image_width and node.image_height else None
        self.wanted, self.people = ClassList(node.class_id), ClassList(node.person_classes)
        self._check_options()
        self._watch = TrackerWatch(reporter, self.image_size, self.wanted)
        self._say_notes(config)
        self.tracker = OnlineTracker.load(node.model, config, self.image_size)
        self.smoother = LagSmoother(node.smoothing_lag) if node.smoothing_lag else None
        self._warm_up()
        self._markers = TrackMarkers(types, node.marker_scale) if node.markers else None
        self._camera = make_camera_motion() if node.camera_from_images else None
        self._classes = ClassNames()
        self._clock = FrameClock(reporter, node.stamp, node.reset_after)
        self._held: deque[Held] = deque()  # the frames in the smoother

    def _warm_up(self) -> None:
        """Compile the hot loops before the first frame comes."""
        for time in (0.0, 0.1):
            tracks = self.tracker.update([[0.0, 0.0, 10.0, 20.0]], time)
            if self.smoother:
                self.smoother.update(time, tracks)
        if self.smoother:
            self.smoother.flush()
        self.tracker.restart(self.tracker.config)

    def _check_options(self) -> None:
        node = self.node
        if bool(node.image_width) != bool(node.image_height):
            sides = f"{node.image_width} and {node.image_height}"
            raise ValueError(f"expected both image_width and image_height, or 0 for both, got {sides}")
        if node.ros4hri:
            if not self.people:
                raise ValueError("person_classes: expected the classes that are people (* for all), got none")
            if self.image_size is None:
                raise ValueError(
                    "ros4hri: expected image_width and image_height, got none: regions are fractions of them"
                )
            if not self.types.fields_of(topics.IDS_LIST):
                raise ValueError("ros4hri: expected the package hri_msgs, which is not installed")
            if not node.body_prefix.isalpha():
                raise ValueError(f"body_prefix: expected letters, got {node.body_prefix!r}")
        if node.markers and not self.types.fields_of("visualization_msgs/msg/Marker"):
            raise ValueError("markers: expected the package visualization_msgs, which is not installed")

    def configure(self, settings: Settings) -> None:
        super().configure(settings)
        self.tracker.config = settings[TrackerConfig]
        self._say_notes(self.tracker.config)

    def _say_notes(self, config: TrackerConfig) -> None:
        for note in config.notes():
            self.reporter.report("settings", note)

    def reset(self) -> None:
        self.tracker.reset()
        if self.smoother:
            self.smoother.reset()
        if self._camera:
            self._camera.reset()
        self._clock.restart()
        self._held.clear()
        self._watch.restart()

    def facts(self) -> dict[str, Any]:
        return {"model": self.node.model, "device": "cpu", **self._watch.facts()}

    def on_image(self, message: Any, received: int) -> list[Output]:
        """One image, for the motion of the camera. Gives nothing."""
        if self._camera:
            self._camera.add(images.image_from_message(message), self._clock.time_of(message, received))
        return []

    def on_detections(self, message: Any, received: int) -> list[Output]:
        """One frame of detections, possibly empty -> its results; nothing for a frame that comes too late or has no
        time."""
        stamp = self._clock.time_of(message, received)
        place = self._clock.place(stamp)
        if place == Place.IGNORED:
            return []
        outputs: list[Output] = []
        if place == Place.ANEW:
            outputs = self.flush()  # nothing already received is lost
            self.reset()
        return outputs + self._frame(message, stamp)

    def _frame(self, message: Any, stamp: int) -> list[Output]:
        camera = self._camera.take(self._clock.last, stamp) if self._camera else None
        self._clock.advance(stamp)
        header = message.header
        if self._clock.source == "arrival":
            header = convert.make_header(self.types, stamp, header.frame_id)
        detections = convert.detections_from_message(message, self.wanted or None)
        time, labels = stamp / NANOSECONDS, self._classes.numbers(detections.class_ids)
        tracks = self.tracker.update(detections.boxes, time, detections.scores, labels, camera)
        self._classes.forget_others(tracks.label.tolist())
        self._watch.add(self.tracker.account, detections, self.tracker.config)
        outputs = self._outputs(header, tracks)
        if self.smoother:
            names = self._classes.names(tracks.label.tolist())
            self._held.append(Held(header, dict(zip(tracks.label.tolist(), names, strict=True))))
            smoothed = self.smoother.update(time, tracks)
            outputs += [self._late(smoothed)] if smoothed else []
        return outputs

    def flush(self) -> list[Output]:
        return [self._late(smoothed) for smoothed in self.smoother.flush()] if self.smoother else []

    def close(self) -> list[Output]:
        outputs = self.flush()
        self._watch.finish()
        if self.node.ros4hri and self._clock.last is not None:
            outputs.append(humans.nobody(self.types, convert.make_header(self.types, self._clock.last, "")))
        return outputs

    def _outputs(self, header: Any, tracks: Tracks) -> list[Output]:
        shown = tracks.state != TrackState.TENTATIVE
        ids = [str(i) for i in tracks.track_id[shown]]
        names = self._classes.names(tracks.label.tolist())
        detections = convert.detections_to_message(
            self.types,
            header,
            tracks.boxes[shown],
            tracks.confidence[shown],
            [name for name, is_shown in zip(names, shown, strict=True) if is_shown],
            ids,
        )
        outputs = [
            topics.TRACKS.output(convert.tracks_to_message(self.types, header, tracks, names, self.image_size)),
            topics.TRACKS_AS_DETECTIONS.output(detections),
        ]
        if self._markers:
            outputs.append(topics.MARKERS.output(self._markers.message(header, tracks)))
        if self.node.ros4hri and self.image_size:
            is_known = [name in self.people for name in names]
            people = select(tracks, np.array(is_known, dtype=bool))
            outputs += humans.bodies(self.types, header, people, self.image_size, self.node.body_prefix)
            confirmed = [name for name, is_shown in zip(names, shown, strict=True) if is_shown]
            self._watch.add_bodies(confirmed, int((people.state != TrackState.TENTATIVE).sum()), self.people)
        return outputs

    def _late(self, smoothed: SmoothedTracks) -> Output:
        """The smoothed tracks of a past frame, with the header of that frame."""
        header, by_label = self._held.popleft()
        names = [by_label[label] for label in smoothed.tracks.label.tolist()]
        message = convert.tracks_to_message(self.types, header, smoothed.tracks, names, self.image_size)
        return topics.SMOOTHED_TRACKS.output(message)

    inputs = (
        Input(topics.IMAGE, on_image, "the motion of the camera", when="camera_from_images", any_name=True),
        Input(
            topics.DETECTIONS, on_detections, "the people found in one image",
            depth=DETECTIONS_QUEUE, any_name=True, lossless=True,
        ),
    )  # fmt: skip
