"""Node `tracker`: detections (vision_msgs/Detection2DArray) -> tracks (TrackArray), tracks/detections."""

from __future__ import annotations

from typing import Any

from dvae.tracking.config import TrackerConfig
from dvae_nodes.lifecycle.node import PerceptionNode, run_nodes
from dvae_nodes.pipelines.tracker import TrackerNodeConfig, TrackerPipeline
from dvae_nodes.wire import humans
from dvae_nodes.wire.messages import LiveTypes, Output


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
        if node.smoothing_lag:
            self.announce(TrackArray, "tracks/smoothed")
        if node.markers:
            from visualization_msgs.msg import MarkerArray

            self.announce(MarkerArray, "tracks/markers")
        if node.ros4hri:
            from hri_msgs.msg import IdsList

            self.announce(IdsList, humans.TRACKED, latched=True)
        if node.camera_from_images:
            from sensor_msgs.msg import Image

            self.listen(Image, "image", pipeline.on_image)
        self.listen(Detection2DArray, "detections", pipeline.on_detections)
        return {"model": node.model, "device": "cpu"}

    def publish_outputs(self, outputs: list[Output]) -> None:
        """Publish, with a topic for each body as long as it is tracked."""
        regions = {topic for topic, _ in outputs if humans.is_region(topic)}
        for topic in sorted(regions - self.announced()):
            from hri_msgs.msg import NormalizedRegionOfInterest2D

            self.announce(NormalizedRegionOfInterest2D, topic)
        super().publish_outputs(outputs)
        if any(topic == humans.TRACKED for topic, _ in outputs):
            for topic in self.announced() - regions:
                if humans.is_region(topic):
                    self.withdraw(topic)

    def apply_parameters(self) -> None:
        if self.pipeline:
            self.pipeline.configure(self.parameters.get(TrackerConfig))

    def reset(self) -> None:
        if self.pipeline:
            self.publish_outputs(self.pipeline.flush())
            self.pipeline.reset()

    def stop(self) -> list[Output]:
        return self.pipeline.finish() if self.pipeline else []

    def release(self) -> None:
        self.pipeline = None


def main() -> None:
    """Entry point."""
    run_nodes(lambda: [TrackerNode()])


if __name__ == "__main__":
    main()
