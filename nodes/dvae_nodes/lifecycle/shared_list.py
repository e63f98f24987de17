"""The list of all bodies or voices (REP-155), which several nodes publish on one topic: each keeps what others list.

A reader takes the newest list for all there are, so each node publishes its own ids and those of the others, and does
so again when a list lacks its own or holds one that it gave up. Every answer has one more node's part right and leaves
the others as they were: it ends. Who reads later gets the last list of each node, so each repeats the list when it has
become quiet. Ids of a node that is no more go when nobody publishes their topics any more.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.qos import DurabilityPolicy, QoSProfile

from dvae_nodes.lifecycle.reporting import Reporter
from dvae_nodes.lifecycle.steady_timer import steady_timer

CHECK_SECONDS = 1.0
NUM_MISSED = 2  # checks without publisher after which an id of another node is gone: the graph lags behind
NUM_KEPT = 1000  # of the ids that this node gave up


class SharedList:
    """One such list: `publish` ids of this node. publisher: of the list, latched."""

    def __init__(self, node: LifecycleNode, reporter: Reporter, name: str, publisher: LifecyclePublisher[Any]) -> None:
        self._node, self._reporter, self._name, self._publisher = node, reporter, name, publisher
        self._own: tuple[str, ...] = ()
        self._given_up: deque[str] = deque(maxlen=NUM_KEPT)
        self._others: dict[str, int] = {}  # id -> checks in a row that found no publisher of its topics
        self._seen: set[str] = set()  # ids of others whose topics had a publisher
        self._newest: Any = None  # message of this node
        self._known: frozenset[str] | None = None  # what readers have, None before the first list
        self._latched: frozenset[str] | None = None  # what later readers get from this node
        self._num_quiet = 0  # checks since the last list of another node
        self._echoes: deque[tuple[str, ...]] = deque(maxlen=100)  # what we sent and will hear
        qos = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._subscription = node.create_subscription(publisher.msg_type, name, self._hear, qos)
        self._timer = steady_timer(node, CHECK_SECONDS, self.check)

    def publish(self, message: Any) -> None:
        """The ids of this node from now on; a list is sent when it changes."""
        ids = tuple(message.ids)
        self._given_up.extend(each for each in self._own if each not in ids)
        self._own, self._newest = ids, message
        self._send()

    def check(self) -> None:
        """Let go the ids of nodes that are no more; say when two nodes use one id."""
        published = self._published_by_others() if self._others or self._own else set()
        alone = self._node.count_publishers(self._name) <= 1
        self._seen = (self._seen | published) & set(self._others)
        for each, missed in list(self._others.items()):
            is_there = each in published or (each not in self._seen and not alone)
            self._others[each] = 0 if is_there else missed + 1
            if self._others[each] >= NUM_MISSED:
                del self._others[each]
        for each in published & set(self._own):
            text = f"{self._name}: expected ids of this node alone, got {each} from another one too: set another prefix"
            self._reporter.report("ids of two nodes", f"{text} (body_prefix, voice_prefix)")
        if alone and self._latched is None:  # an empty list is right, and replaces that of a former life
            self._latched = frozenset()
        self._send()
        self._num_quiet += 1
        if self._num_quiet >= NUM_MISSED and self._latched not in (None, self._known):
            self._known = None
            self._send()

    def destroy(self) -> None:
        """Take the ids of this node from the list, and the subscription and the timer from the node."""
        if self._own and self._newest is not None:
            self.publish(type(self._newest)(header=self._newest.header))
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._subscription)

    def _hear(self, message: Any) -> None:
        """A list, perhaps our own."""
        ids = tuple(message.ids)
        if ids in self._echoes:
            while self._echoes.popleft() != ids:
                pass
            return
        stale = set(ids) & set(self._given_up) - set(self._own)
        if stale:
            stale -= self._published_by_others()
        self._others = {each: self._others.get(each, 0) for each in ids if each not in self._own and each not in stale}
        self._known, self._num_quiet = frozenset(ids), 0
        self._send()

    def _send(self) -> None:
        """The list of all, if readers have another."""
        ids = (*self._own, *(each for each in self._others if each not in self._own))
        is_first_and_empty = self._latched is None and not ids  # another node's list may not be here yet
        if self._newest is None or self._known == frozenset(ids) or is_first_and_empty:
            return
        if not self._publisher.is_activated:
            return
        self._known = self._latched = frozenset(ids)
        self._echoes.append(ids)
        self._publisher.publish(type(self._newest)(header=self._newest.header, ids=list(ids)))

    def _published_by_others(self) -> set[str]:
        """Ids below which another node publishes topics."""
        base, own = self._name.rpartition("/")[0] + "/", (self._node.get_name(), self._node.get_namespace())
        found: set[str] = set()
        for name, _ in self._node.get_topic_names_and_types():
            each, _, rest = name.removeprefix(base).partition("/")
            if name.startswith(base) and rest and each not in found:
                publishers = self._node.get_publishers_info_by_topic(name)
                if any((info.node_name, info.node_namespace) != own for info in publishers):
                    found.add(each)
        return found
