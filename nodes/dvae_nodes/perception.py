"""All nodes in one process. `enable` chooses some, e.g. enable:=[tracker,enhancer] on a robot with its own detector."""

from __future__ import annotations

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node

from dvae_nodes.detector import DetectorNode
from dvae_nodes.enhancer import EnhancerNode
from dvae_nodes.lifecycle.names import split_names
from dvae_nodes.lifecycle.node import PipelineNode
from dvae_nodes.lifecycle.run import run_nodes
from dvae_nodes.overlay import OverlayNode
from dvae_nodes.speakers import SpeakersNode
from dvae_nodes.tracker import TrackerNode

NODES: dict[str, type[PipelineNode]] = {
    "detector": DetectorNode,
    "tracker": TrackerNode,
    "enhancer": EnhancerNode,
    "speakers": SpeakersNode,
    "overlay": OverlayNode,
}
ENABLE = ParameterDescriptor(description=f"the nodes to run: some of {', '.join(NODES)}", dynamic_typing=True)


def chosen_nodes() -> list[str]:
    """The parameter `enable` of the node `perception`, all by default; ValueError for names of none."""
    node = Node("perception")
    try:
        names = split_names(node.declare_parameter("enable", list(NODES), ENABLE).value)
    finally:
        node.destroy_node()
    unknown = [name for name in names if name not in NODES]
    if unknown or not names:
        raise ValueError(f"enable: expected some of {', '.join(NODES)}, got {', '.join(unknown) or 'none'}")
    return names


def main() -> None:
    """Entry point."""
    run_nodes(lambda: [NODES[name] for name in chosen_nodes()], name="perception")


if __name__ == "__main__":
    main()
