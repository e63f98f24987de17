"""From a simulated scene to what is said of it: our chain as the nodes run it, and what one does without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from simulate import SimulatedScene
from talk import MICROPHONES, RATE
from walk import CAMERA, TO_OPTICAL, Array, Boxes, Lens

from dvae.arrays.angles import wrap
from dvae.audiovisual.config import OF_TRACKS
from dvae.audiovisual.geometry import CalibratedMap, CameraModel, Pose
from dvae.audiovisual.hearing import Hearing
from dvae.audiovisual.scene import Scene
from dvae.audiovisual.speakers import SpeakerFinder
from dvae.audiovisual.tracker import AudioVisualTracker
from dvae.enhancement.activity import FrameActivity
from dvae.enhancement.microphones import MicrophoneConfig
from dvae.enhancement.step import load_enhancer
from dvae.enhancement.streaming import StreamingEnhancer
from dvae.tracking.config import TrackerConfig
from dvae.tracking.online import OnlineTracker
from dvae.tracking.population import select
from dvae.tracking.tracks import Tracks, TrackState

CHUNK = 512  # samples that arrive at once
REACH = np.radians(15.0)  # an integrator's gate between a direction and a track
ASSERTED = 0.5  # confidence from which the person manager of ROS4HRI takes a match


class Said(NamedTuple):
    """What is said of a time: J who speak, and where N people are in the image."""

    time: float  # s, it is about
    known: float  # s, when it is known: the time of the last sample or image that it took
    voice: NDArray[np.int64]  # (J,), number of the voice
    track: NDArray[np.int64]  # (J,), whose it is; 0: nobody's who is seen
    azimuth: Array  # (J,), rad
    track_id: NDArray[np.int64]  # (N,)
    boxes: Array  # (N, 4), pixels


Chain = Callable[[SimulatedScene], list[Said]]


def arrivals(scene: SimulatedScene) -> Iterator[tuple[float, Boxes | NDArray[np.float32]]]:
    """Images and chunks of sound in the order in which they come: time, s, and what comes then."""
    frames = iter(scene.frames)
    frame = next(frames, None)
    for first in range(0, scene.samples.shape[1], CHUNK):
        chunk = scene.samples[:, first : first + CHUNK]
        end = (first + chunk.shape[1]) / RATE
        while frame is not None and frame.time < end:
            yield frame.time, frame
            frame = next(frames, None)
        yield end, chunk


def bearing_map(lens: Lens) -> CalibratedMap:
    """Of the simulated robot, whose calibration is known."""
    camera = CameraModel(lens.matrix, lens.distortion, image_size=lens.size)
    return CalibratedMap(camera, Pose(TO_OPTICAL, -TO_OPTICAL @ CAMERA))


def seen_now(tracks: Tracks) -> Tracks:
    """Those with a detection in this image."""
    return select(tracks, tracks.state == TrackState.CONFIRMED)


def ours(scene: SimulatedScene) -> list[Said]:
    """Node `tracker`, then node `speakers`: the tracks that are seen, and the sound."""
    size = scene.lens.size
    tracker = OnlineTracker.load("motion_srnn", TrackerConfig(), size)
    people = AudioVisualTracker(OnlineTracker.load("motion_srnn", OF_TRACKS, size), bearing_map(scene.lens))
    finder = SpeakerFinder(Hearing(MICROPHONES), people)
    said: list[Said] = []
    now = 0.0
    for now, what in arrivals(scene):
        if isinstance(what, Boxes):
            tracks = seen_now(tracker.update(what.boxes, what.time, what.scores))
            found = finder.see(tracks.boxes, what.time, tracks.track_id, tracks.confidence)
        else:
            found = finder.hear(what, now - what.shape[1] / RATE)
        said += [_said(each, now) for each in found]
    return said + [_said(each, now) for each in finder.flush()]


def _said(scene: Scene, known: float) -> Said:
    speakers, matches = scene.speakers, scene.matches
    sure = matches.confidence >= ASSERTED
    body = dict(zip(matches.voice_id[sure].tolist(), matches.track_id[sure].tolist(), strict=True))
    speak = speakers.speaking
    voice = speakers.voice_id[speak]
    track = np.array([body.get(int(v), 0) for v in voice], dtype=np.int64)
    tracks = scene.tracks
    return Said(scene.time, known, voice, track, speakers.azimuth[speak], tracks.track_id, tracks.boxes)


def nearest(scene: SimulatedScene) -> list[Said]:
    """What an integrator does: speech activity and the strongest direction (both of the enhancer, with a beam), given
    to the nearest track. There is one voice.
    """
    geometry = "; ".join(" ".join(f"{x:.5f}" for x in place) for place in MICROPHONES)
    array = MicrophoneConfig(channel_mode="mvdr", microphone_positions=geometry)
    enhancer = StreamingEnhancer(load_enhancer("quality"), microphones=array)
    tracker, bearings = OnlineTracker.load("motion_srnn", TrackerConfig(), scene.lens.size), bearing_map(scene.lens)
    said: list[Said] = []
    activity: FrameActivity | None = None
    for now, what in arrivals(scene):
        if not isinstance(what, Boxes):
            enhancer.feed(what)
            activity = next(reversed(enhancer.pop_activity()), activity)
            continue
        tracks = tracker.update(what.boxes, what.time, what.scores)
        tracks = select(tracks, tracks.visible)
        voice, track, azimuth = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
        if activity is not None and activity.speaking:
            voice, azimuth = np.ones(1, np.int64), np.array([activity.azimuth])
            away = np.abs(wrap(bearings.bearings(tracks.boxes).azimuth - activity.azimuth))
            track = np.array([tracks.track_id[away.argmin()] if away.size and away.min() < REACH else 0])
        said.append(Said(now - enhancer.latency_seconds, now, voice, track, azimuth, tracks.track_id, tracks.boxes))
    return said


CHAINS: dict[str, Chain] = {"ours": ours, "nearest": nearest}
