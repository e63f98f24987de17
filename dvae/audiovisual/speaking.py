"""Whether each source speaks: a hidden Markov model of two states, in continuous time.

What is observed of a source is its mass: the probability of speech, times the source's share of the directions that are
heard (their weights, by responsibilities, E-W), both averaged over the last `window_seconds` and `share_seconds`:

    mass_n = speech  weight_n / (sum of the weights of all + others + RESERVE)

A source stays silent or speaks for seconds on average; the logarithm of the ratio of the likelihoods of its mass,
speaking to silent, is linear (the logistic form):

    nats(mass) = window_nats (mass - middle_mass)          gained per window_seconds, since masses of one window are one

The forward probability p then obeys a linear equation, which is solved exactly for any step of time:

    p(t + dt) is proportional to expm(A dt) p(t),    A = [[-onset, end], [onset, -end + nats / window_seconds]]

(the filter of Wonham, 1964). One step of 1 s is the same as a hundred of 10 ms. Sources are independent but for their
shares: several may speak at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.audiovisual.scene import Array, Ids
from dvae.configuration import setting
from dvae.tracking.population import rows_of

SUBSTEP_SECONDS = 0.01  # over which the mass counts as constant
RESERVE = 0.1  # weight of directions that are not found
DEAF_SECONDS = 0.5  # without sound, from which nobody is said to speak
FLOOR = 1e-6  # probabilities stay inside [FLOOR, 1 - FLOOR]


@dataclass(frozen=True)
class SpeakingConfig:
    """How what is heard of a source becomes a probability that it speaks, and a decision."""

    window_seconds: float = setting(
        0.2, "over so much time speech is averaged, besides what hearing does", unit="s", minimum=0.01, live=True
    )
    share_seconds: float = setting(
        0.5, "over so much time it is averaged from where speech comes", unit="s", minimum=0.01, live=True
    )
    speech_seconds: float = setting(
        1.0, "how long somebody speaks without a pause, on average", unit="s", minimum=0.05, live=True
    )
    pause_seconds: float = setting(2.0, "how long somebody is silent, on average", unit="s", minimum=0.05, live=True)
    middle_mass: float = setting(
        0.23, "mass that is as likely from who speaks as from who is silent", minimum=0.0, maximum=1.0, live=True
    )
    window_nats: float = setting(
        15.0, "evidence of a mass of one more, per window", unit="nat", minimum=0.0, maximum=1000.0, live=True
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
    weight: Array  # (M,), of their directions, averaged, in [0, 1]
    probability: Array  # (M,), that the source speaks now, given all until now
    speaking: NDArray[np.bool_]  # (M,), decision
    since: Array  # (M,), s: time at which the decision began
    speech: float  # averaged
    others: float  # weight of directions that are nobody's of these, averaged

    @classmethod
    def nobody(cls) -> Speaking:
        """No sources."""
        return cls(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0, bool), np.zeros(0), 0.0, 0.0)


def follow(state: Speaking, source_id: Ids, time: float, config: SpeakingConfig) -> Speaking:
    """The state in the order of source_id (M,): who is not among them is forgotten, who is new is silent at `time`."""
    prior = config.speech_seconds / (config.speech_seconds + config.pause_seconds)
    row = rows_of(state.source_id, source_id)
    old = row >= 0

    def of(values: Array, fresh: float) -> Array:
        return np.where(old, values[row], fresh) if len(values) else np.full(len(source_id), fresh)

    return Speaking(
        source_id, of(state.weight, 0.0), of(state.probability, prior), of(state.speaking.astype(float), 0.0) > 0,
        of(state.since, time), state.speech, state.others,
    )  # fmt: skip


class Observed(NamedTuple):
    """What is heard in a frame, of M sources."""

    weight: Array  # (M,), of their directions, in [0, 1]
    others: float  # weight of other directions
    speech: float  # probability that anybody speaks


def listen(state: Speaking, observed: Observed, seconds: float, time: float, config: SpeakingConfig) -> Speaking:
    """The state at `time`, after `seconds` in which that was observed."""
    num_steps = max(1, math.ceil(seconds / SUBSTEP_SECONDS - 1e-6))
    step = seconds / num_steps
    averages, probability = Observed(state.weight, state.others, state.speech), state.probability
    rates = _rates(0.5 * step, config)
    for _ in range(num_steps):
        middle = _averaged(averages, observed, rates)
        averages = _averaged(middle, observed, rates)
        mass = middle.speech * middle.weight / (middle.weight.sum() + middle.others + RESERVE)
        nats = config.window_nats * (mass - config.middle_mass)
        probability = forward(probability, nats / config.window_seconds, step, config)
    return _decide(state._replace(probability=probability, **averages._asdict()), time, config)


def _rates(seconds: float, config: SpeakingConfig) -> tuple[float, float]:
    """How much of what is observed for so long enters the averages of speech, and of weights: exponential ones, with
    the mean age of a window of equal weights."""
    return -math.expm1(-2.0 * seconds / config.window_seconds), -math.expm1(-2.0 * seconds / config.share_seconds)


def _averaged(averages: Observed, observed: Observed, rates: tuple[float, float]) -> Observed:
    window, share = rates
    return Observed(
        averages.weight + share * (observed.weight - averages.weight),
        averages.others + share * (observed.others - averages.others),
        averages.speech + window * (observed.speech - averages.speech),
    )


def wait(state: Speaking, seconds: float, time: float, config: SpeakingConfig) -> Speaking:
    """The state at `time`, after `seconds` without sound: who spoke is forgotten, and after a while not said."""
    nothing = np.zeros(len(state.weight))
    averages = Observed(state.weight, state.others, state.speech)
    averages = _averaged(averages, Observed(nothing, 0.0, 0.0), _rates(seconds, config))
    probability = forward(state.probability, nothing, seconds, config)
    state = _decide(state._replace(probability=probability, **averages._asdict()), time, config)
    return veto(state, np.full(len(nothing), seconds > DEAF_SECONDS), time)


def hush(state: Speaking, time: float) -> Speaking:
    """The state at `time` while the robot itself speaks: nobody else does, as far as is known."""
    nothing = np.zeros(len(state.weight))
    state = state._replace(weight=nothing, speech=0.0, others=0.0, probability=nothing + FLOOR)
    return veto(state, np.ones(len(nothing), dtype=bool), time)


def veto(state: Speaking, doubtful: NDArray[np.bool_], time: float) -> Speaking:
    """Without the decision that they speak for those of whom it is not sure (M,)."""
    taken = doubtful & state.speaking
    return state._replace(speaking=state.speaking & ~taken, since=np.where(taken, time, state.since))


def forward(probability: Array, nats_per_second: Array, seconds: float, config: SpeakingConfig) -> Array:
    """expm(A dt) (1 - p, p), normalised: probability (M,) after `seconds` of constant evidence (M,)."""
    onset, end = 1.0 / config.pause_seconds, 1.0 / config.speech_seconds
    # A = mean I + [[half, end], [onset, -half]], whose square is root^2 I
    half = 0.5 * (end - onset - nats_per_second)
    root = np.sqrt(np.square(half) + onset * end)
    share = np.tanh(root * seconds) / root
    silent = (1.0 - probability) * (1.0 + share * half) + probability * share * end
    speaks = (1.0 - probability) * share * onset + probability * (1.0 - share * half)
    return np.minimum(np.maximum(speaks / (silent + speaks), FLOOR), 1.0 - FLOOR)  # half the cost of np.clip


def _decide(state: Speaking, time: float, config: SpeakingConfig) -> Speaking:
    """With hysteresis."""
    limit = np.where(state.speaking, config.stop_probability, config.start_probability)
    speaking = state.probability >= limit
    return state._replace(speaking=speaking, since=np.where(speaking == state.speaking, state.since, time))
