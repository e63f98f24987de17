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
- the motion of the camera is one more hidden variable with a posterior of its own (dvae.tracking.camera);
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

from dvae.inference.responsibilities import Assignment, exclusive, independent
from dvae.models.trajectory_srnn import TrajectorySRNN
from dvae.tracking.boxes import Boxes, as_boxes, iou, observation_variance, valid_boxes
from dvae.tracking.camera import CameraMotion, as_affine, find_jump, warp_affine
from dvae.tracking.config import TrackerConfig
from dvae.tracking.detector_noise import NUM_FRAMES, DetectorNoise
from dvae.tracking.gating import log_fit, perfect_fit
from dvae.tracking.motion.compiled import CompiledMotion
from dvae.tracking.motion.rollout import Array, Birth, Evidence, MotionState, RollOut, fresh_state, zero_noise
from dvae.tracking.tracks import Frame, Tracks, TrackState, newborns

MIN_CONFIDENCE = 0.0075
GATE_NATS = 10.0  # a track that explains a detection so much worse than clutter is not considered for it
RATE_RANGE = (0.1, 30.0)  # frames of the training data that one step may span
CAMERA_ITERATIONS = 2
FEWEST_PAIRS = 3  # fewer people cannot tell the camera's motion from their own
AGILITY_RANGE = (1.0, 10.0)
SCORE_RATE = 0.1  # of the running mean of a track's scores
LARGEST_SURPRISE = 10.0  # squared innovation in variances that one frame may add
JUMP_GAIN = 2.0  # more people than this have to be found again by assuming a jump
LOST = 0.75  # when fewer of the people who were just seen are found again, the image may have jumped
POSSIBLE = 0.3  # pairs of less responsibility say nothing about the camera


class Prediction(NamedTuple):
    """Where the tracks are expected in the frame, given the past: mean and variance (N, 4)."""

    mean: Boxes
    variance: Array


class CameraPosterior(NamedTuple):
    """Mean and variance (3,) of the camera's motion, None where too few people tell; support (N,) of the tracks with
    it."""

    motion: Array
    variance: Array | None
    support: Array


class OnlineTracker:
    """Call `update` for every frame, also for those without detections; `reset` to start anew (ids go on)."""

    def __init__(
        self, model: TrajectorySRNN, config: TrackerConfig | None = None, image_size: tuple[int, int] | None = None
    ):
        if model.config.coordinates != "relative":
            raise ValueError("expected a motion model in relative coordinates, got one in absolute coordinates")
        self.config = config or TrackerConfig()
        self.image_size = image_size
        self._motion = CompiledMotion(model)
        self._model_config, self._frames_per_second = model.config, model.config.frames_per_second
        self._next_id = 1
        self.reset()

    def restart(self, config: TrackerConfig) -> None:
        """As new, ids too."""
        self.config = config
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """Forget all tracks, the time, the camera and the detector; ids go on."""
        nobody = np.zeros(0, dtype=np.int64)
        nothing = Frame(np.zeros((0, 4)), np.zeros((0, 4)), np.zeros(0), nobody, nobody, 0.0, 1.0)
        self._people = newborns(0, nothing, nobody, False)
        self._state = self._fresh(0)
        self._camera: CameraMotion | None = None
        self._noise = DetectorNoise()
        self._last_time: float | None = None

    def update(
        self,
        boxes: ArrayLike,
        time: float,
        scores: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        camera: ArrayLike | None = None,
    ) -> Tracks:
        """Detections (K, 4) as x1, y1, x2, y2 in pixels at `time` in seconds -> the tracks.

        scores (K,); labels (K,): whole numbers, a track keeps to detections of its own label; camera: affine map (2,
        3) of the previous image's coordinates to this one's, if known. Boxes that are not finite, empty, or outside
        the image are ignored. Raises ValueError for a wrong shape or a time that is not after the last one; the
        tracker is then as it was.
        """
        frame = self._frame(as_boxes(boxes), scores, labels, time)
        known = None if camera is None else as_affine(camera)
        self._last_time = time
        predicted = self._follow_camera(frame, known)
        assignment = self._e_w(frame, predicted)
        step = predicted.mean - self._state.source
        roll = self._e_s(frame, assignment)
        best = (
            assignment.responsibilities.argmax(0) if len(frame.given_index) else np.zeros(len(predicted.mean), np.int64)
        )
        detected = self._count_detections(frame, assignment, best, roll.mean[0])
        self._adapt_agility(frame, predicted, best, detected)
        result = self._published(frame, predicted, best, detected)
        born = self._give_birth(frame, assignment, roll.mean[0])
        velocity = np.concatenate([step, np.zeros((len(born), 4))]) * self._frames_per_second / frame.rate
        return self._bury(self._tracks(frame, result, velocity, best, detected, born), detected)

    # ------------------------------------------------------------------ frames

    def _frame(self, boxes: Boxes, scores: ArrayLike | None, labels: ArrayLike | None, time: float) -> Frame:
        last = self._last_time
        if not np.isfinite(time) or (last is not None and time <= last):
            raise ValueError(f"expected a time after {last} s, got {time} s")
        given = np.ones(len(boxes)) if scores is None else np.asarray(scores, dtype=np.float64).reshape(-1)
        label = (
            np.zeros(len(boxes), dtype=np.int64) if labels is None else np.asarray(labels, dtype=np.int64).reshape(-1)
        )
        for name, values in (("score", given), ("label", label)):
            if len(values) != len(boxes):
                raise ValueError(f"expected one {name} per box, got {len(values)} {name}s for {len(boxes)} boxes")
        usable = valid_boxes(boxes, self.image_size) & (np.nan_to_num(given, nan=-np.inf) >= self.config.min_score)
        index = np.flatnonzero(usable)
        index = np.sort(index[np.argsort(-given[index], kind="stable")[: self.config.max_detections]])
        step = 1.0 if last is None else (time - last) * self._frames_per_second
        rate = float(np.clip(step, *RATE_RANGE))
        kept = boxes[index]
        variance = observation_variance(kept, self.config.observation_ratio)
        return Frame(kept, variance, given[index], label[index], index, time, rate)

    # ------------------------------------------------------------------ the steps of EM

    def _predict(self, rate: float) -> Prediction:
        nothing = np.zeros((1, len(self._people.track_id), 4))
        roll = self._roll_out(self._state, Evidence(nothing, nothing), rate)
        return Prediction(roll.predicted_mean[0], roll.predicted_variance[0] * self._people.agility[:, None])

    def _follow_camera(self, frame: Frame, known: Array | None) -> Prediction:
        """Move all tracks with the camera, and predict them from there."""
        if known is not None:
            self._move(warp_affine(self._state.source, known))
        if not self.config.camera_motion:
            return self._predict(frame.rate)
        camera = self._camera or self._start_camera(frame)
        if camera is None:
            return self._predict(frame.rate)
        self._camera = camera
        predicted = self._predict(frame.rate)
        found = self._infer_camera(frame, predicted, camera, None)
        sure = self._people.confirmed & (self._people.missed == 0)
        if sure.sum() >= FEWEST_PAIRS and found.support[sure].mean() < LOST:
            jump = find_jump(predicted.mean[sure], frame.boxes, camera.extent)
            other = self._infer_camera(frame, predicted, camera, jump)
            if other.support[sure].sum() > found.support[sure].sum() + JUMP_GAIN:
                found = other
        if found.variance is None:
            return predicted
        camera.adapt(found.motion, found.variance)
        self._move(camera.warp(self._state.source, found.motion))
        return self._predict(frame.rate)

    def _infer_camera(
        self, frame: Frame, predicted: Prediction, camera: CameraMotion, jump: Array | None
    ) -> CameraPosterior:
        """E-W and the camera's posterior in turn, from no motion or from a `jump` (2,) of the image."""
        start = np.zeros(3) if jump is None else np.append(jump, 0.0)
        motion, variance, support = start, None, np.zeros(len(predicted.mean))
        for iteration in range(CAMERA_ITERATIONS):
            wider = predicted.variance + (camera.shift_variance() if iteration == 0 else 0.0)
            guess = Prediction(camera.warp(predicted.mean, motion), wider)
            responsibilities = self._e_w(frame, guess).responsibilities
            k, n = np.nonzero(responsibilities > POSSIBLE)
            support = responsibilities.sum(axis=0)
            if len(k) < FEWEST_PAIRS:
                return CameraPosterior(start, None, support)
            innovation = frame.boxes[k] - predicted.mean[n]
            spread = frame.variance[k] + predicted.variance[n]
            weight = responsibilities[k, n]
            motion, variance = camera.infer(innovation, spread, weight, predicted.mean[n], motion, start)
        return CameraPosterior(motion, variance, support)

    def _start_camera(self, frame: Frame) -> CameraMotion | None:
        if self.image_size is not None:
            return CameraMotion(self.image_size)
        return CameraMotion((frame.boxes[:, 2].max(), frame.boxes[:, 3].max())) if len(frame.boxes) else None

    def _move(self, source: Boxes) -> None:
        self._state = self._state._replace(source=source)

    def _e_w(self, frame: Frame, predicted: Prediction) -> Assignment:
        """E-W, eq. 3.24, with the density given the past in place of eq. 3.25: who explains which detection."""
        config, people = self.config, self._people
        spread = np.array([1.0, 1.0, 1.0, config.height_spread])
        perfect = perfect_fit(frame.variance, spread)
        margin = np.full(len(frame.boxes), config.clutter_nats + GATE_NATS)
        fit = log_fit(
            frame.boxes, frame.variance, frame.label, *predicted, people.label, spread, perfect, margin
        )  # fmt: skip
        # a track that was missed lately or is made of doubtful boxes is less likely to be the one that is seen (IPDA)
        presence = np.clip(people.confidence * np.clip(people.score, 0.0, 1.0), MIN_CONFIDENCE, 1.0)
        detectable = config.detection_probability * presence
        log_clutter = perfect - config.clutter_nats
        if config.exclusive_assignment:
            return exclusive(fit + np.log(detectable), log_clutter, np.log1p(-detectable))
        return independent(fit + np.log(detectable), log_clutter)

    def _e_s(self, frame: Frame, assignment: Assignment) -> RollOut:
        """E-S, eqs 3.18 and 3.19, at the state's next step; z comes from the prior, its posterior given the past."""
        weights = assignment.responsibilities.T  # (N, K)
        precision, information = weights @ (1.0 / frame.variance), weights @ (frame.boxes / frame.variance)
        roll = self._roll_out(self._state, Evidence(precision[None], information[None]), frame.rate)
        self._state = MotionState._make(part[0] for part in roll.states)
        return roll

    def _roll_out(self, state: MotionState, evidence: Evidence, rate: float, birth: Birth | None = None) -> RollOut:
        count = len(state.z)
        if birth is None:
            birth = Birth(np.full(count, -1), np.zeros((count, 4)), np.ones((count, 4)))
        nothing, off = np.zeros((1, count, 4)), np.zeros((1, count), dtype=bool)
        noise = zero_noise(1, count, self._model_config.latent_size, 4)
        return self._motion.roll_out(state, birth, evidence, nothing, off, noise, np.array([rate]), propagate=True)

    # ------------------------------------------------------------------ life and death

    def _count_detections(
        self, frame: Frame, assignment: Assignment, best: NDArray[np.int64], mean: Boxes
    ) -> NDArray[np.bool_]:
        """Update what is remembered of each track; (N,) true where a track was detected."""
        people = self._people
        support = assignment.responsibilities.sum(0)
        detected = np.asarray(support > 0.5)
        people.hits = people.hits + detected
        people.in_a_row = np.where(detected, people.in_a_row + 1, 0)
        people.missed = np.where(detected, 0, people.missed + 1)
        people.seen_time = np.where(detected, frame.time, people.seen_time)
        change = np.minimum(support, 1.0) - people.confidence
        people.confidence = people.confidence + self.config.confidence_rate * change
        news = frame.scores[best[detected]] - people.score[detected]
        people.score[detected] += SCORE_RATE * news
        people.confirmed = people.confirmed | (people.hits >= self.config.confirm_hits)
        newest = mean.copy()
        newest[detected] = frame.boxes[best[detected]]
        people.recent = np.concatenate([people.recent[:, 1:], newest[:, None]], axis=1)
        self._noise.update(people.recent[people.in_a_row >= NUM_FRAMES])
        return detected

    def _adapt_agility(
        self, frame: Frame, predicted: Prediction, best: NDArray[np.int64], detected: NDArray[np.bool_]
    ) -> None:
        """Widen the gate of tracks that move in other ways than the motion model expects, narrow that of the others."""
        agility = self._people.agility[detected]
        boxes, phi = frame.boxes[best[detected]], frame.variance[best[detected]]
        variance = phi + predicted.variance[detected] / agility[:, None]
        surprise = (np.square(boxes - predicted.mean[detected]) / variance).mean(axis=1)
        change = self.config.agility_rate * (np.minimum(surprise, LARGEST_SURPRISE) - 1.0)
        self._people.agility[detected] = np.clip(agility * np.exp(change), *AGILITY_RANGE)

    def _give_birth(self, frame: Frame, assignment: Assignment, mean: Boxes) -> NDArray[np.int64]:
        """Detections that nobody explains start tracklets; their indices in the frame (M,)."""
        overlap = iou(frame.boxes, mean)
        overlap[frame.label[:, None] != self._people.label] = 0.0
        unexplained = (assignment.clutter > 0.5) & (overlap.max(axis=1, initial=0.0) < self.config.birth_iou)
        new = np.flatnonzero(unexplained & (frame.scores >= self.config.birth_score))
        if len(new):
            nothing = np.zeros((1, len(new), 4))
            birth = Birth(np.zeros(len(new), dtype=np.int64), frame.boxes[new], frame.variance[new])
            roll = self._roll_out(self._fresh(len(new)), Evidence(nothing, nothing), frame.rate, birth)
            state = MotionState._make(part[0] for part in roll.states)._replace(missed=np.zeros(len(new)))
            self._state = MotionState._make(np.concatenate(pair) for pair in zip(self._state, state, strict=True))
            self._people.extend(newborns(self._next_id, frame, new, self.config.confirm_hits <= 1))
            self._next_id += len(new)
        return new

    def _bury(self, tracks: Tracks, detected: NDArray[np.bool_]) -> Tracks:
        """Drop tracklets at their first miss, and tracks missed for too long or predicted outside the image."""
        people = self._people
        missed = ~np.concatenate([detected, np.ones(len(people.track_id) - len(detected), dtype=bool)])
        dead = missed & (~people.confirmed | (tracks.time_since_detection > self.config.max_missed_seconds))
        dead |= missed & ~valid_boxes(tracks.boxes, self.image_size)
        if not dead.any():
            return tracks
        people.select(~dead)
        self._state = MotionState._make(part[~dead] for part in self._state)
        return Tracks._make(part[~dead] for part in tracks)

    # ------------------------------------------------------------------ results

    def _published(
        self, frame: Frame, predicted: Prediction, best: NDArray[np.int64], detected: NDArray[np.bool_]
    ) -> Prediction:
        """Posterior of the boxes under the measured noise of the detector; the prediction where there was none."""
        mean, variance = predicted.mean.copy(), predicted.variance.copy()
        if detected.any():
            boxes = frame.boxes[best[detected]]
            phi = self._noise.variance(boxes, self.config.noise_factor)
            prior = predicted.variance[detected]
            variance[detected] = 1.0 / (1.0 / phi + 1.0 / prior)
            mean[detected] = variance[detected] * (boxes / phi + predicted.mean[detected] / prior)
        return Prediction(mean, variance)

    def _tracks(
        self,
        frame: Frame,
        result: Prediction,
        velocity: Array,
        best: NDArray[np.int64],
        detected: NDArray[np.bool_],
        born: NDArray[np.int64],
    ) -> Tracks:
        people, now = self._people, frame.time
        boxes = np.concatenate([result.mean, frame.boxes[born]])
        noise = self._noise.variance(frame.boxes[born], self.config.noise_factor)
        seen = people.seen_time >= now
        matched = np.full(len(boxes), -1, dtype=np.int64)
        matched[seen] = frame.given_index[np.concatenate([best[detected], born])]
        coasting = (people.missed <= self.config.coast_frames) & (people.confidence >= self.config.coast_confidence)
        state = np.where(seen, TrackState.CONFIRMED, TrackState.OCCLUDED)
        return Tracks(
            people.track_id.copy(),
            np.where(people.confirmed, state, TrackState.TENTATIVE),
            people.confirmed & (seen | coasting) & (people.score >= self.config.visible_score),
            people.label.copy(),
            boxes,
            velocity,
            np.concatenate([result.variance, noise]),
            people.confidence.copy(),
            now - people.birth_time,
            now - people.seen_time,
            matched,
        )

    def _fresh(self, count: int) -> MotionState:
        config = self._model_config
        return fresh_state(count, config.hidden_size, config.latent_size, config.data_size)
