"""Spins nodes until the process is told to stop, and hands out what they have and still hold."""

from __future__ import annotations

import gc
import signal
import sys
import time
from collections.abc import Callable, Sequence

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor, TimeoutException
from rclpy.signals import SignalHandlerOptions

from dvae.threads import use_one_thread
from dvae_nodes.lifecycle.node import PipelineNode

DRAIN_SECONDS = 2.0  # for messages that have come and are not handled yet; launch waits 5 s before it gets rude
RECEIVE_SECONDS = 1.0  # for subscribers to get the last results


def run_nodes(
    choose: Callable[[], Sequence[type[PipelineNode]]], args: list[str] | None = None, name: str = "node"
) -> None:
    """Spin nodes in one single-threaded executor until SIGINT or SIGTERM; then hand out what they still hold.

    choose: which nodes; ValueError: there are none (exit status 2, as for parameters that cannot be read at all). The
    signals are ours: rclpy's own handler takes the context away before the last results can be published.
    """
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda found, _: stopping.append(found))
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        kinds = choose()
    except (ValueError, RuntimeError, ParameterException) as error:  # rcl's own are RuntimeErrors: unreadable YAML
        rclpy.logging.get_logger(name).fatal(first_line(error))
        rclpy.try_shutdown()
        sys.exit(2)
    executor, nodes = SingleThreadedExecutor(), list[PipelineNode]()
    try:
        use_one_thread()
        for kind in kinds:
            if stopping:
                return
            nodes += add_node(executor, kind)
        if not nodes:
            sys.exit(2)
        # what the models and compilers left behind stays: looking through it again takes 0.2 s, and loses messages
        gc.collect()
        gc.freeze()
        while not stopping and rclpy.ok():
            executor.spin_once(timeout_sec=0.1)
    except ExternalShutdownException:
        pass
    finally:
        stop(executor, nodes)
        rclpy.try_shutdown()


def add_node(executor: SingleThreadedExecutor, kind: type[PipelineNode]) -> list[PipelineNode]:
    """Make a node and start it; none, and a line, where rclpy refuses one of its own parameters."""
    try:
        node = kind()
    except ParameterException as error:
        rclpy.logging.get_logger(kind.pipeline_class.name).fatal(first_line(error))
        return []
    executor.add_node(node)
    node.autostart()
    return [node]


def first_line(error: Exception) -> str:
    """What an error says, in one line: rcl adds where in its sources it was found."""
    return " ".join(str(error).split(", at /")[0].split())


def stop(executor: SingleThreadedExecutor, nodes: Sequence[PipelineNode]) -> None:
    """Handle what has come, hand out the results, and wait for subscribers to get them: bounded in time."""
    if rclpy.ok():
        drain(executor, DRAIN_SECONDS)
        for node in nodes:
            if node.active:
                node.trigger_deactivate()
        end = time.monotonic() + RECEIVE_SECONDS
        for node in nodes:
            node.wait_until_received(max(0.0, end - time.monotonic()))
    for node in nodes:
        node.destroy_node()


def drain(executor: SingleThreadedExecutor, seconds: float) -> None:
    """Run callbacks until none is ready, for at most `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and run_ready(executor):
        pass


def run_ready(executor: SingleThreadedExecutor) -> bool:
    """Run what is ready now, one message of each subscription -> whether there was something."""
    was_ready = False
    while True:
        try:
            handler, *_ = executor.wait_for_ready_callbacks(timeout_sec=0.0)
        except TimeoutException:
            return was_ready
        was_ready = True
        handler()
