"""What others publish on a topic: the type to take, and why nothing comes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, ReliabilityPolicy, qos_check_compatible

NUM_NAMED = 5  # topics in a hint


def type_to_take(kinds: Sequence[str], published: Collection[str], current: str) -> str:
    """Which of `kinds` to subscribe to, in their order, where messages of the types `published` are sent on the topic
    and `current` is taken now: it stays as long as somebody sends it, or nobody sends any that can be read."""
    if current in published:
        return current
    return next((kind for kind in kinds if kind in published), current)


def reliability_to_take(
    node: Node, topic: str, kinds: Collection[str], current: ReliabilityPolicy
) -> ReliabilityPolicy:
    """Reliable where all publishers of a topic offer it, as it is now where there is none."""
    publishers = node.get_publishers_info_by_topic(node.resolve_topic_name(topic))
    offered = {info.qos_profile.reliability for info in publishers if info.topic_type in kinds}
    if not offered:
        return current
    return ReliabilityPolicy.RELIABLE if offered == {ReliabilityPolicy.RELIABLE} else ReliabilityPolicy.BEST_EFFORT


def published_types(node: Node, topic: str) -> list[str]:
    """The types that are published on a topic."""
    return sorted({info.topic_type for info in node.get_publishers_info_by_topic(node.resolve_topic_name(topic))})


def other_topics(node: Node, topic: str, kinds: Collection[str]) -> str:
    """A hint which topics of a type that can be read there are, beside those of the node itself; empty when none."""
    own = {publisher.topic_name for publisher in node.publishers} | {node.resolve_topic_name(topic)}
    found = [
        f"{name} ({kind.rsplit('/', 1)[-1]})"
        for name, types in node.get_topic_names_and_types()
        for kind in types
        if kind in kinds and name not in own and node.count_publishers(name)
    ]
    if not found:
        return ""
    named, more = sorted(found)[:NUM_NAMED], len(found) - NUM_NAMED
    return f"; there is {', '.join(named)}{f' and {more} more' if more > 0 else ''}: remap `{topic}` to it"


def wrong_type(node: Node, topic: str, kinds: Sequence[str]) -> str | None:
    """What to say when all publishers of a topic send types that cannot be read; None when it is not so."""
    found = published_types(node, topic)
    if not found or set(found) & set(kinds):
        return None
    expected = " or ".join(kinds)
    resolved = node.resolve_topic_name(topic)
    hint = other_topics(node, topic, kinds)
    return f"{resolved}: expected messages of type {expected}, got publishers of {', '.join(found)}{hint}"


def explain_silence(node: Node, topic: str, kinds: Sequence[str], qos: QoSProfile) -> str:
    """Why nothing comes on `topic`: nobody publishes, or types that cannot be read, or with a QoS that does not fit."""
    resolved = node.resolve_topic_name(topic)
    publishers = node.get_publishers_info_by_topic(resolved)
    if not publishers:
        expected = " or ".join(kinds)
        return f"no publisher on {resolved}, expected one of {expected}{other_topics(node, topic, kinds)}"
    wrong = wrong_type(node, topic, kinds)
    if wrong:
        return wrong
    checks = [mismatch(info, qos) for info in publishers if info.topic_type in kinds]
    if all(checks):
        return f"{resolved}: the publisher's QoS does not fit: {checks[0]} (see qos_overrides)"
    count = len(publishers)
    return f"{resolved}: {f'{count} publishers, which send' if count > 1 else '1 publisher, which sends'} nothing"


def mismatch(publisher: Any, qos: QoSProfile) -> str:
    """Why a publisher does not reach a subscription of this QoS; empty when it does."""
    compatibility, reason = qos_check_compatible(publisher.qos_profile, qos)
    return str(reason).strip() if compatibility == QoSCompatibility.ERROR else ""
