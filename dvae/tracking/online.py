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

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvae.models.store.checkpoint import load_as
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.account import Account
from dvae.tracking.admission import as_image_size, possible_map
from dvae.tracking.assignment import assign, match_of
from dvae.tracking.boxes import Boxes, BoxEstimate
from dvae.tracking.camera import as_affine, warp_affine
from dvae.tracking.camera_following import infer_camera, start_camera
from dvae.tracking.config import TrackerConfig
from dvae.tracking.detector_noise import NUM_FRAMES, DetectorNoise
from dvae.tracking.frame import Frame, choose_detections
from dvae.tracking.life import alive, improved, newborns, published, remember, unexplained
from dvae.tracking.motion.compiled import CompiledMotion
from dvae.tracking.motion.frame_step import FrameStep
from dvae.tracking.motion.rollout import Evidence, MotionState
from dvae.tracking.population import Population, join, select
from dvae.tracking.rhythm import Rhythm
from dvae.tracking.steps import Associated, Newcomers, Others, TrackerState, View, given
from dvae.tracking.tracks import Tracks

Array = NDArray[np.float64]
SMALL_IMAGE = 1000.0  # pixels
RATE_RANGE = (0.1, 30.0)  # frames of the training data that one step may span


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
        return self.correct(self.associate(boxes, time, scores, labels, camera))

    def associate(
        self,
        boxes: ArrayLike,
        time: float,
        scores: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        camera: ArrayLike | None = None,
        looked: bool = True,
    ) -> Associated:
        """The first half of `update`, which changes nothing: predictions and E-W.

        looked: false where there is no image at that time; ValueError where there are boxes all the same.
        """
        was, config = self._state, self.config
        frame = choose_detections(boxes, scores, labels, (time, self._rate(time)), config, self.image_size)
        has_boxes = frame.account.frames_with_boxes > 0
        if has_boxes and not looked:
            raise ValueError(f"expected no boxes where there is no image, got {frame.account.given}")
        known = None if camera is None else self._admit_map(as_affine(camera), frame)
        if camera is not None and known is None:
            frame = frame._replace(account=frame.account._replace(maps=1))
        rhythm = was.rhythm.after(time, has_boxes) if looked else was.rhythm
        looked = looked and not was.rhythm.is_between(time, has_boxes)
        view = self._follow_camera(was, frame, known, looked)
        assignment = assign(frame, view.predicted, was.people, config)  # E-W
        weights = assignment.responsibilities.T  # (N, K)
        evidence = Evidence(weights @ (1.0 / frame.variance), weights @ (frame.boxes / frame.variance))
        return Associated(was, frame, looked, rhythm, view, assignment, evidence)

    def correct(self, step: Associated, others: Others | None = None) -> Tracks:
        """The second half of `update`, after `associate`: E-S, with what `others` say beside the boxes, and who lives
        on."""
        return self._correct(step, others) if step.looked else self._move_on(step, others)

    def _correct(self, step: Associated, others: Others | None) -> Tracks:
        (was, frame, config), predicted = (step.before, step.frame, self.config), step.view.predicted
        motion, posterior = self._e_s(step, others)
        match = match_of(step.assignment)
        people = remember(was.people, frame, match, predicted, posterior, config)
        noise = was.noise.after(people.recent[people.in_a_row >= NUM_FRAMES])
        shown = improved(frame, match, given(predicted, others), noise, config)
        tracks = published(people, shown, self._velocity(step), match.given_index(frame), frame.time, config)
        born = unexplained(frame, step.assignment, people.label, posterior, config)
        if len(born):
            newcomers = self._newcomers(frame, born, noise, was.next_id)
            people, motion = join(people, newcomers.people), join(motion, newcomers.motion)
            tracks = join(tracks, newcomers.tracks)
        keep = alive(tracks, people.confirmed, config, self.image_size, others)
        tracks, next_id = select(tracks, keep), was.next_id + len(born)
        account = frame.account.of_tracks(tracks, len(born))
        self._state = TrackerState(
            select(people, keep), select(motion, keep), step.view.camera, noise, frame.time, next_id, step.rhythm,
            frame.time, account,
        )  # fmt: skip
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

    def _move_on(self, step: Associated, others: Others | None) -> Tracks:
        """The tracks in a frame that the detector did not look at: what was learnt of them stays as it is, but for what
        others say."""
        was, frame, config = step.before, step.frame, self.config
        motion, time, people = step.view.motion, was.time, was.people
        if others is not None and others.precision.any():
            motion, time = self._e_s(step, others)[0], frame.time
        nothing = np.full(len(people.track_id), -1, dtype=np.int64)
        shown = given(step.view.predicted, others)
        tracks = published(people, shown, self._velocity(step), nothing, frame.time, config)
        keep = alive(tracks, np.ones(len(nothing), dtype=bool), config, self.image_size, others)
        tracks = select(tracks, keep)
        self._state = was._replace(
            people=select(people, keep), motion=select(motion, keep), time=time, rhythm=step.rhythm,
            called=frame.time, account=frame.account.of_tracks(tracks, 0),
        )  # fmt: skip
        return tracks

    def _velocity(self, step: Associated) -> Array:
        """(N, 4) in pixels per second, as predicted."""
        moved = step.view.predicted.mean - step.view.motion.source
        return np.asarray(moved * self._frames_per_second / step.frame.rate)

    def _predict(self, motion: MotionState, people: Population, rate: float) -> BoxEstimate:
        predicted = self._motion.predict(motion, rate)
        return predicted._replace(variance=predicted.variance * people.agility[:, None])

    def _follow_camera(self, was: TrackerState, frame: Frame, known: Array | None, looked: bool) -> View:
        """Move all tracks with the camera, and predict them from there."""
        people, motion, config = was.people, was.motion, self.config
        if known is not None:
            motion = motion._replace(source=warp_affine(motion.source, known))
        predicted = self._predict(motion, people, frame.rate)
        if not (config.camera_motion and looked):
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

    def _e_s(self, step: Associated, others: Others | None) -> tuple[MotionState, Boxes]:
        """E-S, eqs 3.18 and 3.19: the state after the frame, and the posterior mean of the boxes (N, 4)."""
        precision, information, rate = *step.evidence, step.frame.rate
        if others is None:
            return self._motion.update(step.view.motion, precision, information, rate)
        motion, posterior = self._motion.update(
            step.view.motion, precision + others.precision, information + others.information, rate
        )
        unseen = ~(precision > 0.0).any(axis=1)  # whatever others say
        return motion._replace(missed=unseen.astype(np.float64)), posterior

    def _newcomers(self, frame: Frame, born: NDArray[np.int64], noise: DetectorNoise, first_id: int) -> Newcomers:
        """Tracklets from the detections `born` (M,)."""
        boxes, config = frame.boxes[born], self.config
        people = newborns(frame, born, first_id, config)
        shown = BoxEstimate(boxes, noise.variance(boxes, config.noise_factor))
        tracks = published(people, shown, np.zeros(boxes.shape), frame.given_index[born], frame.time, config)
        return Newcomers(people, self._motion.begin(boxes, frame.variance[born], frame.rate), tracks)
