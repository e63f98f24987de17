"""Node `tracker`: detections (vision_msgs/Detection2DArray) -> tracks (TrackArray), tracks/detections."""

from __future__ import annotations

from typing import Any

from dvae.tracking.tracks import TrackerConfig
from dvae_nodes.messages import LiveTypes
from dvae_nodes.node import PerceptionNode, run_nodes
from dvae_nodes.tracker_pipeline import TrackerNodeConfig, TrackerPipeline


class TrackerNode(PerceptionNode):
    """Tracks people in the detections of one camera."""

    configs = (TrackerNodeConfig, TrackerConfig)
    pipeline: TrackerPipeline | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__("tracker", **options)

    def build(self) -> dict[str, Any]:
        from dvae_perception.msg import TrackArray
        from vision_msgs.msg import Detection2DArray

        node = self.parameters.get(TrackerNodeConfig)
        pipeline = TrackerPipeline(LiveTypes(), node, self.parameters.get(TrackerConfig), self.reporter)
        self.pipeline = pipeline
        self.announce(TrackArray, "tracks")
        self.announce(Detection2DArray, "tracks/detections")
        self.listen(Detection2DArray, "detections", pipeline.on_detections)
        return {"model": node.model, "device": "cpu"}

    def apply_parameters(self) -> None:
        if self.pipeline:
            self.pipeline.configure(self.parameters.get(TrackerConfig))

    def reset(self) -> None:
        if self.pipeline:
            self.pipeline.reset()

    def release(self) -> None:
        self.pipeline = None


def main() -> None:
    """Entry point."""
    run_nodes(lambda: [TrackerNode()])


if __name__ == "__main__":
    main()
