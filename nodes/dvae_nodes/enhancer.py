"""Node `enhancer`: audio (either audio_common_msgs) -> audio/enhanced of the same kind, speech_activity."""

from dvae_nodes.lifecycle.node import PipelineNode
from dvae_nodes.lifecycle.run import run_nodes
from dvae_nodes.pipelines.enhancer import EnhancerPipeline


class EnhancerNode(PipelineNode):
    """The pipeline as a lifecycle node."""

    pipeline_class = EnhancerPipeline


def main() -> None:
    """Entry point."""
    run_nodes(lambda: [EnhancerNode], name="enhancer")


if __name__ == "__main__":
    main()
