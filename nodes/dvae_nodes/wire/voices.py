"""Enhanced speech as a voice of ROS4HRI (REP-155): /humans/voices/tracked, and is_speaking, audio and features of it.

One microphone has one anonymous voice, there from the start: who speaks is found elsewhere, which then says so in
/humans/candidate_matches.
"""

from __future__ import annotations

from typing import Any

from dvae.signal.audio_file import Audio
from dvae.signal.voice_features import voice_features
from dvae_nodes.wire import topics
from dvae_nodes.wire.audio import audio_bytes_message, has_plain_data
from dvae_nodes.wire.messages import MessageTypes, Output


def tracked(types: MessageTypes, header: Any, ids: list[str]) -> Output:
    """The list of all voices."""
    return topics.VOICES.output(types.make(topics.IDS_LIST, header=header, ids=ids))


def voice(types: MessageTypes, voice_id: str, waveform: Audio, rate: int, speaking: bool) -> list[Output]:
    """What a stretch of enhanced speech (S,) says of the voice; audio only where there is the message that REP-155
    means."""
    outputs = [topics.VOICE_SPEAKING.output(types.make("std_msgs/msg/Bool", data=speaking), voice_id)]
    if has_plain_data(types):
        outputs.append(topics.VOICE_AUDIO.output(audio_bytes_message(types, waveform), voice_id))
    zcr, rms, pitch, hnr, mfcc = voice_features(waveform, rate)
    features = types.make(
        topics.VOICE_FEATURES.types[0], zcr=zcr, rms=rms, pitch=pitch, hnr=hnr, mfcc=types.numbers(mfcc)
    )
    return [*outputs, topics.VOICE_FEATURES.output(features, voice_id)]
