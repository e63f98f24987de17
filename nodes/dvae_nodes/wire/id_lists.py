"""The list of all bodies or voices (REP-155) is one for all cameras and microphones: a reader takes the newest."""

from __future__ import annotations

from typing import Any

from dvae_nodes.wire.messages import MessageTypes, Output
from dvae_nodes.wire.topics import IDS_LIST


class IdLists:
    """Lists of ids that several sources write on one topic, merged: each source's newest, in the order of sources."""

    def __init__(self, types: MessageTypes) -> None:
        self._types = types
        self._ids: dict[str, dict[str, list[str]]] = {}  # topic -> source -> ids

    def merged(self, source: str, output: Output) -> Output:
        """An output of `source`, a list of ids as that of all sources; other outputs as they are."""
        if output.type != IDS_LIST:
            return output
        lists = self._ids.setdefault(output.topic, {})
        lists[source] = list(output.message.ids)
        if len(lists) == 1:
            return output
        message: Any = self._types.make(
            IDS_LIST,
            header=output.message.header,
            ids=list(dict.fromkeys(each for ids in lists.values() for each in ids)),
        )
        return output._replace(message=message)
