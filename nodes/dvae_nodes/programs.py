"""What `ros2 run` starts: the node's module is loaded here, which takes a second, so that a signal meanwhile just ends
the process instead of printing where it was."""

from __future__ import annotations

import importlib
import os
import signal
from types import FrameType


def run(name: str) -> None:
    """Load the module of a node and run its `main`."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    importlib.import_module(f"dvae_nodes.{name}").main()


def leave(number: int, frame: FrameType | None) -> None:
    """Nothing has begun, so there is nothing to finish (loaders of compiled modules would lose an exception)."""
    os._exit(0)


def tracker() -> None:
    """Node `tracker`."""
    run("tracker")


def enhancer() -> None:
    """Node `enhancer`."""
    run("enhancer")


def detector() -> None:
    """Node `detector`."""
    run("detector")


def speakers() -> None:
    """Node `speakers`."""
    run("speakers")


def overlay() -> None:
    """Node `overlay`."""
    run("overlay")


def perception() -> None:
    """All nodes in one process."""
    run("perception")


def bag_player() -> None:
    """Plays a bag when the nodes are active."""
    run("bag_player")
