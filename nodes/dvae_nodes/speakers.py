"""Node `speakers`: tracks + audio of several microphones -> speakers (SpeakerArray): who speaks, and from where."""

from dvae_nodes.lifecycle.node import PipelineNode
from dvae_nodes.lifecycle.run import run_nodes
from dvae_nodes.pipelines.speakers import SpeakersPipeline


class SpeakersNode(PipelineNode):
    """The pipeline as a lifecycle node."""

    pipeline_class = SpeakersPipeline


def main() -> None:
    """Entry point."""
    run_nodes(lambda: [SpeakersNode], name="speakers")


if __name__ == "__main__":
    main()
