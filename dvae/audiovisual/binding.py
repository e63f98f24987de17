"""Which body each voice belongs to, with a confidence that means what it says, or none.

Of a voice v and a body n the mean of the offset, heard azimuth minus where the body is, is kept over the last
`memory_seconds` of speech (exponential forgetting). Its likelihood is

    L_vn = N(offset_vn; 0, bias^2 + direction^2 / (number of independent frames) + variance of the body's azimuth).

Errors of direction that last, such as those by reflections, exchange neighbours, however long one listens. Bodies that
stand near each other therefore share their likelihoods:

    L'_vn = sum over m of S_nm L_vm,    S_nm proportional to exp(-(theta_m - theta_n)^2 / (2 resolution^2)), sum_n = 1.

With N bodies and nobody, and what lips say (dvae.audiovisual.lips), the confidence is the posterior

    c_vn proportional to (1 - pi_0) / N  L'_vn exp(lips_n),    c_v0 proportional to pi_0 / (2 pi).

A pair is asserted from `assert_confidence` and given up below `drop_confidence`. At most one body a voice, at most one
voice a body.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.angles import wrap
from dvae.audiovisual.scene import Array, Ids
from dvae.audiovisual.voices import NOBODY, Assigned, Voices
from dvae.configuration import setting
from dvae.tracking.population import rows_of

LOG_UNIFORM = -math.log(2.0 * math.pi)
FRAME_SECONDS = 0.1  # between directions with independent errors
LATELY_SECONDS = 1.0  # who was heard within it holds a body against others, and may be matched


@dataclass(frozen=True)
class BindingConfig:
    """How sure a match has to be."""

    direction_stddev_degrees: float = setting(
        5.0, "errors of the heard directions that change from frame to frame", unit="deg", minimum=0.1, maximum=90.0
    )
    bias_stddev_degrees: float = setting(
        4.0, "errors of the heard directions against the bodies that last", unit="deg", minimum=0.1, maximum=90.0
    )
    resolution_degrees: float = setting(
        13.5, "bodies that are nearer than about this cannot be told apart", unit="deg", minimum=0.1, maximum=90.0
    )
    nobody_probability: float = setting(
        0.2, "how often a voice belongs to nobody who is tracked", minimum=0.001, maximum=0.999
    )
    memory_seconds: float = setting(0.5, "so much speech of a voice counts", unit="s", minimum=0.01, maximum=60.0)
    assert_confidence: float = setting(0.6, "a match is said from this confidence", minimum=0.0, maximum=1.0)
    drop_confidence: float = setting(0.4, "a match is taken back below this confidence", minimum=0.0, maximum=1.0)


class Bodies(NamedTuple):
    """N tracked people, as the microphones see them."""

    source_id: Ids  # (N,), unique
    azimuth: Array  # (N,), rad; NaN where it is not known
    variance: Array  # (N,), rad^2
    nats: Array  # (N,), log-likelihood ratio by the lips that who is heard now is this body; NaN where not known


class Offsets(NamedTuple):
    """Where V voices were heard from, as N bodies see it."""

    stream_id: Ids  # (V,)
    source_id: Ids  # (N,)
    seconds: Array  # (V, N), of speech, at most memory_seconds
    offset: Array  # (V, N), rad
    nats: Array  # (V, N), by the lips

    @classmethod
    def none(cls) -> Offsets:
        """Of nobody."""
        ids, values = np.zeros(0, dtype=np.int64), np.zeros((0, 0))
        return cls(ids, ids, values, values, values)


def arrange(evidence: Offsets, stream_id: Ids, source_id: Ids) -> Offsets:
    """The evidence for these voices (V,) and bodies (N,); nothing is known of new ones."""
    row, column = rows_of(evidence.stream_id, stream_id), rows_of(evidence.source_id, source_id)
    known = (row[:, None] >= 0) & (column >= 0)

    def of(values: Array) -> Array:
        return np.where(known, values[np.ix_(row, column)], 0.0) if values.size else np.zeros(known.shape)

    return Offsets(stream_id, source_id, *(of(values) for values in evidence[2:]))


def learn(evidence: Offsets, heard: Assigned, bodies: Bodies, seconds: float, config: BindingConfig) -> Offsets:
    """The evidence after `seconds` in which the voices (V,) were heard as assigned."""
    speech = (heard.mass * seconds)[:, None]
    kept = evidence.seconds * np.exp(-speech / config.memory_seconds)
    gained = np.where(
        np.isfinite(bodies.azimuth), config.memory_seconds * -np.expm1(-speech / config.memory_seconds), 0
    )
    total = kept + gained
    share = gained / np.maximum(total, 1e-12)
    away = np.nan_to_num(wrap(heard.azimuth[:, None] - bodies.azimuth))
    # the mean goes the shorter way round
    offset = wrap(evidence.offset + share * wrap(away - evidence.offset))
    learnt = -np.expm1(-speech / config.memory_seconds)
    nats = evidence.nats + learnt * (np.nan_to_num(bodies.nats) - evidence.nats)
    return evidence._replace(seconds=total, offset=offset, nats=nats)


def log_likelihood(evidence: Offsets, bodies: Bodies, config: BindingConfig) -> Array:
    """log L (V, N), in rad^-1; of bodies of which nothing is known yet that of any direction."""
    frames = np.maximum(evidence.seconds / FRAME_SECONDS, 1.0)
    variance = (
        math.radians(config.bias_stddev_degrees) ** 2
        + math.radians(config.direction_stddev_degrees) ** 2 / frames
        + np.nan_to_num(bodies.variance)
    )
    fits = -0.5 * (np.log(2.0 * math.pi * variance) + np.square(evidence.offset) / variance)
    return np.where(evidence.seconds > 0.0, fits, LOG_UNIFORM)


def confidence(evidence: Offsets, bodies: Bodies, config: BindingConfig) -> Array:
    """c (V, N): the posterior that a voice is a body's; what is left of each row to one is nobody's."""
    apart = wrap(bodies.azimuth[:, None] - bodies.azimuth)
    alike = np.exp(-0.5 * np.square(apart / math.radians(config.resolution_degrees)))
    alike = np.where(np.eye(len(apart), dtype=bool), 1.0, np.nan_to_num(alike))
    shared = np.exp(log_likelihood(evidence, bodies, config)) @ (alike / alike.sum(axis=1, keepdims=True))
    prior = (1.0 - config.nobody_probability) / max(len(apart), 1)
    joint = prior * shared * np.exp(evidence.nats)
    nobody = config.nobody_probability * math.exp(LOG_UNIFORM)
    return np.asarray(joint / (joint.sum(axis=1, keepdims=True) + nobody))


def match(voices: Voices, sure: Array, source_id: Ids, time: float, config: BindingConfig) -> Voices:
    """The voices with their bodies, by confidences (V, N) of pairs with bodies (N,): those that hold are kept, then
    the surest of the new ones are made. A stream that is no voice yet stays with the body that lips gave it."""
    column = rows_of(source_id, voices.body)
    holds = np.take_along_axis(_padded(sure), column[:, None], 1)[:, 0] >= config.drop_confidence
    held = (column >= 0) & (holds | (voices.voice_id == 0))
    body = np.where(held, voices.body, NOBODY)
    lately = time - voices.last_heard <= LATELY_SECONDS
    may = ((voices.voice_id > 0) & (body == NOBODY) & lately)[:, None] & (sure >= config.assert_confidence)
    for voice, n in sorted(zip(*np.nonzero(may), strict=True), key=lambda pair: -sure[pair]):
        if body[voice] == NOBODY and not (lately & (body == source_id[n])).any():
            body = np.where(body == source_id[n], NOBODY, body)  # from a voice that was silent
            body[voice] = source_id[n]
    return voices._replace(body=body)


def unsure(voices: Voices, sure: Array, time: float, config: BindingConfig) -> NDArray[np.bool_]:
    """Bodies (N,) that may be who is heard now where it is one of them, and not sure which."""
    lately = (voices.body == NOBODY) & (time - voices.last_heard <= LATELY_SECONDS)
    least = 1.0 - config.assert_confidence
    one_of_them = (
        lately
        & (sure.max(axis=1, initial=0.0) < config.assert_confidence)
        & (sure.sum(axis=1) > config.assert_confidence)
    )
    return np.asarray((one_of_them[:, None] & (sure >= 0.5 * least)).any(axis=0))


def _padded(sure: Array) -> Array:
    """With a last column of zeros, which row -1 finds."""
    return np.concatenate([sure, np.zeros((len(sure), 1))], axis=1)
