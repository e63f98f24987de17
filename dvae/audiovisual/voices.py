"""Voices: streams of speech from one direction, or from one body that moves.

What is heard in a frame goes to the stream that it most likely continues: the one that is near and spoke lately. What
continues none begins a stream, which is a voice once there is enough speech in it. A voice that is matched to a body
moves with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dvae.arrays.angles import wrap
from dvae.audiovisual.scene import Array, Heard, Ids
from dvae.configuration import setting
from dvae.tracking.population import join

NOBODY = 0  # in the place of a source_id
SILENT_WEIGHT = 0.05  # log odds of continuing a stream: of one that was silent for long, against one that just spoke
TRIAL_SECONDS = 1.0  # in which a stream has to become a voice
HEARD_MASS = 0.2  # a frame with more counts as heard


@dataclass(frozen=True)
class VoiceConfig:
    """What makes a voice."""

    birth_seconds: float = setting(0.3, "so much speech from one direction makes a voice", unit="s", minimum=0.0)
    forget_seconds: float = setting(10.0, "a voice that is silent for longer is gone", unit="s", minimum=0.0)
    reach_degrees: float = setting(
        15.0, "a voice goes on in directions that are nearer than this", unit="deg", minimum=0.1, maximum=180.0
    )
    turning_seconds: float = setting(
        0.3, "time constant, of speech, with which the direction of a voice follows", unit="s", minimum=0.001
    )


class Voices(NamedTuple):
    """V streams, oldest first."""

    stream_id: Ids  # (V,), unique
    voice_id: Ids  # (V,), unique, 0 before there is enough speech
    azimuth: Array  # (V,), rad
    speech_seconds: Array  # (V,), lately
    last_heard: Array  # (V,), s
    body: Ids  # (V,), source_id, NOBODY where it is matched to none
    mass: Array  # (V,), in the last frame, in [0, 1]

    @classmethod
    def none(cls) -> Voices:
        """No streams."""
        ids, values = np.zeros(0, dtype=np.int64), np.zeros(0)
        return cls(ids, ids, values, values, values, ids, values)


class Assigned(NamedTuple):
    """The directions of a frame, by stream."""

    weight: Array  # (V,), of its directions, in [0, 1]
    mass: Array  # (V,), the same times the probability of speech
    azimuth: Array  # (V,), rad; that of the stream where nothing is heard of it


def choose(voices: Voices, heard: Heard, time: float, config: VoiceConfig) -> Ids:
    """Which stream each direction (K,) continues -> rows (K,), -1 for none."""
    if not len(voices.azimuth):
        return np.full(len(heard.azimuth), -1, dtype=np.int64)
    away = np.abs(wrap(heard.azimuth[:, None] - voices.azimuth))  # (K, V)
    reach = math.radians(config.reach_degrees)
    lately = np.maximum(SILENT_WEIGHT, np.exp(-(time - voices.last_heard)))
    score = np.where(away < reach, np.log(lately) - 0.5 * np.square(away / (reach / 2.5)), -np.inf)
    best = score.argmax(axis=1)
    return np.where(np.isfinite(score[np.arange(len(best)), best]), best, -1)


def assign(voices: Voices, heard: Heard, row: Ids) -> Assigned:
    """The directions (K,) of each stream as one."""
    belongs = np.arange(len(voices.azimuth))[:, None] == row  # (V, K)
    weight = belongs * heard.weight
    total = weight.sum(axis=1)
    away = wrap(heard.azimuth - voices.azimuth[:, None])
    mean = (weight * away).sum(axis=1) / np.maximum(total, 1e-12)
    total = np.minimum(total, 1.0)
    return Assigned(total, heard.speech * total, wrap(voices.azimuth + mean))


def begin(voices: Voices, heard: Heard, row: Ids, stream_id: int, time: float) -> Voices:
    """With a stream more for the strongest direction that continues none, if it is strong enough."""
    weight = heard.weight * heard.speech * (row < 0)
    if not len(weight) or weight.max() <= HEARD_MASS:
        return voices
    azimuth = heard.azimuth[weight.argmax()]
    fresh = Voices(*(np.array([value]) for value in (stream_id, 0, azimuth, 0.0, time, NOBODY, 0.0)))
    return join(voices, fresh)


def of_body(
    voices: Voices, body: int, azimuth: float, weight: float, heard: Heard, stream_id: int
) -> tuple[Voices, Assigned]:
    """With one microphone: what is heard is the voice of a body, as its lips say; a new one if it has none."""
    mass = weight * heard.speech
    if body not in voices.body and mass > HEARD_MASS:
        fresh = (stream_id, 0, azimuth, 0.0, heard.time, body, 0.0)
        voices = join(voices, Voices(*(np.array([value]) for value in fresh)))
    own = voices.body == body
    return voices, Assigned(np.where(own, weight, 0.0), np.where(own, mass, 0.0), voices.azimuth)


def hear(voices: Voices, assigned: Assigned, seconds: float, time: float, config: VoiceConfig) -> Voices:
    """The streams at `time` after `seconds` of what was assigned to them."""
    step = -np.expm1(-assigned.mass * seconds / config.turning_seconds)
    lately = voices.speech_seconds * math.exp(-seconds / TRIAL_SECONDS) + seconds * (assigned.mass > HEARD_MASS)
    return voices._replace(
        azimuth=wrap(voices.azimuth + step * wrap(assigned.azimuth - voices.azimuth)),
        speech_seconds=lately,
        last_heard=np.where(assigned.mass > HEARD_MASS, time, voices.last_heard),
        mass=assigned.mass,
    )


def name(voices: Voices, next_voice: int, config: VoiceConfig) -> Voices:
    """With a new voice_id for streams that have enough speech."""
    born = (voices.voice_id == 0) & (voices.speech_seconds >= config.birth_seconds)
    return voices._replace(voice_id=np.where(born, next_voice - 1 + np.cumsum(born), voices.voice_id))


def alive(voices: Voices, time: float, config: VoiceConfig) -> NDArray[np.bool_]:
    """Which streams go on (V,)."""
    limit = np.where(voices.voice_id > 0, config.forget_seconds, TRIAL_SECONDS)
    return time - voices.last_heard <= limit
