"""Who goes on as whom: what becomes of sources from one frame to the next.

- A person whose boxes are missing lives on while heard, and for some silence after it: held by the voice. Where
  somebody was found in the same place since, that person takes over.
- A person whose track ends while heard (who left the image) goes on as somebody who is heard only; so does a candidate
  that is believed.
- Of directions of speakers that coincide with a person who is seen, or with those of an older one, nothing is left but
  that source.

Who takes over inherits what was heard.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.audiovisual.config import AudioVisualConfig
from dvae.audiovisual.heard_only import SAME, HeardOnly, apart, believed, best, promising
from dvae.audiovisual.listening import Listening, Presence
from dvae.audiovisual.people import People, handed_over
from dvae.tracking.population import join, select
from dvae.tracking.steps import Associated
from dvae.tracking.tracks import TrackState

Array = NDArray[np.float64]
Ids = NDArray[np.int64]
NOBODY = 0


class Held(NamedTuple):
    """Confirmed tracks (N,) that the voice keeps alive, and who takes over from some: track_id to track_id."""

    present: NDArray[np.bool_]
    heirs: dict[int, int]


def held_by_voice(seen: Associated, heard: Array, max_silent: float, max_missed: float) -> Held:
    """heard: of each confirmed track, when its voice last was, s; max_silent, max_missed: for how long a track lives on
    without voice, and without boxes, s."""
    before, now = seen.before.people, seen.frame.time
    present = now - heard <= max_silent
    missed = before.confirmed & (now - before.seen_time > max_missed)
    if not missed.any():
        return Held(present, {})
    heirs = handed_over(before, seen.view.predicted.mean, missed)
    return Held(present & ~np.isin(before.track_id[before.confirmed], list(heirs)), heirs)


def succeed(
    before: People, known: Listening, held: Held, after: People, state: Ids, config: AudioVisualConfig
) -> tuple[Listening, Ids]:
    """What is known of voices after a frame, and which source each of people, speakers and candidates before it is now,
    or NOBODY.

    before, after: confirmed tracks before the frame and after it; state: TrackState of the latter; known: after E-S.
    """
    candidates, born = known.candidates, believed(known.candidates, config)
    rest = best(select(candidates, ~born & promising(candidates, known.time)))
    if np.array_equal(before.track_id, after.track_id) and not (len(known.speakers.source_id) or born.any()):
        return known._replace(candidates=rest), np.append(before.track_id, np.full(len(born), NOBODY))
    ended = ~np.isin(before.track_id, after.track_id)
    of_people = np.where(ended, [held.heirs.get(i, NOBODY) for i in before.track_id.tolist()], before.track_id)
    of_people[~np.isin(of_people, after.track_id)] = NOBODY
    left = ended & held.present & np.isfinite(before.variance())
    azimuth = np.concatenate([before.bearings.azimuth[left], candidates.azimuth[born]])
    variance = np.concatenate([before.variance()[left], candidates.variance[born]])
    new = HeardOnly(known.next_id - np.arange(len(azimuth)), azimuth, variance)
    silent = known.time - known.presence.heard[len(ended) :] > config.unseen_silent_seconds
    lives = np.append(~silent, np.ones(len(azimuth), dtype=bool))
    speakers, heir = settle(join(known.speakers, new), lives, seen_directions(after, state))
    of_speakers, of_people[left], of_born = np.split(heir, [len(silent), len(silent) + int(left.sum())])
    of_candidates = np.full(len(born), NOBODY)
    of_candidates[born] = of_born
    heir = np.concatenate([of_people, of_speakers, of_candidates])
    source_id = np.concatenate([after.track_id, speakers.source_id])
    heard = join(known.presence, Presence(of_candidates, np.zeros(len(born)), candidates.fed))
    known = known._replace(
        presence=heard.passed_on(heir, source_id),
        speakers=speakers,
        candidates=rest,
        next_id=known.next_id - len(azimuth),
    )
    return known, heir


def settle(given: HeardOnly, lives: NDArray[np.bool_], seen: HeardOnly) -> tuple[HeardOnly, Ids]:
    """Who is heard only from now on, and which source each of those given is now, (S,), or NOBODY.

    given: directions of S, those that count first; lives (S,): not silent for too long; seen: directions of people who
    are seen.
    """
    heir, kept = np.full(len(lives), NOBODY), np.zeros(len(lives), dtype=bool)
    among, with_seen = apart(given, given), apart(given, seen)
    for s in np.flatnonzero(lives):
        if with_seen[s].min(initial=np.inf) <= SAME:
            heir[s] = seen.source_id[with_seen[s].argmin()]
        elif len(before := np.flatnonzero(kept & (among[s] <= SAME))):
            heir[s] = given.source_id[before[0]]
        else:
            heir[s], kept[s] = given.source_id[s], True
    return select(given, kept), heir


def seen_directions(people: People, state: Ids) -> HeardOnly:
    """Directions of confirmed tracks (N,) that were seen in the frame, where they are known."""
    variance = people.variance()
    which = (state == TrackState.CONFIRMED) & np.isfinite(variance)
    return HeardOnly(people.track_id[which], people.bearings.azimuth[which], variance[which])
