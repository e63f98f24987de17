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
from numpy.typing import ArrayLike, NDArray

from dvae.arrays.positions import Positions
from dvae.audiovisual.alignment import Alignment, Moment, Seen
from dvae.audiovisual.binding import BindingConfig, Bodies
from dvae.audiovisual.config import OF_TRACKS
from dvae.audiovisual.conversation import OTHERS, Rules, advance, between, catch_up, nobody, speakers_of
from dvae.audiovisual.geometry import CalibratedMap, CameraModel, Pose
from dvae.audiovisual.hearing import Hearing
from dvae.audiovisual.lips import LipConfig, Loudness, Signal, lip_nats
from dvae.audiovisual.scene import Array, Heard, Ids, Matches, Scene
from dvae.audiovisual.sound import Sound
from dvae.audiovisual.speaking import Observed, SpeakingConfig
from dvae.audiovisual.tracker import AudioVisualFrame, AudioVisualTracker, Sources
from dvae.audiovisual.voices import VoiceConfig
from dvae.configuration import setting
from dvae.signal.audio_file import Audio
from dvae.tracking.boxes import as_boxes, iou
from dvae.tracking.frame import one_each, whole
from dvae.tracking.online import OnlineTracker
from dvae.tracking.population import rows_of, select
from dvae.tracking.tracks import Tracks, TrackState

TAKEOVER_SECONDS, TAKEOVER_IOU = 0.3, 0.3  # of a track that another one continues
LIP_SECONDS = 5.0  # after which mouths are forgotten
BACK_SECONDS = 1.0  # time that steps back by more begins anew


@dataclass(frozen=True)
class SpeakerConfig:
    """How both streams are put together."""

    audio_offset_seconds: float = setting(
        0.0, "added to the stamps of the sound, where its clock is known to be another", unit="s"
    )
    max_wait_seconds: float = setting(
        1.0, "how far sound and video may be behind each other, by their stamps", unit="s", minimum=0.0
    )
    lookahead_seconds: float = setting(
        0.28, "so much of the sound after a time counts for it, and is waited for", unit="s", minimum=0.0, maximum=1.0
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

    Ids of people are the tracker's, or those given to `see`. rules, and bearings for the images that follow, may be
    changed between two calls. The same stamps give the same scenes in whatever order and pieces both streams come, as
    long as none is more than max_wait_seconds behind the other.
    """

    def __init__(
        self,
        hearing: Hearing,
        tracker: AudioVisualTracker,
        config: SpeakerConfig | None = None,
        speaking_config: SpeakingConfig | None = None,
        binding_config: BindingConfig | None = None,
        voice_config: VoiceConfig | None = None,
        lip_config: LipConfig | None = None,
    ) -> None:
        self.config = config or SpeakerConfig()
        self.rules = Rules(
            speaking_config or SpeakingConfig(), voice_config or VoiceConfig(), binding_config or BindingConfig()
        )
        self.bearings = tracker.bearings
        self._tracker, self._sound = tracker, Sound(hearing, self.config.gap_seconds, self.config.lookahead_seconds)
        self._alignment = Alignment(
            self.config.max_wait_seconds + self.config.lookahead_seconds + hearing.latency_seconds,
            self.config.scene_seconds,
        )
        self._conversation = nobody()
        self._said: list[tuple[int, int]] = []  # pairs (voice_id, track_id) of the scene before
        self._given = False  # whether the ids of people are those given to `see`
        self._num_resets = 0
        self._lips: dict[int, Signal] = {}  # by the ids of people
        self._loudness, self._lip = Loudness(), lip_config or LipConfig()

    @classmethod
    def load(
        cls, positions: Positions, camera: CameraModel, pose: Pose | None = None, tracked: bool = False
    ) -> SpeakerFinder:
        """A finder with the shipped models.

        positions: of the microphones, (C, 3) in m, x forward, y left, z up; pose: of their frame in the camera's, by
        default at the camera and looking the same way; tracked: whether `see` will be given the ids of boxes that are
        tracked already.
        """
        people = OnlineTracker.load("motion_srnn", OF_TRACKS if tracked else None, camera.image_size)
        return cls(Hearing(positions), AudioVisualTracker(people, CalibratedMap(camera, pose)))

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
        hearing begins anew. ValueError as Hearing.feed, or for a time that is not finite; nothing has changed then."""
        samples, time = np.asarray(samples), _finite(time) + self.config.audio_offset_seconds
        self._sound.hearing.check(samples)
        scenes = self._restart() if self._sound.is_before(time) > BACK_SECONDS else []
        self._alignment.add_heard(self._sound.add(samples, time))
        self._loudness.hear(samples, time)
        return scenes + self._scenes()

    def see(
        self, boxes: ArrayLike, time: float, track_ids: ArrayLike | None = None, scores: ArrayLike | None = None
    ) -> list[Scene]:
        """Boxes (K, 4) as x1, y1, x2, y2 in pixels of a video frame at `time` in s, also if there are none.

        track_ids (K,): of boxes that are tracked already, whose ids the scenes then have; without, they are detections.
        ValueError for other shapes, ids that are no whole numbers, or a time that is not finite; nothing has changed.
        """
        seen = _seen(boxes, _finite(time), track_ids, scores)._replace(bearings=self.bearings)
        scenes = self._restart() if self._alignment.newest_seen - time > BACK_SECONDS else []
        self._alignment.add_seen(seen)
        return scenes + self._scenes()

    def see_lips(self, track_ids: ArrayLike, openings: ArrayLike, time: float) -> None:
        """How far mouths (N,) are open at `time` in s, as dvae.audiovisual.lips.mouth_opening says, of people by their
        ids in the scenes. They count in scenes that come out from then on, if they are at most 0.2 s older."""
        ids, values, time = np.asarray(track_ids, np.int64), np.asarray(openings, np.float64), _finite(time)
        if ids.ndim != 1 or ids.shape != values.shape:
            raise ValueError(f"expected as many mouths as ids (N,), got {values.shape} and {ids.shape}")
        for name, opening in zip(ids.tolist(), values.tolist(), strict=True):
            self._lips.setdefault(name, Signal()).add(time, opening)
        self._lips = {name: each for name, each in self._lips.items() if each.newest > time - LIP_SECONDS}

    def flush(self) -> list[Scene]:
        """The scenes still inside, as if nothing more came."""
        self._alignment.add_heard(self._sound.flush())
        return self._scenes(is_end=True)

    def reset(self) -> None:
        """Forget everybody and both streams; ids go on, and pairs that were said end in the next scene."""
        self._tracker.reset()
        self._sound.reset()
        self._alignment.reset()
        self._lips, self._loudness = {}, Loudness()
        self._conversation = nobody(self._conversation.next_stream, self._conversation.next_voice)

    def _restart(self) -> list[Scene]:
        scenes = self.flush()
        self.reset()
        self._num_resets += 1
        return scenes

    def _scenes(self, is_end: bool = False) -> list[Scene]:
        return [self._scene(moment) for moment in self._alignment.ready(self._sound.reached, is_end)]

    def _scene(self, moment: Moment) -> Scene:
        seen = moment.seen or _seen([], moment.time, None, None)
        if moment.seen is not None:
            self._tracker.bearings = seen.bearings
        heard = tuple(frame.heard for frame in moment.heard)
        frame = self._tracker.update(
            seen.boxes, moment.time, seen.scores, seen.track_ids, heard=heard, looked=moment.seen is not None
        )
        self._given |= seen.track_ids is not None
        people = _people(frame.tracks)
        before, bodies = self._conversation, _bodies(frame, people, self._lip_nats(self._names(people), moment.time))
        nobody_is = self.rules.binding.nobody_probability
        for sounded, responsibilities in zip(moment.heard, frame.responsibilities, strict=True):
            then = between(before, bodies, sounded.heard.time, moment.time)
            observed = _observed(sounded.heard, responsibilities, frame.sources, bodies, nobody_is)
            self._conversation = advance(self._conversation, sounded, observed, then, self.rules)
        self._conversation = catch_up(self._conversation, bodies, moment.time, self.rules)
        return self._result(moment.time, frame.tracks, people)

    def _names(self, people: Tracks) -> Ids:
        """The ids of people as those know them who ask."""
        return people.label if self._given else people.track_id

    def _lip_nats(self, names: Ids, time: float) -> Array:
        """What their lips say (N,), NaN where they are not known."""
        if not self._lips:
            return np.full(len(names), math.nan)
        nothing = Signal()
        return lip_nats([self._lips.get(name, nothing) for name in names.tolist()], self._loudness, time, self._lip)

    def _result(self, time: float, tracks: Tracks, people: Tracks) -> Scene:
        """People and voices as they are now; pairs that were said in the scene before and are not now, end."""
        speakers, confidence = speakers_of(self._conversation, self._names(people), self.rules)
        paired = (speakers.voice_id > 0) & (speakers.track_id > 0)
        pairs = list(zip(speakers.voice_id[paired].tolist(), speakers.track_id[paired].tolist(), strict=True))
        ended = [pair for pair in self._said if pair not in pairs]
        self._said = pairs
        voice_id, track_id = np.array(pairs + ended, dtype=np.int64).reshape(-1, 2).T
        matches = Matches(voice_id, track_id, np.concatenate([confidence[paired], np.zeros(len(ended))]))
        return Scene(time, tracks._replace(track_id=tracks.label) if self._given else tracks, speakers, matches)


def _seen(boxes: ArrayLike, time: float, track_ids: ArrayLike | None, scores: ArrayLike | None) -> Seen:
    """Checked, and its own: it waits for the sound."""
    given = as_boxes(boxes)
    ids = None if track_ids is None else whole("track id", one_each("track id", track_ids, len(given)))
    return Seen(time, given, ids, None if scores is None else one_each("score", scores, len(given)).astype(np.float64))


def _people(tracks: Tracks) -> Tracks:
    """The confirmed tracks, without those that were lost when another one began in their place: the same person. Nor
    those that a voice alone keeps, longer than they were ever seen, where somebody is seen: false detections that the
    voice of that person holds."""
    people = select(tracks, tracks.state != TrackState.TENTATIVE)
    lost = people.state == TrackState.OCCLUDED
    began = (
        people.age[:, None] <= people.time_since_detection + TAKEOVER_SECONDS
    )  # (one that is seen, one that is lost)
    taken = (~lost[:, None] & began & (iou(people.boxes, people.boxes) > TAKEOVER_IOU)).any(axis=0)
    brief = people.time_since_detection > 0.5 * people.age
    held = (~lost[:, None] & brief & _same_columns(people.boxes)).any(axis=0)
    return select(people, ~(lost & (taken | held)))


def _same_columns(boxes: Array) -> NDArray[np.bool_]:
    """Whether between the sides of each box (N, 1) is the middle of each other one (1, N)."""
    middle = 0.5 * (boxes[:, 0] + boxes[:, 2])
    return np.asarray((boxes[:, :1] < middle) & (middle < boxes[:, 2:3]))


def _bodies(frame: AudioVisualFrame, people: Tracks, nats: Array) -> Bodies:
    """The confirmed tracks (N,) as the microphones see them; azimuths are NaN where there is no map."""
    row = rows_of(frame.sources.source_id, people.track_id)

    def of(values: Array) -> Array:
        return np.where(row >= 0, values[row], math.nan) if len(values) else np.full(len(row), math.nan)

    return Bodies(people.track_id, of(frame.sources.azimuth), of(frame.sources.azimuth_variance), nats)


def _observed(heard: Heard, responsibilities: Array, sources: Sources, bodies: Bodies, nobody: float) -> Observed:
    """What is heard of each body (N,): the weights of the directions (K,), as far as they are its own.

    Lips are one more factor of the responsibilities (K, M + 1). Where there are no directions, they alone say whose
    the speech is that there is (`nobody`: the prior of nobody's).
    """
    known = np.isfinite(bodies.nats)
    if not len(heard.azimuth):
        prior = (1.0 - nobody) / max(len(known), 1)
        joint = np.where(known, prior * np.exp(np.nan_to_num(bodies.nats)), 0.0)
        return Observed(joint / (joint.sum() + nobody), 0.0, heard.speech)
    if known.any():
        row = rows_of(bodies.source_id, sources.source_id)
        lips = np.where(row >= 0, np.nan_to_num(bodies.nats)[row], 0.0)
        responsibilities = responsibilities * np.exp(np.append(lips, 0.0))
        responsibilities /= responsibilities.sum(axis=1, keepdims=True)
    weight = heard.weight @ responsibilities  # (M + 1,)
    row = rows_of(sources.source_id, bodies.source_id)
    others = float(weight[:-1][sources.track_id == 0].sum() + OTHERS * weight[-1])
    return Observed(np.minimum(np.where(row >= 0, weight[row], 0.0), 1.0), others, heard.speech)


def _finite(time: float) -> float:
    if not math.isfinite(time):
        raise ValueError(f"expected a finite time in s, got {time}")
    return time
