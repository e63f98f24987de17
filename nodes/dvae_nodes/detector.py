"""Node `detector`: image -> detections (vision_msgs/Detection2DArray)."""

from dvae_nodes.lifecycle.node import PipelineNode
from dvae_nodes.lifecycle.run import run_nodes
from dvae_nodes.pipelines.detector import DetectorPipeline


class DetectorNode(PipelineNode):
    """The pipeline as a lifecycle node."""

    pipeline_class = DetectorPipeline


def main() -> None:
    """Entry point."""
    run_nodes(lambda: [DetectorNode], name="detector")


if __name__ == "__main__":
    main()
