"""What is known of who speaks, from one frame of what is heard to the next."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from dvae.arrays.angles import wrap
from dvae.audiovisual import binding, speaking, voices
from dvae.audiovisual.binding import BindingConfig, Bodies, Offsets
from dvae.audiovisual.scene import Array, Heard, Ids, Speakers
from dvae.audiovisual.sound import HeardFrame
from dvae.audiovisual.speaking import Observed, Speaking, SpeakingConfig
from dvae.audiovisual.voices import NOBODY, Assigned, VoiceConfig, Voices
from dvae.tracking.population import join, rows_of, select

OTHERS = 0.3  # how much the weight of a direction that is nobody's counts against those of voices


class Rules(NamedTuple):
    """All settings."""

    speaking: SpeakingConfig
    voice: VoiceConfig
    binding: BindingConfig


class Conversation(NamedTuple):
    """Bodies and voices at a time; nothing in it is changed in place."""

    time: float  # s, until which sound was taken into account
    bodies: Bodies
    bodies_time: float  # s, at which the bodies were there
    bodies_speak: Speaking  # by the bodies' source_id
    voices: Voices
    voices_speak: Speaking  # by stream_id
    evidence: Offsets
    sure: Array  # (V, N), confidence that a voice is a body's
    next_stream: int
    next_voice: int


def nobody(next_stream: int = 1, next_voice: int = 1) -> Conversation:
    """Before anything was seen or heard; the numbers of streams and voices go on."""
    silence, ids, none = Speaking.nobody(), np.zeros(0, dtype=np.int64), np.zeros(0)
    return Conversation(
        -math.inf, Bodies(ids, none, none, none), -math.inf, silence, Voices.none(), silence, Offsets.none(),
        np.zeros((0, 0)), next_stream, next_voice,
    )  # fmt: skip


def between(state: Conversation, now: Bodies, time: float, now_time: float) -> Bodies:
    """The bodies of now_time where they were at `time`, since the moment before, if they moved steadily."""
    row = rows_of(state.bodies.source_id, now.source_id)
    step = now_time - state.bodies_time
    if not len(state.bodies.source_id) or not 0 < step < math.inf:
        return now
    share = min(max((now_time - time) / step, 0.0), 1.0)
    back = np.where(row >= 0, wrap(state.bodies.azimuth[row] - now.azimuth), 0.0)
    return now._replace(azimuth=wrap(now.azimuth + share * np.nan_to_num(back)))


def advance(state: Conversation, sounded: HeardFrame, observed: Observed, bodies: Bodies, rules: Rules) -> Conversation:
    """After a frame of what is heard. observed: of the bodies (N,), where they were then."""
    heard, time = sounded.heard, sounded.heard.time
    streams = select(state.voices, voices.alive(state.voices, time, rules.voice))
    streams = carry(streams, state.bodies, bodies)
    streams, assigned = _assigned(streams, heard, observed.weight, bodies, state.next_stream, rules.voice)
    streams = voices.hear(streams, assigned, sounded.seconds, time, rules.voice)
    streams = voices.name(streams, state.next_voice, rules.voice)
    evidence = binding.arrange(state.evidence, streams.stream_id, bodies.source_id)
    evidence = binding.learn(evidence, assigned, bodies, sounded.seconds, rules.binding)
    sure = binding.confidence(evidence, bodies, rules.binding)
    streams = binding.match(streams, sure, bodies.source_id, time, rules.binding)
    speak = _follow(state, state.bodies_speak, bodies.source_id, observed, sounded, rules.speaking)
    speak = speaking.veto(speak, binding.unsure(streams, sure, time, rules.binding), time)
    free = OTHERS * float(np.maximum(heard.weight.sum() - assigned.weight.sum(), 0.0))
    heard_voices = Observed(assigned.weight, free, heard.speech)
    voices_speak = _follow(state, state.voices_speak, streams.stream_id, heard_voices, sounded, rules.speaking)
    return Conversation(
        time, bodies, time, speak, streams, voices_speak, evidence, sure,
        max(state.next_stream, int(streams.stream_id.max(initial=0)) + 1),
        max(state.next_voice, int(streams.voice_id.max(initial=0)) + 1),
    )  # fmt: skip


def catch_up(state: Conversation, bodies: Bodies, time: float, rules: Rules) -> Conversation:
    """With the bodies at the time of the scene; without sound for longer it is forgotten who spoke."""
    streams = carry(state.voices, state.bodies, bodies)
    evidence = binding.arrange(state.evidence, streams.stream_id, bodies.source_id)
    sure = binding.confidence(evidence, bodies, rules.binding)
    streams = binding.match(streams, sure, bodies.source_id, time, rules.binding)
    speak, voices_speak = (
        speaking.follow(state.bodies_speak, bodies.source_id, time, rules.speaking),
        state.voices_speak,
    )
    missing = time - state.time
    if speaking.DEAF_SECONDS < missing < math.inf:
        speak = speaking.wait(speak, missing, time, rules.speaking)
        voices_speak = speaking.wait(voices_speak, missing, time, rules.speaking)
        streams = select(streams, voices.alive(streams, time, rules.voice))
        state = state._replace(time=time)
    return state._replace(
        bodies=bodies, bodies_time=time, bodies_speak=speak, voices=streams, voices_speak=voices_speak,
        evidence=evidence, sure=sure,
    )  # fmt: skip


def speakers_of(state: Conversation, names: Ids, rules: Rules) -> tuple[Speakers, Array]:
    """All who may speak, bodies by their names (N,) and voices that are nobody's (U,), and the confidence (N + U,) that
    a body's voice is its own."""
    streams, bodies, speak = state.voices, state.bodies, state.bodies_speak
    sure = state.sure[rows_of(state.evidence.stream_id, streams.stream_id)]
    of_body = (streams.body[:, None] == bodies.source_id) & (streams.voice_id > 0)[:, None]  # (V, N)
    confidence = (of_body * sure).sum(axis=0)
    doubtful = binding.unsure(streams, sure, state.time, rules.binding)
    probability = np.where(doubtful, speak.probability * sure.max(axis=0, initial=0.0), speak.probability)
    seen = Speakers(
        (of_body * streams.voice_id[:, None]).sum(axis=0), names, bodies.azimuth, bodies.variance, speak.speaking,
        probability, speak.since,
    )  # fmt: skip
    alone = (streams.voice_id > 0) & (streams.body == NOBODY)
    free, said = (
        select(streams, alone),
        speaking.follow(state.voices_speak, streams.stream_id[alone], state.time, rules.speaking),
    )
    variance = np.full(len(free.azimuth), math.radians(rules.binding.bias_stddev_degrees) ** 2)
    heard = Speakers(
        free.voice_id, np.zeros_like(free.voice_id), free.azimuth, variance, said.speaking, said.probability, said.since
    )
    return join(seen, heard), np.concatenate([confidence, np.zeros(len(free.voice_id))])


def carry(streams: Voices, before: Bodies, now: Bodies) -> Voices:
    """Voices that are matched move as their bodies did."""
    was, is_ = rows_of(before.source_id, streams.body), rows_of(now.source_id, streams.body)
    both = (was >= 0) & (is_ >= 0) & (streams.body != NOBODY)
    if not both.any():
        return streams
    step = np.where(both, np.nan_to_num(wrap(now.azimuth[is_] - before.azimuth[was])), 0.0)
    return streams._replace(azimuth=wrap(streams.azimuth + step))


def _assigned(
    streams: Voices, heard: Heard, weight: Array, bodies: Bodies, next_stream: int, config: VoiceConfig
) -> tuple[Voices, Assigned]:
    """What is heard, by stream: by its directions, or where there are none by the lips."""
    if not len(heard.azimuth) and np.isfinite(bodies.nats).any():
        most = weight.argmax()
        body, azimuth = bodies.source_id[most], bodies.azimuth[most]
        return voices.of_body(streams, body, azimuth, weight[most], heard, next_stream)
    row = voices.choose(streams, heard, heard.time, config)
    streams = voices.begin(streams, heard, row, next_stream, heard.time)
    return streams, voices.assign(streams, heard, voices.choose(streams, heard, heard.time, config))


def _follow(
    state: Conversation, known: Speaking, ids: Ids, observed: Observed, sounded: HeardFrame, config: SpeakingConfig
) -> Speaking:
    time, begin = sounded.heard.time, sounded.heard.time - sounded.seconds
    known = speaking.follow(known, ids, begin, config)
    if sounded.robot:
        return speaking.hush(known, time)
    if 1e-6 < begin - state.time < math.inf:
        known = speaking.wait(known, begin - state.time, begin, config)
    return speaking.listen(known, observed, sounded.seconds, time, config)
