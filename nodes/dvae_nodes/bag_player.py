"""bag_player NODE... -- COMMAND...: run a command, such as `ros2 bag play`, when the nodes are active; what a bag holds
is lost on nodes that still load their models. Ends with the command, with its exit status."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import rclpy
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from dvae_nodes.lifecycle.names import split_names

ASK_SECONDS = 0.2  # between questions to a node that is not active yet


class Waiting:
    """Asks nodes for their state until all are active. stopping: not empty when it is of no use any more."""

    def __init__(self, node: Node, names: Sequence[str], stopping: Sequence[int]) -> None:
        self._node, self._stopping = node, stopping
        self._clients: dict[str, Any] = {name: node.create_client(GetState, f"{name}/get_state") for name in names}
        self.states = dict.fromkeys(names, "not there")

    def until_active(self, seconds: float) -> bool:
        """Whether all became active within `seconds`; `states` has what they said last."""
        end = time.monotonic() + seconds
        for name in self._clients:
            while self._ask(name) != State.PRIMARY_STATE_ACTIVE:
                if self._stopping or time.monotonic() > end:
                    return False
        return True

    def _ask(self, name: str) -> int:
        client = self._clients[name]
        if not client.wait_for_service(timeout_sec=ASK_SECONDS):
            return int(State.PRIMARY_STATE_UNKNOWN)
        answer = client.call_async(GetState.Request())
        rclpy.spin_until_future_complete(self._node, answer, timeout_sec=1.0)
        found = answer.result() if answer.done() else None
        if found is None:
            return int(State.PRIMARY_STATE_UNKNOWN)
        state = found.current_state
        self.states[name] = state.label
        if state.id != State.PRIMARY_STATE_ACTIVE:
            time.sleep(ASK_SECONDS)
        return int(state.id)


def wait_for_nodes(names: Sequence[str], seconds: float, stopping: Sequence[int]) -> str:
    """Wait for nodes to be active -> what is wrong, empty when all are."""
    node = Node("bag_player")
    try:
        waiting = Waiting(node, names, stopping)
        if waiting.until_active(seconds) or stopping:
            return ""
        late = ", ".join(f"{name}: {state}" for name, state in waiting.states.items() if state != "active")
        return f"expected all nodes to be active within {seconds:g} s, got {late}: nothing is played"
    finally:
        node.destroy_node()


def run_command(command: Sequence[str], stopping: list[int]) -> int:
    """Run a command, pass on the signals that come meanwhile -> its exit status, as a shell would give it; 0 where it
    ends by such a signal, as it was told."""
    if stopping:
        return 0
    was_told = False
    with subprocess.Popen(list(command)) as process:
        while process.poll() is None:
            if stopping:
                process.send_signal(stopping.pop())
                was_told = True
            try:
                process.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                continue
    status = process.returncode
    return status if status >= 0 else 0 if was_told else 128 - status


def build_parser() -> argparse.ArgumentParser:
    """The options of bag_player."""
    parser = argparse.ArgumentParser(prog="bag_player", description=__doc__)
    parser.add_argument("nodes", help="names, separated by commas or spaces, relative to the namespace")
    parser.add_argument("--wait", type=float, default=120.0, metavar="SECONDS", help="for the nodes to become active")
    parser.add_argument("command", nargs="+", help="what is run then")
    return parser


def main() -> None:
    """Entry point."""
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda found, _: stopping.append(found))
    arguments = build_parser().parse_args(rclpy.utilities.remove_ros_args(sys.argv)[1:])
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        wrong = wait_for_nodes(split_names(arguments.nodes), arguments.wait, stopping)
    finally:
        rclpy.try_shutdown()
    if wrong:
        sys.stderr.write(f"bag_player: {wrong}\n")
        sys.exit(1)
    try:
        sys.exit(run_command(arguments.command, stopping))
    except OSError as error:
        sys.stderr.write(f"bag_player: {arguments.command[0]} cannot be run: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
