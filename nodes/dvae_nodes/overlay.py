"""Node `overlay`: image + tracks -> image/annotated."""

from dvae_nodes.lifecycle.node import PipelineNode
from dvae_nodes.lifecycle.run import run_nodes
from dvae_nodes.pipelines.overlay import OverlayPipeline


class OverlayNode(PipelineNode):
    """The pipeline as a lifecycle node."""

    pipeline_class = OverlayPipeline


def main() -> None:
    """Entry point."""
    run_nodes(lambda: [OverlayNode], name="overlay")


if __name__ == "__main__":
    main()
