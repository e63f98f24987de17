"""Spins nodes until the process is told to stop, and hands out what they still hold."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Sequence

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from dvae.threads import use_one_thread
from dvae_nodes.lifecycle.node import PipelineNode


def run_nodes(make_nodes: Callable[[], Sequence[PipelineNode]], args: list[str] | None = None) -> None:
    """Spin nodes in one single-threaded executor until SIGINT or SIGTERM; then hand out what they still hold.

    The signals are ours: rclpy's own handler takes the context away before the last results can be published.
    """
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda found, _: stopping.append(found))
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    executor = SingleThreadedExecutor()
    nodes: Sequence[PipelineNode] = []
    try:
        nodes = make_nodes()
        use_one_thread()
        for node in nodes:
            executor.add_node(node)
            node.autostart()
        # what the models and compilers left behind stays: looking through it again takes 0.2 s, and loses messages
        gc.collect()
        gc.freeze()
        while not stopping and rclpy.ok():
            executor.spin_once(timeout_sec=0.1)
    except ExternalShutdownException:
        pass
    finally:
        for node in nodes:
            if node.active and rclpy.ok():
                node.trigger_deactivate()
                node.wait_until_received()
            node.destroy_node()
        rclpy.try_shutdown()
