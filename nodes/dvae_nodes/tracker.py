"""Node `tracker`: detections (vision_msgs/Detection2DArray) -> tracks (TrackArray), tracks/detections."""

from dvae_nodes.lifecycle.node import PipelineNode
from dvae_nodes.lifecycle.run import run_nodes
from dvae_nodes.pipelines.tracker import TrackerPipeline


class TrackerNode(PipelineNode):
    """The pipeline as a lifecycle node."""

    pipeline_class = TrackerPipeline


def main() -> None:
    """Entry point."""
    run_nodes(lambda: [TrackerNode], name="tracker")


if __name__ == "__main__":
    main()
