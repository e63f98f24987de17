"""People who are seen and heard: one posterior of where they are, from boxes and from directions.

Y. Ban, X. Alameda-Pineda, L. Girin, R. Horaud, "Variational Bayesian inference for audio-visual tracking of multiple
speakers" (IEEE TPAMI 2021), with the online tracker of this package (dvae.tracking.online) for what is seen: its motion
model in place of a linear one. In each frame E-W of the boxes, E-W of the directions and E-S; departures:

- one pass and no iterations, as in the online tracker: boxes first, then directions given the boxes;
- boxes are exclusive, so that no person has two; directions are not, and several frames of them may come with an image;
- E-W of directions: see dvae.audiovisual.association; what a direction says of a box: see dvae.audiovisual.evidence;
- one slope for each person, of the bearing map at their box, in place of affine pieces with responsibilities;
- who is heard and not seen is a source of its own kind, a direction (dvae.audiovisual.heard_only). A person whose
  boxes are missing lives on while heard, pulled by the voice; who becomes whom: see dvae.audiovisual.succession.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvae.audiovisual.association import HeardDirections, assign_directions, gather, next_to
from dvae.audiovisual.config import AudioVisualConfig
from dvae.audiovisual.evidence import innovations, on_centres
from dvae.audiovisual.heard_only import corrected, fed, started
from dvae.audiovisual.listening import Listening
from dvae.audiovisual.people import People, people_after, people_of
from dvae.audiovisual.scene import BearingMap, Heard
from dvae.audiovisual.succession import held_by_voice, succeed
from dvae.inference.responsibilities import Assignment
from dvae.tracking.online import OnlineTracker
from dvae.tracking.population import join, rows_of
from dvae.tracking.steps import Associated, Others
from dvae.tracking.tracks import Tracks, TrackState

Array = NDArray[np.float64]
Ids = NDArray[np.int64]


class Sources(NamedTuple):
    """All who may be heard, M of them: the confirmed tracks, then who is heard only."""

    source_id: Ids  # (M,), unique in the life of the tracker: of a track its id, of who is heard only a negative number
    track_id: Ids  # (M,), as in the tracks; 0 for who is heard only
    azimuth: Array  # (M,), rad; NaN where there is no bearing map
    azimuth_variance: Array  # (M,), rad^2; NaN likewise
    in_view: NDArray[np.bool_]  # (M,), whether the image shows where they are


class AudioVisualFrame(NamedTuple):
    """What is known at a time. responsibilities: of each Heard, (K, M + 1): whose voice each of its directions is, the
    last column nobody's; rows sum to one."""

    time: float  # s
    tracks: Tracks
    sources: Sources
    heard: tuple[Heard, ...]  # since the frame before
    responsibilities: tuple[Array, ...]


class AudioVisualTracker:
    """Call `update` for every video frame, also for those without boxes; `reset` to start anew (ids go on).

    bearings: from boxes to azimuths, may be replaced between updates; None: nothing that is heard is used.
    """

    def __init__(
        self, tracker: OnlineTracker, bearings: BearingMap | None, config: AudioVisualConfig | None = None
    ) -> None:
        self.bearings, self.config = bearings, config or AudioVisualConfig()
        self._tracker, self._state = tracker, Listening.fresh(next_id=-1)

    def reset(self) -> None:
        """Forget everybody; ids go on."""
        self._tracker.reset()
        self._state = Listening.fresh(self._state.next_id)

    def update(
        self,
        boxes: ArrayLike,
        time: float,
        scores: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        camera: ArrayLike | None = None,
        heard: Sequence[Heard] = (),
        looked: bool = True,
    ) -> AudioVisualFrame:
        """Boxes (K, 4) as in OnlineTracker.update, and what was heard since the last update -> people and voices.

        looked: false where there is no image, so that only time and sound go on. Raises ValueError as OnlineTracker
        does, and for what is heard that is not finite, out of range or out of order; after any error the tracker is as
        it was.
        """
        used = heard if self.bearings is not None else ()
        directions = gather(used, self._state.heard_until, self.config.directions_per_second)
        # E-W of boxes: exclusive, given the past
        seen = self._tracker.associate(boxes, time, scores, labels, camera, looked)
        people = people_of(seen, self.bearings)
        known = self._state.moved_on(people.track_id, time, self.config.unseen_drift)
        # E-W of directions: given the past and the boxes
        whose = self._e_w(directions, people, known)
        # E-S: the precisions of boxes and of directions add up
        known = self._e_s_heard_only(directions, whose, known)
        ours = known.presence.heard[: len(people.track_id)]
        held = held_by_voice(seen, ours, self.config.max_silent_seconds, self._tracker.config.max_missed_seconds)
        tracks = self._tracker.correct(seen, self._e_s_people(directions, whose, seen, people, held.present))
        # births, deaths, and who becomes whom
        after = people_after(people, tracks, self.bearings)
        state = tracks.state[tracks.state != TrackState.TENTATIVE]
        self._state, heir = succeed(people, known, held, after, state, self.config)
        row = rows_of(self._state.presence.source_id, heir)
        return AudioVisualFrame(
            time, tracks, self._sources(after), tuple(heard), shares(heard, whose, row, len(self._state.presence.heard))
        )

    @property
    def _own(self) -> float:
        """Variance of a direction, rad^2."""
        return math.radians(self.config.direction_deviation) ** 2

    def _e_w(self, directions: HeardDirections, people: People, known: Listening) -> Assignment:
        """Directions (K,) are people's (N), speakers' who are heard only (J), candidates' (C), or nobody's."""
        own, clutter, speakers, candidates = self._own, self.config.direction_clutter, known.speakers, known.candidates
        azimuth = np.concatenate([people.bearings.azimuth, speakers.azimuth])
        variance = np.concatenate([people.variance(), speakers.variance])
        sure = assign_directions(directions.azimuth, azimuth, variance + own, clutter)
        rest = assign_directions(directions.azimuth, candidates.azimuth, candidates.variance + own, clutter)
        return next_to(sure, rest)

    def _e_s_people(
        self,
        directions: HeardDirections,
        whose: Assignment,
        seen: Associated,
        people: People,
        present: NDArray[np.bool_],
    ) -> Others:
        """What directions say of the boxes of all tracks, and whom the voice keeps alive."""
        beta, variance = whose.responsibilities[:, : len(present)], self._own + people.bearings.variance
        innovation = innovations(directions, beta, people.bearings.azimuth, variance)
        confirmed = seen.before.people.confirmed
        nothing = np.zeros((len(confirmed), 4))
        others = Others(nothing, nothing.copy(), np.zeros(len(confirmed), dtype=bool))
        said = on_centres(people.boxes, people.bearings, innovation)
        others.precision[confirmed], others.information[confirmed] = said
        others.present[confirmed] = present
        return others

    def _e_s_heard_only(self, directions: HeardDirections, whose: Assignment, known: Listening) -> Listening:
        """Where speakers and candidates are, who was heard, and new candidates."""
        if not len(directions.time):
            return known
        own, speakers, candidates, (beta, clutter) = self._own, known.speakers, known.candidates, whose
        sure = len(known.presence.heard)
        if len(speakers.azimuth):
            theirs = innovations(directions, beta[:, sure - len(speakers.azimuth) : sure], speakers.azimuth, own)
            azimuth, variance = corrected(speakers.azimuth, speakers.variance, theirs)
            speakers = speakers._replace(azimuth=azimuth, variance=variance)
        if len(candidates.azimuth):
            left = directions.weight * (clutter + beta[:, sure:].sum(axis=1))
            candidates = fed(candidates, directions, left, beta[:, sure:], own)
        return known._replace(
            speakers=speakers,
            candidates=join(candidates, started(directions, directions.weight * clutter, own)),
            presence=known.presence.after(directions, beta[:, :sure]),
            heard_until=float(directions.time[-1]),
        )

    def _sources(self, people: People) -> Sources:
        """Confirmed tracks, and speakers."""
        speakers, azimuth, variance = self._state.speakers, people.bearings.azimuth, people.variance()
        nobody = np.zeros(len(speakers.azimuth), dtype=np.int64)
        in_view = nobody > 0
        if self.bearings is not None and len(nobody):
            in_view = np.isfinite(self.bearings.columns(speakers.azimuth))
        return Sources(
            np.concatenate([people.track_id, speakers.source_id]),
            np.concatenate([people.track_id, nobody]),
            np.concatenate([np.where(np.isfinite(variance), azimuth, np.nan), speakers.azimuth]),
            np.concatenate([np.where(np.isfinite(variance), variance, np.nan), speakers.variance]),
            np.concatenate([np.ones(len(azimuth), dtype=bool), in_view]),
        )


def shares(heard: Sequence[Heard], whose: Assignment, row: Ids, count: int) -> tuple[Array, ...]:
    """Of each Heard the responsibilities (K, count + 1) of the sources that those of E-W are now, row (S,), -1: nobody;
    directions that were not used are nobody's."""
    sizes = [len(each.azimuth) for each in heard]
    found = np.zeros((sum(sizes), count + 1))
    if not len(whose.clutter):
        found[:, -1] = 1.0
    else:
        np.add.at(found.T, row[: whose.responsibilities.shape[1]], whose.responsibilities.T)  # -1: the last column
        found[:, -1] += whose.clutter
    return tuple(np.split(found, np.cumsum(sizes)[:-1])) if sizes else ()
