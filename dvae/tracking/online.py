"""The online tracker: variational EM over a short window, for people who come and go.

MixDVAE (X. Lin, 2024, chapters 3 and 4) tracks a fixed number of people over a recorded sequence. Here the same three
steps run over the last W frames each time a frame arrives, warm-started, with the recurrent state frozen at the left
edge of the window, and the set of tracks changes. Departures from the paper, each a setting or a sentence:

- q(w) has a clutter class, and by default is exclusive (one detection explains at most one track);
- a track's probability of detection falls with its misses, so that of two tracks on one person the one that was seen
  lately gets the detection (existence as in integrated PDA, Musicki et al. 1994);
- by default q(w) weighs a detection by its density given the past, N(o; prediction, Phi + P), where eq. 3.25 takes
  the present posterior: a track whose variance has grown during an occlusion is then found again, not punished;
- predictions carry the variance of where the track was (see dvae.tracking.rollout);
- z of a frame without detection comes from the prior, which is its exact posterior;
- q(s) and z are means, not samples: the same detections always give the same tracks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dvae.inference.responsibilities import exclusive, independent, log_beta
from dvae.models.srnn import SRNN
from dvae.tracking.boxes import Boxes, as_boxes, iou, observation_variance, sizes, valid_boxes
from dvae.tracking.compiled import CompiledMotion
from dvae.tracking.rollout import Array, Birth, Evidence, MotionState, RollOut, fresh_state, zero_noise
from dvae.tracking.tracks import Frame, Population, TrackerConfig, Tracks, TrackState, empty_population

UNCERTAIN = 1e6  # prior variance of a newborn's position, in units of Phi: the first detection decides
MIN_CONFIDENCE = 0.01
GATE_NATS = 10.0  # a track that explains a detection so much worse than clutter is not considered for it
RATE_RANGE = (0.1, 30.0)  # frames of the training data that one step may span


class OnlineTracker:
    """Call `update` for every frame, also for those without detections; `reset` to start anew (ids go on)."""

    def __init__(self, model: SRNN, config: TrackerConfig | None = None, image_size: tuple[int, int] | None = None):
        if model.config.coordinates != "relative":
            raise ValueError("expected a motion model in relative coordinates, got one in absolute coordinates")
        self.config = config or TrackerConfig()
        self.image_size = image_size
        self._motion = CompiledMotion(model)
        self._model_config = model.config
        self._next_id = 1
        self.reset()

    def restart(self, config: TrackerConfig) -> None:
        """As new, ids too."""
        self.config = config
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """Forget all tracks and the time; ids go on."""
        self._window: list[Frame] = []
        self._people = empty_population()
        self._left = self._fresh(0)
        self._means: Array = np.zeros((0, 0, 4))  # (W, N, 4), of q(s) in the iteration before
        self._fused = np.zeros((0, 0), dtype=bool)  # (W, N), where they rest on a detection
        self._last_time: float | None = None
        self._roll: RollOut | None = None

    def update(self, boxes: ArrayLike, time: float, scores: ArrayLike | None = None) -> Tracks:
        """Detections (K, 4) as x1, y1, x2, y2 in pixels with scores (K,), at `time` in seconds -> the tracks.

        Boxes that are not finite, empty, or outside the image are ignored. Raises ValueError for a wrong shape or a
        time that is not after the last one; the tracker is then as it was.
        """
        frame = self._frame(as_boxes(boxes), scores, time)
        self._push(frame)
        self._roll_out()  # predicts the new frame
        for iteration in range(self.config.iterations):
            if iteration == 0 or not self.config.predictive_assignment:
                self._e_w()
            self._e_z_and_e_s()
        detected = self._count_detections()
        self._give_birth()
        self._bury(detected)
        return self._tracks()

    # ------------------------------------------------------------------ frames

    def _frame(self, boxes: Boxes, scores: ArrayLike | None, time: float) -> Frame:
        last = self._last_time
        if not np.isfinite(time) or (last is not None and time <= last):
            raise ValueError(f"expected a time after {last} s, got {time} s")
        given = np.ones(len(boxes)) if scores is None else np.asarray(scores, dtype=np.float64).reshape(-1)
        if len(given) != len(boxes):
            raise ValueError(f"expected one score per box, got {len(given)} scores for {len(boxes)} boxes")
        usable = valid_boxes(boxes, self.image_size) & (np.nan_to_num(given, nan=-np.inf) >= self.config.min_score)
        index = np.flatnonzero(usable)
        index = np.sort(index[np.argsort(-given[index], kind="stable")[: self.config.max_detections]])
        step = 1.0 / self._model_config.frames_per_second if last is None else time - last
        rate = float(np.clip(step * self._model_config.frames_per_second, *RATE_RANGE))
        kept = boxes[index]
        variance = observation_variance(kept, self.config.observation_ratio)
        nothing = np.zeros((len(kept), len(self._people.track_id)))
        return Frame(kept, variance, given[index], index, time, rate, nothing, np.ones(len(kept)))

    def _push(self, frame: Frame) -> None:
        """Append the frame; the oldest leaves a full window and its state becomes the frozen left edge."""
        self._window.append(frame)
        count = len(self._people.track_id)
        self._means = np.concatenate([self._means, np.zeros((1, count, 4))])
        self._fused = np.concatenate([self._fused, np.zeros((1, count), dtype=bool)])
        if len(self._window) > self.config.window_frames:
            assert self._roll is not None
            self._left = MotionState(*(part[0] for part in self._roll.states))
            self._window.pop(0)
            self._means, self._fused = self._means[1:], self._fused[1:]
            self._people.birth_frame = np.maximum(self._people.birth_frame - 1, -1)
        self._last_time = frame.time

    # ------------------------------------------------------------------ the steps of EM

    def _e_w(self) -> None:
        """E-W, eq. 3.24: who explains which detection. By their density given the past, frames of the window before the
        newest stay as they are, because nothing of their past has changed; else all are weighed anew."""
        newest = len(self._window) - 1
        for t in [newest] if self.config.predictive_assignment else range(newest + 1):
            frame, config = self._window[t], self.config
            fit = self._fit(t)
            log_clutter = -0.5 * np.log(2.0 * np.pi * frame.variance).sum(-1) - config.clutter_nats
            # a track that was missed lately is less likely to be there, and to be the one that is seen (IPDA)
            detectable = config.detection_probability * np.clip(self._people.confidence, MIN_CONFIDENCE, 1.0)
            log_likelihood = fit + np.log(detectable)
            gated = (fit < (log_clutter - GATE_NATS)[:, None]) | (self._people.birth_frame >= t)  # a birth is its own
            log_likelihood = np.where(gated, -np.inf, log_likelihood)
            if config.exclusive_assignment:
                assignment = exclusive(log_likelihood, log_clutter, np.log1p(-detectable))
            else:
                assignment = independent(log_likelihood, log_clutter)
            frame.responsibilities, frame.clutter = assignment

    def _fit(self, t: int) -> Array:
        """How well each track explains each detection of frame t of the window, in nats, (K, N)."""
        assert self._roll is not None
        roll, frame = self._roll, self._window[t]
        if not self.config.predictive_assignment:
            weighed = log_beta(frame.boxes[None], frame.variance[None], roll.mean[t][None], roll.variance[t][None])
            return np.asarray(weighed[0])
        spread = frame.variance[:, None] + roll.predicted_variance[t]
        squared = np.square(frame.boxes[:, None] - roll.predicted_mean[t]) / spread
        return np.asarray(-0.5 * (squared + np.log(2.0 * np.pi * spread)).sum(-1))

    def _e_z_and_e_s(self) -> None:
        """E-Z and E-S: roll the motion model over the window, fusing what the responsibilities say."""
        self._roll_out()

    def _roll_out(self) -> None:
        people, shape = self._people, (len(self._window), len(self._people.track_id), 4)
        evidence = Evidence(np.zeros(shape), np.zeros(shape))
        for t, frame in enumerate(self._window):
            weights = frame.responsibilities.T  # (N, K)
            evidence.precision[t] = weights @ (1.0 / frame.variance)
            evidence.information[t] = weights @ (frame.boxes / frame.variance)
        supported = np.stack([frame.responsibilities.sum(0) > 0.5 for frame in self._window])
        variance = UNCERTAIN * observation_variance(people.birth_mean, self.config.observation_ratio)
        born_here = np.stack([people.birth_frame == t for t in range(shape[0])])
        own = observation_variance(people.birth_mean, self.config.observation_ratio)
        evidence.precision[born_here] = np.broadcast_to(1.0 / own, shape)[born_here]
        evidence.information[born_here] = np.broadcast_to(people.birth_mean / own, shape)[born_here]
        self._roll = self._motion.roll_out(
            self._left,
            Birth(people.birth_frame, people.birth_mean, variance),
            evidence,
            self._means,
            self._fused & supported,  # the encoder needs an estimate of s to read
            zero_noise(*shape[:2], self._model_config.latent_size, 4),
            np.array([frame.rate for frame in self._window]),
            propagate=True,
        )
        self._means, self._fused = self._roll.mean, supported

    # ------------------------------------------------------------------ life and death

    def _count_detections(self) -> NDArray[np.bool_]:
        """Update hits, times and confidence from the newest frame; (N,) true where a track was detected."""
        frame, people = self._window[-1], self._people
        support = frame.responsibilities.sum(0)
        detected = support > 0.5
        people.hits = people.hits + detected
        people.seen_time = np.where(detected, frame.time, people.seen_time)
        people.confidence = people.confidence + 0.2 * (np.minimum(support, 1.0) - people.confidence)
        people.confirmed = people.confirmed | (people.hits >= self.config.confirm_hits)
        return np.asarray(detected)

    def _give_birth(self) -> None:
        """Detections that nobody explains start tracklets."""
        frame, people = self._window[-1], self._people
        assert self._roll is not None
        overlap = iou(frame.boxes, self._roll.mean[-1]).max(axis=1, initial=0.0)
        unexplained = (frame.clutter > 0.5) & (overlap < self.config.birth_iou)
        new = np.flatnonzero(unexplained & (frame.scores >= self.config.birth_score))
        if not len(new):
            return
        count, first = len(new), len(people.track_id)
        newest = len(self._window) - 1
        self._people = Population(
            np.concatenate([people.track_id, self._next_id + np.arange(count)]),
            np.concatenate([people.birth_frame, np.full(count, newest)]),
            np.concatenate([people.birth_mean, frame.boxes[new]]),
            np.concatenate([people.birth_time, np.full(count, frame.time)]),
            np.concatenate([people.seen_time, np.full(count, frame.time)]),
            np.concatenate([people.hits, np.ones(count, dtype=np.int64)]),
            np.concatenate([people.confirmed, np.full(count, self.config.confirm_hits <= 1)]),
            np.concatenate([people.confidence, np.full(count, 0.5)]),
        )
        self._next_id += count
        self._left = MotionState(*(np.concatenate(p) for p in zip(self._left, self._fresh(count), strict=True)))
        self._means = np.pad(self._means, ((0, 0), (0, count), (0, 0)))
        self._fused = np.pad(self._fused, ((0, 0), (0, count)))
        for one in self._window:
            one.responsibilities = np.pad(one.responsibilities, ((0, 0), (0, count)))
        frame.responsibilities[new, first + np.arange(count)] = 1.0
        frame.clutter[new] = 0.0
        self._roll_out()

    def _bury(self, detected: NDArray[np.bool_]) -> None:
        """Drop tracklets at their first miss, and tracks missed for too long or predicted outside the image."""
        assert self._roll is not None
        people, now = self._people, self._window[-1].time
        just_born = np.ones(len(people.track_id) - len(detected), dtype=bool)
        missed = ~np.concatenate([detected, just_born])
        dead = missed & (~people.confirmed | (now - people.seen_time > self.config.max_missed_seconds))
        dead |= missed & ~valid_boxes(self._roll.mean[-1], self.image_size)
        if not dead.any():
            return
        keep = ~dead
        people.select(keep)
        self._left = MotionState(*(part[keep] for part in self._left))
        self._means, self._fused = self._means[:, keep], self._fused[:, keep]
        parts = [part[:, keep] for part in self._roll[:5]]
        self._roll = RollOut._make([*parts, MotionState._make(part[:, keep] for part in self._roll.states)])
        for one in self._window:
            one.responsibilities = one.responsibilities[:, keep]

    # ------------------------------------------------------------------ results

    def _tracks(self) -> Tracks:
        assert self._roll is not None
        frame, people, now = self._window[-1], self._people, self._window[-1].time
        missed = people.seen_time < now
        state = np.where(missed, TrackState.OCCLUDED, TrackState.CONFIRMED)
        matched = np.full(len(people.track_id), -1, dtype=np.int64)
        if len(frame.index):
            matched = np.where(missed, -1, frame.index[frame.responsibilities.argmax(0)])
        mean, last = self._roll.mean[-1], self._roll.states
        per_second = self._model_config.step_unit * self._model_config.frames_per_second
        return Tracks(
            people.track_id.copy(),
            np.where(people.confirmed, state, TrackState.TENTATIVE),
            mean.copy(),
            last.step_input[-1] * sizes(mean) * per_second,
            self._roll.variance[-1].copy(),
            people.confidence.copy(),
            now - people.birth_time,
            now - people.seen_time,
            matched,
        )

    def _fresh(self, count: int) -> MotionState:
        config = self._model_config
        return fresh_state(count, config.hidden_size, config.latent_size, config.data_size)
