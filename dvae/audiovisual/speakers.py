"""Who speaks: samples and boxes in, scenes out.

The chain: samples -> what is heard (hearing), both streams in time (sound, alignment), people who are seen and heard
(tracker), who of them speaks (speaking), and which voice is whose (voices, binding). Between two moments people count
as having moved steadily, in the directions as the microphones see them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from dvae.audiovisual.alignment import Alignment, Moment, Seen
from dvae.audiovisual.binding import BindingConfig, Bodies
from dvae.audiovisual.conversation import Rules, advance, between, catch_up, nobody, speakers_of
from dvae.audiovisual.hearing import Hearing
from dvae.audiovisual.scene import Array, Heard, Ids, Matches, Scene
from dvae.audiovisual.sound import Sound
from dvae.audiovisual.speaking import SpeakingConfig, rows_of
from dvae.audiovisual.tracker import AudioVisualFrame, AudioVisualTracker, Sources
from dvae.audiovisual.voices import VoiceConfig
from dvae.configuration import setting
from dvae.signal.audio_file import Audio
from dvae.tracking.population import select
from dvae.tracking.tracks import Tracks, TrackState

BACK_SECONDS = 1.0  # time that steps back by more begins anew


@dataclass(frozen=True)
class SpeakerConfig:
    """How both streams are put together."""

    audio_offset_seconds: float = setting(
        0.0, "added to the stamps of the sound, where its clock is known to be another", unit="s"
    )
    max_wait_seconds: float = setting(
        0.5, "how long sound and video wait for each other, by their stamps", unit="s", minimum=0.0
    )
    scene_seconds: float = setting(0.1, "time between scenes where there is no video", unit="s", minimum=0.01)
    gap_seconds: float = setting(
        0.1, "stamps that differ more from the number of samples show that sound is missing", unit="s", minimum=0.005
    )


class SpeakerFacts(NamedTuple):
    """What was counted since the finder was made, for those who report what is wrong."""

    frames_without_sound: int  # video frames for which sound did not come in time
    late_frames: int  # video frames that were left out: not after the ones before, or more than max_wait behind
    late_heard: int  # frames of sound that were left out: more than max_wait behind the video
    gaps: int  # in the sound
    resets: int  # because time stepped back
    video_ahead_seconds: float  # newest stamp of the video minus that of the sound; NaN before both have come


class SpeakerFinder:
    """`hear` samples and `see` boxes as they come; scenes are returned in order of time.

    tracker: ids of people are its tracks', or those given to `see`. The same stamps give the same scenes in whatever
    order and pieces both streams come, as long as none is more than max_wait_seconds behind the other.
    """

    def __init__(
        self,
        hearing: Hearing,
        tracker: AudioVisualTracker,
        config: SpeakerConfig | None = None,
        speaking_config: SpeakingConfig | None = None,
        binding_config: BindingConfig | None = None,
        voice_config: VoiceConfig | None = None,
    ) -> None:
        self.config = config or SpeakerConfig()
        self._rules = Rules(
            speaking_config or SpeakingConfig(), voice_config or VoiceConfig(), binding_config or BindingConfig()
        )
        self._tracker, self._sound = tracker, Sound(hearing, self.config.gap_seconds)
        self._alignment = Alignment(self.config.max_wait_seconds, self.config.scene_seconds)
        self._conversation = nobody()
        self._said: list[tuple[int, int]] = []  # pairs (voice_id, track_id) of the scene before
        self._given = False  # whether the ids of people are those given to `see`
        self._num_resets = 0

    @property
    def robot_speaks(self) -> bool:
        """Set while the robot itself speaks: from the next sample on nobody else does."""
        return self._sound.hearing.robot_speaks

    @robot_speaks.setter
    def robot_speaks(self, value: bool) -> None:
        self._sound.robot_speaks(value)

    @property
    def facts(self) -> SpeakerFacts:
        """What was counted."""
        alignment, sound = self._alignment, self._sound
        ahead = alignment.newest_seen - sound.fed_until
        return SpeakerFacts(
            alignment.num_without_sound, alignment.num_late_seen, alignment.num_late_heard, sound.num_gaps,
            self._num_resets, ahead if math.isfinite(ahead) else math.nan,
        )  # fmt: skip

    def hear(self, samples: Audio, time: float) -> list[Scene]:
        """Samples (C, S) at 16 kHz, the first one at `time` in s. After a gap, or a step back of less than a second,
        hearing begins anew; ValueError as Hearing.feed, or for a time that is not finite."""
        time = _finite(time) + self.config.audio_offset_seconds
        scenes = self._restart() if self._sound.is_before(time) > BACK_SECONDS else []
        self._alignment.add_heard(self._sound.add(samples, time))
        return scenes + self._scenes()

    def see(
        self, boxes: ArrayLike, time: float, track_ids: ArrayLike | None = None, scores: ArrayLike | None = None
    ) -> list[Scene]:
        """Boxes (K, 4) as x1, y1, x2, y2 in pixels of a video frame at `time` in s, also if there are none.

        track_ids (K,): of boxes that are tracked already, whose ids the scenes then have; without, they are detections.
        """
        scenes = self._restart() if self._alignment.newest_seen - _finite(time) > BACK_SECONDS else []
        self._alignment.add_seen(Seen(time, boxes, track_ids, scores))
        return scenes + self._scenes()

    def flush(self) -> list[Scene]:
        """The scenes still inside, as if nothing more came."""
        self._alignment.add_heard(self._sound.flush())
        return self._scenes(is_end=True)

    def reset(self) -> None:
        """Forget everybody and both streams; ids go on, and pairs that were said end in the next scene."""
        self._tracker.reset()
        self._sound.reset()
        self._alignment.reset()
        self._conversation = nobody(self._conversation.next_stream, self._conversation.next_voice)

    def _restart(self) -> list[Scene]:
        scenes = self.flush()
        self.reset()
        self._num_resets += 1
        return scenes

    def _scenes(self, is_end: bool = False) -> list[Scene]:
        return [self._scene(moment) for moment in self._alignment.ready(self._sound.reached, is_end)]

    def _scene(self, moment: Moment) -> Scene:
        seen = moment.seen or Seen(moment.time, np.zeros((0, 4)), None, None)
        heard = tuple(frame.heard for frame in moment.heard)
        frame = self._tracker.update(
            seen.boxes, moment.time, seen.scores, seen.track_ids, heard=heard, looked=moment.seen is not None
        )
        people = select(frame.tracks, frame.tracks.state != TrackState.TENTATIVE)
        if seen.track_ids is not None:
            self._given = True
        before, bodies = self._conversation, _bodies(frame, people)
        for sounded, responsibilities in zip(moment.heard, frame.responsibilities, strict=True):
            then = between(before, bodies, sounded.heard.time, moment.time)
            mass = _mass(sounded.heard, responsibilities, frame.sources, bodies.source_id)
            self._conversation = advance(self._conversation, sounded, mass, then, self._rules)
        self._conversation = catch_up(self._conversation, bodies, moment.time, self._rules)
        return self._result(moment.time, frame.tracks, people)

    def _result(self, time: float, tracks: Tracks, people: Tracks) -> Scene:
        """People and voices as they are now; pairs that were said in the scene before and are not now, end."""
        names = people.label if self._given else people.track_id  # as those who ask know them
        speakers, confidence = speakers_of(self._conversation, names, self._rules)
        paired = (speakers.voice_id > 0) & (speakers.track_id > 0)
        pairs = list(zip(speakers.voice_id[paired].tolist(), speakers.track_id[paired].tolist(), strict=True))
        ended = [pair for pair in self._said if pair not in pairs]
        self._said = pairs
        voice_id, track_id = np.array(pairs + ended, dtype=np.int64).reshape(-1, 2).T
        matches = Matches(voice_id, track_id, np.concatenate([confidence[paired], np.zeros(len(ended))]))
        return Scene(time, tracks._replace(track_id=tracks.label) if self._given else tracks, speakers, matches)


def _bodies(frame: AudioVisualFrame, people: Tracks) -> Bodies:
    """The confirmed tracks (N,) as the microphones see them; azimuths are NaN where there is no map."""
    row = rows_of(frame.sources.source_id, people.track_id)

    def of(values: Array, otherwise: float) -> Array:
        return np.where(row >= 0, values[row], otherwise) if len(values) else np.full(len(row), otherwise)

    azimuth, variance = of(frame.sources.azimuth, math.nan), of(frame.sources.azimuth_variance, math.nan)
    return Bodies(people.track_id, azimuth, variance, np.zeros(len(row)))


def _mass(heard: Heard, responsibilities: Array, sources: Sources, body: Ids) -> Array:
    """What is heard of each body (N,), in [0, 1]: the weights of the directions (K,), as far as they are its own."""
    mass = np.minimum(heard.weight * heard.speech @ responsibilities, 1.0)  # (M + 1,)
    row = rows_of(sources.source_id, body)
    return np.where(row >= 0, mass[row], 0.0)


def _finite(time: float) -> float:
    if not math.isfinite(time):
        raise ValueError(f"expected a finite time in s, got {time}")
    return time
