"""What the node `tracker` and `dvae-replay` both run: detections in, tracks out. No ROS is needed here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dvae.configuration import setting
from dvae.models.checkpoint import load_model
from dvae.models.srnn import SRNN
from dvae.models.store import find_model
from dvae.tracking.boxes import Boxes, valid_boxes
from dvae.tracking.online import OnlineTracker
from dvae.tracking.tracks import TrackerConfig, Tracks, TrackState
from dvae_nodes import conversions as convert
from dvae_nodes.messages import MessageTypes, Output
from dvae_nodes.reporting import Reporter


@dataclass(frozen=True)
class TrackerNodeConfig:
    """Settings of the tracker node beside those of the algorithm."""

    model: str = setting("motion_srnn", "motion model: name of a shipped one, or a folder")
    image_width: int = setting(0, "width of the image, 0 when unknown", unit="pixel", minimum=0)
    image_height: int = setting(0, "height of the image, 0 when unknown", unit="pixel", minimum=0)
    class_id: str = setting("", "class of the detections to track, empty for all")
    reset_after: float = setting(
        1.0, "stamps that go back further start anew (a looped bag); else the frame is late", unit="s", minimum=0.0
    )


class TrackerPipeline:
    """Detection2DArray -> TrackArray and Detection2DArray with ids."""

    def __init__(self, types: MessageTypes, node: TrackerNodeConfig, config: TrackerConfig, reporter: Reporter) -> None:
        self.types, self.node, self.reporter = types, node, reporter
        self.image_size = (node.image_width, node.image_height) if node.image_width and node.image_height else None
        self.tracker = OnlineTracker(load_model(SRNN, find_model(node.model)), config, self.image_size)
        self.tracker.update([[0.0, 0.0, 1.0, 1.0]], 0.0)  # compiles the hot loop before the first frame comes
        self.tracker.restart(config)
        self._last: int | None = None

    def configure(self, config: TrackerConfig) -> None:
        """Take over changed settings; tracks go on."""
        self.tracker.config = config

    def reset(self) -> None:
        """Forget all tracks."""
        self.tracker.reset()
        self._last = None

    def on_detections(self, message: Any) -> list[Output]:
        """One frame of detections, possibly empty -> its results; nothing for a frame that comes too late."""
        stamp = convert.stamp_to_nanoseconds(message.header.stamp)
        if self._last is not None and stamp <= self._last:
            late = (self._last - stamp) / convert.NANOSECONDS
            text = f"expected a stamp after {self._last} ns, got {stamp} ns"
            if late <= self.node.reset_after:
                self.reporter.report("late detections", f"detections: {text}: frame ignored")
                return []
            self.reporter.report("time went back", f"detections: {text}: starting anew")
            self.reset()
        self._last = stamp
        detections = convert.detections_from_message(message, self.node.class_id)
        self._report_boxes(detections.boxes)
        tracks = self.tracker.update(detections.boxes, stamp / convert.NANOSECONDS, detections.scores)
        return self._outputs(message.header, tracks)

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
        detections = convert.detections_to_message(
            self.types, header, tracks.boxes[shown], tracks.confidence[shown], self.node.class_id or "person", ids
        )
        return [
            Output("tracks", convert.tracks_to_message(self.types, header, tracks, self.image_size)),
            Output("tracks/detections", detections),
        ]
