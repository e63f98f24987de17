"""What is known of voices from one frame to the next: who was heard lately, who is heard only."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.audiovisual.association import HeardDirections
from dvae.audiovisual.heard_only import Candidates, HeardOnly, drifted, no_candidates, no_speakers
from dvae.tracking.population import rows_of

Array = NDArray[np.float64]
Ids = NDArray[np.int64]
SMOOTHING = 0.2  # s, time constant
HEARD_LEVEL = 0.3  # who is heard with a higher probability, smoothed, is heard


class Presence(NamedTuple):
    """Of M sources: the probability that they are heard, smoothed, and when they last were, in s."""

    source_id: Ids  # (M,), unique
    level: Array  # (M,), in [0, 1]
    heard: Array  # (M,), -inf: never

    @classmethod
    def of_nobody(cls) -> Presence:
        """No sources."""
        return cls(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))

    def of(self, source_id: Ids) -> Presence:
        """Those sources, in that order; who is not known was never heard."""
        if np.array_equal(self.source_id, source_id):
            return self
        row = rows_of(self.source_id, source_id)
        return Presence(source_id, np.append(self.level, 0.0)[row], np.append(self.heard, -math.inf)[row])

    def after(self, directions: HeardDirections, beta: Array) -> Presence:
        """After some frames of directions (K,), theirs with the probability beta (K, M)."""
        mass = np.minimum(directions.in_frames(directions.weight[:, None] * beta), 1.0)  # (F, M)
        level, heard = self.level, self.heard
        for seconds, time, each in zip(directions.seconds, directions.time, mass, strict=True):
            level = each + math.exp(-seconds / SMOOTHING) * (level - each)
            heard = np.where(level > HEARD_LEVEL, time, heard)
        return Presence(self.source_id, level, heard)

    def passed_on(self, heir: Ids, source_id: Ids) -> Presence:
        """Of the sources that are there now, each of these being one of them now, heir (M,), or none."""
        row = rows_of(source_id, heir)
        level, heard = np.zeros(len(source_id) + 1), np.full(len(source_id) + 1, -math.inf)
        np.maximum.at(level, row, self.level)
        np.maximum.at(heard, row, self.heard)
        return Presence(source_id, level[:-1], heard[:-1])


class Listening(NamedTuple):
    """All that is known of voices between two frames; nothing in it is ever changed in place."""

    presence: Presence  # of people, then of who is heard only
    speakers: HeardOnly
    candidates: Candidates
    time: float  # s, of the last frame; -inf: none
    heard_until: float  # s, of the last Heard; -inf: none
    next_id: int  # of who is heard only: they fall

    @classmethod
    def fresh(cls, next_id: int) -> Listening:
        """Nobody was heard."""
        return cls(Presence.of_nobody(), no_speakers(), no_candidates(), -math.inf, -math.inf, next_id)

    def moved_on(self, track_id: Ids, time: float, drift: float) -> Listening:
        """At `time` in s, with people track_id (N,), before anything is heard."""
        seconds, speakers, candidates = time - self.time, self.speakers, self.candidates
        speakers = speakers._replace(variance=drifted(speakers.variance, seconds, drift))
        candidates = candidates._replace(variance=drifted(candidates.variance, seconds, drift))
        presence = self.presence.of(np.concatenate([track_id, speakers.source_id]))
        return self._replace(presence=presence, speakers=speakers, candidates=candidates, time=time)
