"""Who speaks, in messages: dvae_perception/SpeakerArray, and whose voice it is as ROS4HRI (REP-155) says it.

A reader of /humans/candidate_matches keeps what it was told of a pair, so a pair that ends, or one of whose ids goes,
is said once more with a confidence of 0.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.audiovisual.scene import Array, Speakers
from dvae_nodes.wire import topics
from dvae_nodes.wire.conversions import make_stamp, nanoseconds_of
from dvae_nodes.wire.messages import MessageTypes, Output

FACE, BODY, VOICE = 2, 3, 4  # of hri_msgs/IdsMatch
REPEAT_SECONDS = 0.2  # a pair is said at most so often


class Places(NamedTuple):
    """Where M speakers are beside their azimuth; NaN where it is not known."""

    elevation: Array  # (M,), rad
    in_view: NDArray[np.bool_]  # (M,)
    column: Array  # (M,), pixels


def speakers_to_message(types: MessageTypes, header: Any, speakers: Speakers, places: Places) -> Any:
    """M speakers -> dvae_perception/SpeakerArray."""
    messages = [
        types.make(
            "dvae_perception/msg/Speaker",
            track_id=int(speakers.track_id[m]),
            voice_id=int(speakers.voice_id[m]),
            azimuth=float(speakers.azimuth[m]),
            azimuth_stddev=float(np.sqrt(speakers.azimuth_variance[m])),
            elevation=float(places.elevation[m]),
            speaking=bool(speakers.speaking[m]),
            probability=float(speakers.probability[m]),
            since=make_stamp(types, nanoseconds_of(float(speakers.since[m]))),
            in_view=bool(places.in_view[m]),
            image_column=float(places.column[m]),
        )
        for m in range(len(speakers.voice_id))
    ]
    return types.make(topics.SPEAKERS.types[0], header=header, speakers=messages)


class Pair(NamedTuple):
    """A voice, and the body or face that it may be of. kind: BODY or FACE."""

    voice: str
    other: str
    kind: int


class MatchLog:
    """What was said of pairs, and when, by the stamps of the scenes."""

    def __init__(self, types: MessageTypes) -> None:
        self._types = types
        self._said: dict[Pair, float] = {}  # when it was said last, s

    def update(self, time: float, matches: Mapping[Pair, float]) -> list[Output]:
        """The confidence of all pairs at `time` s -> what is to be said: new ones, those that ended, and the others
        every REPEAT_SECONDS."""
        outputs = self.end(pair for pair in list(self._said) if not matches.get(pair))
        for pair, confidence in matches.items():
            if confidence and not abs(time - self._said.get(pair, -math.inf)) < REPEAT_SECONDS:
                self._said[pair] = time
                outputs.append(self._message(pair, confidence))
        return outputs

    def keep(self, kind: int, ids: Collection[str]) -> list[Output]:
        """Only these bodies (faces) are there any more -> the end of the pairs of others."""
        return self.end(pair for pair in list(self._said) if pair.kind == kind and pair.other not in ids)

    def end(self, pairs: Any = None) -> list[Output]:
        """0.0 for each of these pairs that was said, or for all."""
        ended = [
            pair for pair in (list(self._said) if pairs is None else pairs) if self._said.pop(pair, None) is not None
        ]
        return [self._message(pair, 0.0) for pair in ended]

    def _message(self, pair: Pair, confidence: float) -> Output:
        message = self._types.make(
            topics.MATCHES.types[0],
            id1=pair.voice,
            id1_type=VOICE,
            id2=pair.other,
            id2_type=pair.kind,
            confidence=confidence,
        )
        return topics.MATCHES.output(message)
