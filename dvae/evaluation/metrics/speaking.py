"""Who spoke when, and whether each voice was given to the right person: scores of frames of equal length.

Speaking: F1 over all pairs of a person and a frame, and the diarization error rate of NIST's evaluations (missed
speech, false alarms and confusion, over the speech there is), with a collar around each true beginning and end that is
not scored. Matches: `match_counts` says when one is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

Flags = NDArray[np.bool_]
SILENT, UNMATCHED, NO_PERSON = -3, -2, -1  # of a claim: the voice does not speak; is nobody's yet; of somebody untrue
TOLERANCE = 0.5  # s: a voice may be said to speak so long before or after its person does
SHORTEST_TURN = 1.0  # s: of speech by one person, for the time to match


class SpeakingCounts(NamedTuple):
    """Sums over frames, to be added over recordings."""

    both: float  # pairs of a person and a frame: spoke, and was said to
    missed: float
    false: float
    speech: float  # of these four the collar is not scored: speech there is
    miss: float
    false_alarm: float
    confusion: float

    @property
    def f1(self) -> float:
        """In [0, 1]; NaN where there is nothing."""
        return _ratio(2 * self.both, 2 * self.both + self.missed + self.false)

    @property
    def der(self) -> float:
        """Diarization error rate, from 0 on; NaN without speech."""
        return _ratio(self.miss + self.false_alarm + self.confusion, self.speech)


class MatchCounts(NamedTuple):
    """Sums over frames and voices that speak, to be added over recordings; and what is of turns and of people."""

    heard: float  # frames in which a voice speaks (as found) while somebody in view does (in truth)
    all_heard: float  # in which a voice speaks at all, as found
    right: float  # of `heard`
    wrong: float
    switches: float  # how often a person's voice became another one
    delays: tuple[float, ...]  # s, of each turn of somebody in view, until it is matched to them; inf for never

    @property
    def right_rate(self) -> float:
        """Of the time in which a voice is heard while somebody in view speaks: matched to who speaks."""
        return _ratio(self.right, self.heard)

    @property
    def false_rate(self) -> float:
        """Of the time in which a voice is heard: matched to somebody who does not speak."""
        return _ratio(self.wrong, self.all_heard)

    @property
    def time_to_match(self) -> float:
        """Median over the turns, in s; NaN without turns."""
        return float(np.median(self.delays)) if self.delays else float("nan")


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def speaking_counts(
    truth: Flags, found: Flags, nobody: NDArray[np.int64], step: float, collar: float
) -> SpeakingCounts:
    """truth, found (P, T): who speaks in each frame of `step` s, truly and as said; nobody (T,): how many others are
    said to speak who are no person. collar: s on either side of each true change.
    """
    around = round(collar / step)
    scored = np.ones(truth.shape[1], dtype=bool)
    for first, end in (run for row in truth for run in runs(row)):
        for edge in (first, end):
            scored[max(0, edge - around) : edge + around] = False
    both = truth & found
    wanted, said, agreed = truth.sum(axis=0), found.sum(axis=0) + nobody, both.sum(axis=0)
    miss, false_alarm = np.maximum(wanted - said, 0), np.maximum(said - wanted, 0)
    confusion = np.minimum(wanted, said) - agreed
    return SpeakingCounts(
        float(both.sum()),
        float((truth & ~found).sum()),
        float((found & ~truth).sum() + nobody.sum()),
        *(float(each[scored].sum()) for each in (wanted, miss, false_alarm, confusion)),
    )


def match_counts(
    truth: Flags, in_view: Flags, claims: NDArray[np.int64], known: NDArray[np.float64], step: float
) -> MatchCounts:
    """truth, in_view (P, T): who speaks, and who the camera sees. claims (V, T): whose each voice is said to be: a
    person, or SILENT, UNMATCHED, NO_PERSON. known (T,): s, when what is said of each frame is known, on its clock.

    A claim is right when that person speaks in the frame, or less than TOLERANCE before or after it (that the end of
    speech is seen late is an error of speaking, not of matching); else it is wrong, whoever speaks.
    """
    frames = round(TOLERANCE / step)
    near = np.array([_widened(row, frames) for row in truth]).reshape(truth.shape)
    speaks, claimed = claims != SILENT, claims >= NO_PERSON
    heard = speaks & (near & in_view).any(axis=0)
    voice, frame = np.nonzero(claims >= 0)
    right = near[claims[voice, frame], frame]
    delays = [delay for person in range(len(truth)) for delay in _delays(person, truth, in_view, claims, known, step)]
    return MatchCounts(
        float(heard.sum()),
        float(speaks.sum()),
        float((right & heard[voice, frame]).sum()),
        float(claimed.sum() - right.sum()),
        float(sum(_switches(claims, person) for person in range(len(truth)))),
        tuple(delays),
    )


def _widened(row: Flags, frames: int) -> Flags:
    """True also so many frames before and after."""
    return np.asarray(binary_dilation(row, np.ones(2 * frames + 1, dtype=bool)), dtype=bool)


def runs(row: Flags) -> list[tuple[int, int]]:
    """First frame of each run of true, and the one after its last."""
    edges = np.flatnonzero(np.diff(row.astype(np.int8), prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _delays(
    person: int, truth: Flags, in_view: Flags, claims: NDArray[np.int64], known: NDArray[np.float64], step: float
) -> list[float]:
    """Of each turn of a person who is in view all along: until a voice is said to be theirs."""
    found = []
    for first, end in runs(truth[person]):
        if (end - first) * step < SHORTEST_TURN or not in_view[person, first:end].all():
            continue
        matched = np.flatnonzero((claims[:, first:end] == person).any(axis=0))
        found.append(float(known[first + matched[0]] - first * step) if matched.size else float("inf"))
    return found


def _switches(claims: NDArray[np.int64], person: int) -> int:
    """How often the voice that is said to be this person's is another than before."""
    voice, frame = np.nonzero(claims == person)
    order = voice[np.argsort(frame, kind="stable")]
    return int((np.diff(order) != 0).sum())


def added(counts: Sequence[SpeakingCounts]) -> SpeakingCounts:
    """Over recordings."""
    return SpeakingCounts(*np.sum(counts, axis=0))


def added_matches(counts: Sequence[MatchCounts]) -> MatchCounts:
    """Over recordings."""
    heard, all_heard, right, wrong, switches = np.sum([each[:-1] for each in counts], axis=0).tolist()
    delays = tuple(delay for each in counts for delay in each.delays)
    return MatchCounts(heard, all_heard, right, wrong, switches, delays)
