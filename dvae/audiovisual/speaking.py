"""Whether each source speaks: a hidden Markov model of two states, in continuous time.

What is observed of a source is its mass: the weight of the directions that are heard now, as far as they are its own
(responsibilities, E-W), averaged over `window_seconds`. While a source is silent or speaks it stays so for seconds on
average; the logarithm of the ratio of the likelihoods of its mass, speaking to silent, is linear (the logistic form):

    nats(mass) = window_nats (mass - middle_mass)          gained per window_seconds, since masses of one window are one

The forward probability p then obeys a linear equation, which is solved exactly for any step of time:

    p(t + dt) is proportional to expm(A dt) p(t),    A = [[-onset, end], [onset, -end + nats / window_seconds]]

(the filter of Wonham, 1964). One step of 1 s is the same as a hundred of 10 ms. Sources are independent: several may
speak at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.audiovisual.scene import Array, Ids
from dvae.configuration import setting

SUBSTEP_SECONDS = 0.01  # over which the averaged mass counts as constant
FLOOR = 1e-6  # probabilities stay inside [FLOOR, 1 - FLOOR]


@dataclass(frozen=True)
class SpeakingConfig:
    """How what is heard of a source becomes a probability that it speaks, and a decision."""

    window_seconds: float = setting(
        0.4, "over so much time what is heard of a source is averaged", unit="s", minimum=0.01, maximum=5.0, live=True
    )
    speech_seconds: float = setting(
        2.0, "how long somebody speaks, on average (stays with 0.95 for 0.1 s)", unit="s", minimum=0.05, live=True
    )
    silence_seconds: float = setting(4.0, "how long somebody is silent, on average", unit="s", minimum=0.05, live=True)
    middle_mass: float = setting(
        0.3, "mass that is as likely from who speaks as from who is silent", minimum=0.0, maximum=1.0, live=True
    )
    window_nats: float = setting(
        12.0, "evidence of a mass of one more, per window", unit="nat", minimum=0.0, maximum=1000.0, live=True
    )
    start_probability: float = setting(
        0.6, "who is silent speaks from this probability", minimum=0.0, maximum=1.0, live=True
    )
    stop_probability: float = setting(
        0.4, "who speaks is silent below this probability", minimum=0.0, maximum=1.0, live=True
    )


class Speaking(NamedTuple):
    """Of M sources, in any order."""

    source_id: Ids  # (M,), unique
    mass: Array  # (M,), averaged, in [0, 1]
    probability: Array  # (M,), that the source speaks now, given all until now
    speaking: NDArray[np.bool_]  # (M,), decision
    since: Array  # (M,), s: time at which the decision began

    @classmethod
    def nobody(cls) -> Speaking:
        """No sources."""
        return cls(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0, bool), np.zeros(0))


def rows_of(known: Ids, wanted: Ids) -> Ids:
    """Where each of `wanted` (M,) is in `known` (N,), unique ids -> (M,), -1 for those that are not."""
    if not len(known):
        return np.full(len(wanted), -1, dtype=np.int64)
    order = np.argsort(known)
    place = np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)
    return np.where(known[order[place]] == wanted, order[place], -1)


def follow(state: Speaking, source_id: Ids, time: float, config: SpeakingConfig) -> Speaking:
    """The state in the order of source_id (M,): who is not among them is forgotten, who is new is silent at `time`."""
    prior = config.speech_seconds / (config.speech_seconds + config.silence_seconds)
    row = rows_of(state.source_id, source_id)
    old = row >= 0

    def of(values: Array, fresh: float) -> Array:
        return np.where(old, values[row], fresh) if len(values) else np.full(len(source_id), fresh)

    return Speaking(
        source_id, of(state.mass, 0.0), of(state.probability, prior), of(state.speaking.astype(float), 0.0) > 0,
        of(state.since, time),
    )  # fmt: skip


def listen(
    state: Speaking, mass: Array, seconds: float, time: float, config: SpeakingConfig, cue_nats: Array | None = None
) -> Speaking:
    """The state at `time`, after `seconds` in which the sources' mass was (M,), in [0, 1].

    cue_nats (M,): what another cue, such as lips, says for speaking, as a log-likelihood ratio per window_seconds.
    """
    num_steps = max(1, math.ceil(seconds / SUBSTEP_SECONDS - 1e-6))
    step = seconds / num_steps
    keep = math.exp(-2.0 * step / config.window_seconds)  # the same mean age as a window of equal weights
    averaged, probability = state.mass, state.probability
    for _ in range(num_steps):
        averaged_before, averaged = averaged, keep * averaged + (1.0 - keep) * mass
        nats = config.window_nats * (0.5 * (averaged_before + averaged) - config.middle_mass)
        nats = nats if cue_nats is None else nats + cue_nats
        probability = forward(probability, nats / config.window_seconds, step, config)
    return _decide(state._replace(mass=averaged, probability=probability), time, config)


def wait(state: Speaking, seconds: float, time: float, config: SpeakingConfig) -> Speaking:
    """The state at `time`, after `seconds` without sound: nothing is known of them."""
    probability = forward(state.probability, np.zeros(len(state.mass)), seconds, config)
    mass = state.mass * math.exp(-2.0 * seconds / config.window_seconds)
    return _decide(state._replace(mass=mass, probability=probability), time, config)


def hush(state: Speaking, time: float) -> Speaking:
    """The state at `time` while the robot itself speaks: nobody else does, as far as is known."""
    nothing = np.zeros(len(state.mass))
    silent = np.zeros(len(state.mass), dtype=bool)
    return state._replace(
        mass=nothing, probability=nothing + FLOOR, speaking=silent, since=np.where(state.speaking, time, state.since)
    )


def veto(state: Speaking, doubtful: NDArray[np.bool_], time: float) -> Speaking:
    """Without the decision that they speak for those of whom it is not sure (M,)."""
    taken = doubtful & state.speaking
    return state._replace(speaking=state.speaking & ~taken, since=np.where(taken, time, state.since))


def forward(probability: Array, nats_per_second: Array, seconds: float, config: SpeakingConfig) -> Array:
    """expm(A dt) (1 - p, p), normalised: probability (M,) after `seconds` of constant evidence (M,)."""
    onset, end = 1.0 / config.silence_seconds, 1.0 / config.speech_seconds
    # A = mean I + [[half, end], [onset, -half]], whose square is root^2 I
    half = 0.5 * (end - onset - nats_per_second)
    root = np.sqrt(np.square(half) + onset * end)
    share = np.tanh(root * seconds) / root
    silent = (1.0 - probability) * (1.0 + share * half) + probability * share * end
    speaks = (1.0 - probability) * share * onset + probability * (1.0 - share * half)
    return np.clip(speaks / (silent + speaks), FLOOR, 1.0 - FLOOR)


def _decide(state: Speaking, time: float, config: SpeakingConfig) -> Speaking:
    """With hysteresis."""
    limit = np.where(state.speaking, config.stop_probability, config.start_probability)
    speaking = state.probability >= limit
    return state._replace(speaking=speaking, since=np.where(speaking == state.speaking, state.since, time))
