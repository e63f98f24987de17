"""Which QoS may be overridden, and which does not match: otherwise nothing comes, without a hint why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSPolicyKind

from dvae_nodes.lifecycle.reporting import Reporter

# by parameters qos_overrides.TOPIC.subscription.POLICY, qos_overrides.TOPIC.publisher.POLICY
OVERRIDABLE = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY)


def say_bad_qos(node: Node, reporter: Reporter, topic: str, other: str) -> Callable[[Any], None]:
    """What is called when a publisher or subscriber (`other`) of `topic` does not fit."""

    def warn(info: Any) -> None:
        policy = str(info.last_policy_kind).rsplit(".", maxsplit=1)[-1]
        reporter.report(
            f"qos {topic}",
            f"{node.resolve_topic_name(topic)}: expected a {other} with compatible QoS, got one that differs in "
            f"{policy}: nothing passes between them (see qos_overrides)",
        )

    return warn
