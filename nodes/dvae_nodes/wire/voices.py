"""Enhanced speech as a voice of ROS4HRI (REP-155): /humans/voices/tracked, and is_speaking, audio and features of it.

One microphone has one anonymous voice, there from the start: who speaks is found elsewhere, which then says so in
/humans/candidate_matches.
"""

from __future__ import annotations

from typing import Any

from dvae.signal.audio_file import Audio
from dvae.signal.voice_features import voice_features
from dvae_nodes.wire import conversions as convert
from dvae_nodes.wire.messages import MessageTypes, Output

VOICES = "/humans/voices/"
TRACKED = VOICES + "tracked"


def voice_topic(voice_id: str, part: str) -> str:
    """Topic of `part` (is_speaking, audio, features) of one voice."""
    return f"{VOICES}{voice_id}/{part}"


def tracked(types: MessageTypes, header: Any, ids: list[str]) -> Output:
    """The list of all voices."""
    return Output(TRACKED, types.make("hri_msgs/IdsList", header=header, ids=ids))


def has_voice_audio(types: MessageTypes) -> bool:
    """Whether the installed audio_common_msgs has the AudioData that REP-155 means (that of ros-drivers)."""
    return "data" in types.fields_of("audio_common_msgs/AudioData")


def voice(types: MessageTypes, voice_id: str, waveform: Audio, rate: int, speaking: bool) -> list[Output]:
    """What a stretch of enhanced speech (S,) says of the voice."""
    outputs = [Output(voice_topic(voice_id, "is_speaking"), types.make("std_msgs/Bool", data=speaking))]
    if has_voice_audio(types):
        outputs.append(Output(voice_topic(voice_id, "audio"), convert.audio_bytes_message(types, waveform)))
    zcr, rms, pitch, hnr, mfcc = voice_features(waveform, rate)
    features = types.make("hri_msgs/AudioFeatures", zcr=zcr, rms=rms, pitch=pitch, hnr=hnr, mfcc=types.numbers(mfcc))
    return [*outputs, Output(voice_topic(voice_id, "features"), features)]
