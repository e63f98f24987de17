"""All nodes in one process. `enable` chooses some, e.g. enable:=[tracker,enhancer] on a robot with its own detector."""

from __future__ import annotations

import sys

import rclpy
from rclpy.node import Node

from dvae_nodes.detector import DetectorNode
from dvae_nodes.enhancer import EnhancerNode
from dvae_nodes.lifecycle.node import PipelineNode
from dvae_nodes.lifecycle.run import run_nodes
from dvae_nodes.overlay import OverlayNode
from dvae_nodes.tracker import TrackerNode

NODES: dict[str, type[PipelineNode]] = {
    "detector": DetectorNode,
    "tracker": TrackerNode,
    "enhancer": EnhancerNode,
    "overlay": OverlayNode,
}


def chosen_nodes() -> list[str]:
    """The parameter `enable` of the node `perception`, all by default."""
    node = Node("perception")
    try:
        names: list[str] = list(node.declare_parameter("enable", list(NODES)).value)
    finally:
        node.destroy_node()
    unknown = [name for name in names if name not in NODES]
    if unknown:
        raise ValueError(f"enable: expected some of {', '.join(NODES)}, got {', '.join(unknown)}")
    return names


def main() -> None:
    """Entry point."""
    try:
        run_nodes(lambda: [NODES[name]() for name in chosen_nodes()])
    except ValueError as error:
        rclpy.logging.get_logger("perception").fatal(str(error))
        sys.exit(2)


if __name__ == "__main__":
    main()
