"""Detections in, tracks out, and what else is enabled: smoothed tracks, markers, the bodies of ROS4HRI."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dvae.configuration import setting
from dvae.signal.audio_clock import NANOSECONDS
from dvae.tracking.admission import valid_boxes
from dvae.tracking.boxes import Boxes
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker
from dvae.tracking.smoothing import LagSmoother, SmoothedTracks
from dvae.tracking.tracks import Tracks, TrackState
from dvae_nodes.lifecycle.pipeline import Input, OutputTopic, Pipeline, Settings
from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire import humans, images, topics
from dvae_nodes.wire.markers import TrackMarkers
from dvae_nodes.wire.messages import MessageTypes, Output

if TYPE_CHECKING:
    from dvae.vision.optical_flow import CameraMotion


@dataclass(frozen=True)
class TrackerNodeConfig:
    """Settings of the tracker node beside those of the algorithm."""

    model: str = setting("motion_srnn", "motion model: name of a shipped one, or a folder")
    image_width: int = setting(0, "width of the image, 0 when unknown", unit="pixel", minimum=0)
    image_height: int = setting(0, "height of the image, 0 when unknown", unit="pixel", minimum=0)
    class_id: str = setting("", "classes to track, separated by commas; empty for all")
    reset_after: float = setting(
        1.0, "stamps that go back further start anew (a looped bag); else the frame is late", unit="s", minimum=0.0
    )
    smoothing_lag: int = setting(
        0, "also publish tracks/smoothed, so many frames late; 0: no", unit="frames", minimum=0, maximum=300
    )
    camera_from_images: bool = setting(False, "estimate the camera's motion from `image` (needs OpenCV)")
    ros4hri: bool = setting(False, "also publish /humans/bodies (REP-155; needs hri_msgs and the image size)")
    body_prefix: str = setting("b", "letters before the track's number in ROS4HRI ids: other ones for each camera")
    markers: bool = setting(False, "also publish tracks/markers (visualization_msgs)")
    marker_scale: float = setting(0.001, "metres for each pixel in markers", unit="m", minimum=1e-6)


@dataclass
class Past:
    """What is known of earlier messages; a new one is a new start."""

    last: int | None = None  # stamp of the newest frame, ns
    headers: deque[Any] = field(default_factory=deque)  # of the frames in the smoother


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
        self.wanted = tuple(name.strip() for name in node.class_id.split(",") if name.strip())
        self._check_options()
        self.tracker = OnlineTracker.load(node.model, config, self.image_size)
        for time in (0.0, 0.1):  # compiles the hot loops before the first frame comes
            self.tracker.update([[0.0, 0.0, 1.0, 1.0]], time)
        self.tracker.restart(config)
        self.smoother = LagSmoother(node.smoothing_lag) if node.smoothing_lag else None
        self._markers = TrackMarkers(types, node.marker_scale) if node.markers else None
        self._camera = make_camera_motion() if node.camera_from_images else None
        self._classes: list[str] = []  # a label is an index into it
        self._past = Past()

    def _check_options(self) -> None:
        node = self.node
        if node.ros4hri:
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

    def reset(self) -> None:
        self.tracker.reset()
        if self.smoother:
            self.smoother.reset()
        if self._camera:
            self._camera.reset()
        self._past = Past()

    def facts(self) -> dict[str, Any]:
        return {"model": self.node.model, "device": "cpu"}

    def on_image(self, message: Any, _: int) -> list[Output]:
        """One image, for the motion of the camera. Gives nothing."""
        if self._camera:
            stamp = convert.stamp_to_nanoseconds(message.header.stamp)
            self._camera.add(images.image_from_message(message), stamp)
        return []

    def on_detections(self, message: Any, _: int) -> list[Output]:
        """One frame of detections, possibly empty -> its results; nothing for a frame that comes too late."""
        stamp = convert.stamp_to_nanoseconds(message.header.stamp)
        outputs: list[Output] = []
        if self._past.last is not None and stamp <= self._past.last:
            late = (self._past.last - stamp) / NANOSECONDS
            text = f"expected a stamp after {self._past.last} ns, got {stamp} ns"
            if late <= self.node.reset_after:
                self.reporter.report("late detections", f"detections: {text}: frame ignored")
                return []
            self.reporter.report("time went back", f"detections: {text}: starting anew")
            outputs = self.flush()  # nothing already received is lost
            self.reset()
        return outputs + self._frame(message, stamp)

    def _frame(self, message: Any, stamp: int) -> list[Output]:
        camera = self._camera.take(self._past.last, stamp) if self._camera else None
        self._past.last = stamp
        detections = convert.detections_from_message(message, self.wanted)
        self._report_boxes(detections.boxes)
        time = stamp / NANOSECONDS
        labels = [self._label(name) for name in detections.class_ids]
        tracks = self.tracker.update(detections.boxes, time, detections.scores, labels, camera)
        outputs = self._outputs(message.header, tracks)
        if self.smoother:
            self._past.headers.append(message.header)
            smoothed = self.smoother.update(time, tracks)
            outputs += [self._late(smoothed)] if smoothed else []
        return outputs

    def flush(self) -> list[Output]:
        return [self._late(smoothed) for smoothed in self.smoother.flush()] if self.smoother else []

    def close(self) -> list[Output]:
        outputs = self.flush()
        if self.node.ros4hri and self._past.last is not None:
            outputs.append(humans.nobody(self.types, convert.make_header(self.types, self._past.last, "")))
        return outputs

    def _label(self, name: str) -> int:
        if name not in self._classes:
            self._classes.append(name)
        return self._classes.index(name)

    def _report_boxes(self, boxes: Boxes) -> None:
        """Say which boxes the tracker will leave out."""
        wrong = boxes[~valid_boxes(boxes, self.image_size)]
        if len(wrong):
            self.reporter.report(
                "boxes",
                "detections: expected finite boxes with a positive size inside the image, got "
                f"{len(wrong)} others, the first x1, y1, x2, y2 = {wrong[0].tolist()}: ignored",
            )
        most = self.tracker.config.max_detections
        if len(boxes) - len(wrong) > most:
            text = f"detections: expected at most {most} (max_detections), got {len(boxes)}: the best scores are used"
            self.reporter.report("too many boxes", text)

    def _outputs(self, header: Any, tracks: Tracks) -> list[Output]:
        shown = tracks.state != TrackState.TENTATIVE
        ids = [str(i) for i in tracks.track_id[shown]]
        names = [self._classes[label] for label in tracks.label]
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
            outputs += humans.bodies(self.types, header, tracks, self.image_size, self.node.body_prefix)
        return outputs

    def _late(self, smoothed: SmoothedTracks) -> Output:
        """The smoothed tracks of a past frame, with the header of that frame."""
        names = [self._classes[label] for label in smoothed.tracks.label]
        header = self._past.headers.popleft()
        message = convert.tracks_to_message(self.types, header, smoothed.tracks, names, self.image_size)
        return topics.SMOOTHED_TRACKS.output(message)

    inputs = (
        Input(topics.IMAGE, on_image, "the motion of the camera", when="camera_from_images", any_name=True),
        Input(topics.DETECTIONS, on_detections, "the people found in one image", any_name=True),
    )
