"""The online tracker: the steps of MixDVAE, once for every frame, for people who come and go.

MixDVAE (X. Lin, 2024, chapters 3 and 4) tracks a fixed number of people over a recorded sequence. Here each frame
gets its E-W and E-S steps when it arrives, given all frames before it, and the set of tracks changes. Departures from
the paper, each a setting or a sentence:

- one pass, no iterations: the model is causal, so nothing flows back from later frames, and a window of four frames
  with several iterations gave the same scores within 0.5 at 2.5 times the cost. Those who can wait use
  dvae.tracking.smoothing;
- q(w) has a clutter class, and by default is exclusive (one detection explains at most one track);
- q(w) weighs a detection by its density given the past (dvae.tracking.gating), where eq. 3.25 takes the present
  posterior;
- a track's probability of detection falls with its misses and with poor scores, so that of two tracks on one person the
  one that was seen lately gets the detection (existence as in integrated PDA, Musicki et al. 1994);
- the motion of the camera is one more hidden variable with a posterior of its own (dvae.tracking.camera_following);
- a track that the motion model predicts badly gets a wider gate (`agility`);
- predictions carry the variance of where the track was (see dvae.tracking.motion.rollout);
- q(s) and z are means, not samples: the same detections always give the same tracks;
- Phi serves two ends. For q(w) and the recurrent state it is wide (`observation_ratio`), which is robust to boxes of
  people who are half hidden; for the published boxes it is measured as the tracker runs
  (dvae.tracking.detector_noise).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvae.inference.responsibilities import Assignment
from dvae.models.store.checkpoint import load_as
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.account import Account
from dvae.tracking.admission import as_image_size, possible_map
from dvae.tracking.assignment import assign, match_of
from dvae.tracking.boxes import Boxes, BoxEstimate
from dvae.tracking.camera import CameraMotion, as_affine, warp_affine
from dvae.tracking.camera_following import infer_camera, start_camera
from dvae.tracking.config import TrackerConfig
from dvae.tracking.detector_noise import NUM_FRAMES, DetectorNoise
from dvae.tracking.frame import Frame, choose_detections
from dvae.tracking.life import alive, improved, newborns, published, remember, unexplained
from dvae.tracking.motion.compiled import CompiledMotion
from dvae.tracking.motion.frame_step import FrameStep
from dvae.tracking.motion.rollout import MotionState
from dvae.tracking.population import Population, join, select
from dvae.tracking.rhythm import Rhythm
from dvae.tracking.tracks import Tracks

Array = NDArray[np.float64]
SMALL_IMAGE = 1000.0  # pixels
RATE_RANGE = (0.1, 30.0)  # frames of the training data that one step may span


class TrackerState(NamedTuple):
    """All that the tracker knows between two frames; nothing in it is ever changed in place."""

    people: Population
    motion: MotionState
    camera: CameraMotion | None
    noise: DetectorNoise
    time: float | None  # of the last frame that the detector looked at
    next_id: int
    rhythm: Rhythm  # of the detector
    called: float | None  # time of the last frame
    account: Account  # of the last frame


class View(NamedTuple):
    """The tracks as the camera now shows them: the camera, where the tracks were, and where they are expected."""

    camera: CameraMotion | None
    motion: MotionState
    predicted: BoxEstimate


class Newcomers(NamedTuple):
    """Tracks that begin in a frame."""

    people: Population
    motion: MotionState
    tracks: Tracks


class OnlineTracker:
    """Call `update` for every frame, also for those without detections; `reset` to start anew (ids go on)."""

    def __init__(
        self, model: TrajectorySRNN, config: TrackerConfig | None = None, image_size: tuple[int, int] | None = None
    ):
        if model.config.coordinates != "relative":
            raise ValueError("expected a motion model in relative coordinates, got one in absolute coordinates")
        self.config = config or TrackerConfig()
        self.image_size = None if image_size is None else as_image_size(image_size)
        self._motion = FrameStep(CompiledMotion(model))
        self._frames_per_second = model.config.frames_per_second
        self._state = self._nobody(next_id=1)

    @classmethod
    def load(
        cls, model: str = "motion_srnn", config: TrackerConfig | None = None, image_size: tuple[int, int] | None = None
    ) -> OnlineTracker:
        """A tracker with a shipped model, by name, or one from a folder; ValueError names what is missing or wrong.
        image_size: (width, height) in pixels, where it is known."""
        return cls(load_as(TrajectorySRNN, model), config, image_size)

    def restart(self, config: TrackerConfig) -> None:
        """As new, ids too."""
        self.config, self._state = config, self._nobody(next_id=1)

    def reset(self) -> None:
        """Forget all tracks, the time, the camera and the detector; ids go on."""
        self._state = self._nobody(self._state.next_id)

    @property
    def account(self) -> Account:
        """Of the last frame."""
        return self._state.account

    def update(
        self,
        boxes: ArrayLike,
        time: float,
        scores: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        camera: ArrayLike | None = None,
    ) -> Tracks:
        """Detections (K, 4) as x1, y1, x2, y2 in pixels at `time` in seconds -> the tracks.

        scores (K,), -inf for what is not to be tracked; labels (K,): whole numbers, a track keeps to detections of its
        own label; camera: affine map (2, 3) of the previous image's coordinates to this one's, if known. What
        dvae.tracking.admission does not admit is left out, and counted in `account`. A frame without detections that
        the detector's rhythm explains only moves the tracks on. Raises ValueError for a wrong shape or a time that is
        not after the last one; after any error the tracker is as it was.
        """
        was, config = self._state, self.config
        frame = choose_detections(boxes, scores, labels, (time, self._rate(time)), config, self.image_size)
        known = None if camera is None else self._admit_map(as_affine(camera), frame)
        if camera is not None and known is None:
            frame = frame._replace(account=frame.account._replace(maps=1))
        has_boxes = frame.account.frames_with_boxes > 0
        rhythm = was.rhythm.after(time, has_boxes)
        if was.rhythm.is_between(time, has_boxes):
            return self._move_on(was, frame, known, rhythm)
        view = self._follow_camera(was, frame, known)
        assignment = assign(frame, view.predicted, was.people, config)  # E-W
        motion, posterior = self._e_s(view.motion, frame, assignment)
        match = match_of(assignment)
        people = remember(was.people, frame, match, view.predicted, posterior, config)
        noise = was.noise.after(people.recent[people.in_a_row >= NUM_FRAMES])
        step = view.predicted.mean - view.motion.source
        velocity = step * self._frames_per_second / frame.rate
        shown = improved(frame, match, view.predicted, noise, config)
        tracks = published(people, shown, velocity, match.given_index(frame), time, config)
        born = unexplained(frame, assignment, people.label, posterior, config)
        if len(born):
            newcomers = self._newcomers(frame, born, noise, was.next_id)
            people, motion = join(people, newcomers.people), join(motion, newcomers.motion)
            tracks = join(tracks, newcomers.tracks)
        keep = alive(tracks, people.confirmed, config, self.image_size)
        tracks, next_id = select(tracks, keep), was.next_id + len(born)
        account = frame.account.of_tracks(tracks, len(born))
        self._state = TrackerState(
            select(people, keep), select(motion, keep), view.camera, noise, time, next_id, rhythm, time, account
        )
        return tracks

    def _nobody(self, next_id: int) -> TrackerState:
        people = newborns(Frame.empty(), np.zeros(0, dtype=np.int64), next_id, self.config)
        return TrackerState(
            people, self._motion.fresh(0), None, DetectorNoise(), None, next_id, Rhythm(), None, Account()
        )

    def _rate(self, time: float) -> float:
        """The time step in frames of the training data; 1 in the first frame."""
        last, called = self._state.time, self._state.called
        if not np.isfinite(time) or (called is not None and time <= called):
            raise ValueError(f"expected a time after {called} s, got {time} s")
        step = 1.0 if last is None else (time - last) * self._frames_per_second
        return float(np.clip(step, *RATE_RANGE))

    def _admit_map(self, known: Array, frame: Frame) -> Array | None:
        """A known motion of the camera, or None where no camera moves like that."""
        if self.image_size is not None:
            return known if possible_map(known, self.image_size) else None
        corners = np.concatenate([self._state.motion.source, frame.boxes])
        side = float(corners.max(initial=SMALL_IMAGE))  # as far as boxes reach
        return known if possible_map(known, (side, side)) else None

    def _move_on(self, was: TrackerState, frame: Frame, known: Array | None, rhythm: Rhythm) -> Tracks:
        """The tracks in a frame that the detector did not look at: what was learnt of them stays as it is."""
        motion, people, config = was.motion, was.people, self.config
        if known is not None:
            motion = motion._replace(source=warp_affine(motion.source, known))
        predicted = self._predict(motion, people, frame.rate)
        velocity = (predicted.mean - motion.source) * self._frames_per_second / frame.rate
        nothing = np.full(len(people.track_id), -1, dtype=np.int64)
        tracks = published(people, predicted, velocity, nothing, frame.time, config)
        keep = alive(tracks, np.ones(len(nothing), dtype=bool), config, self.image_size)
        tracks = select(tracks, keep)
        self._state = was._replace(
            people=select(people, keep), motion=select(motion, keep), rhythm=rhythm, called=frame.time,
            account=frame.account.of_tracks(tracks, 0),
        )  # fmt: skip
        return tracks

    def _predict(self, motion: MotionState, people: Population, rate: float) -> BoxEstimate:
        predicted = self._motion.predict(motion, rate)
        return predicted._replace(variance=predicted.variance * people.agility[:, None])

    def _follow_camera(self, was: TrackerState, frame: Frame, known: Array | None) -> View:
        """Move all tracks with the camera, and predict them from there."""
        people, motion, config = was.people, was.motion, self.config
        if known is not None:
            motion = motion._replace(source=warp_affine(motion.source, known))
        predicted = self._predict(motion, people, frame.rate)
        if not config.camera_motion:
            return View(was.camera, motion, predicted)
        camera = was.camera or start_camera(frame, self.image_size)
        if camera is None:
            return View(None, motion, predicted)
        sure = people.confirmed & (people.missed == 0)
        found = infer_camera(
            camera, frame, predicted, lambda guess: assign(frame, guess, people, config).responsibilities, sure
        )
        if found.variance is None:
            return View(camera, motion, predicted)
        motion = motion._replace(source=camera.warp(motion.source, found.motion))
        return View(camera.after(found.motion, found.variance), motion, self._predict(motion, people, frame.rate))

    def _e_s(self, motion: MotionState, frame: Frame, assignment: Assignment) -> tuple[MotionState, Boxes]:
        """E-S, eqs 3.18 and 3.19: the state after the frame, and the posterior mean of the boxes (N, 4)."""
        weights = assignment.responsibilities.T  # (N, K)
        precision, information = weights @ (1.0 / frame.variance), weights @ (frame.boxes / frame.variance)
        return self._motion.update(motion, precision, information, frame.rate)

    def _newcomers(self, frame: Frame, born: NDArray[np.int64], noise: DetectorNoise, first_id: int) -> Newcomers:
        """Tracklets from the detections `born` (M,)."""
        boxes, config = frame.boxes[born], self.config
        people = newborns(frame, born, first_id, config)
        shown = BoxEstimate(boxes, noise.variance(boxes, config.noise_factor))
        tracks = published(people, shown, np.zeros(boxes.shape), frame.given_index[born], frame.time, config)
        return Newcomers(people, self._motion.begin(boxes, frame.variance[born], frame.rate), tracks)
