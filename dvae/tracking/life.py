"""The life of tracks: birth, what a frame adds to memory, confirmation, death, and what is published.

Functions take a population and give a new one; none changes what it was given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dvae.inference.responsibilities import Assignment
from dvae.tracking.admission import valid_boxes
from dvae.tracking.assignment import Match
from dvae.tracking.boxes import Boxes, BoxEstimate, iou
from dvae.tracking.config import TrackerConfig
from dvae.tracking.detector_noise import NUM_FRAMES, DetectorNoise
from dvae.tracking.frame import Frame
from dvae.tracking.population import Population, replaced
from dvae.tracking.steps import Others
from dvae.tracking.tracks import Tracks, TrackState

Array = NDArray[np.float64]
AGILITY_RANGE = (1.0, 10.0)
SCORE_RATE = 0.1  # of the running mean of a track's scores
LARGEST_SURPRISE = 10.0  # squared innovation in variances that one frame may add


def newborns(frame: Frame, which: NDArray[np.int64], first_id: int, config: TrackerConfig) -> Population:
    """One tracklet for each of the detections `which` (M,) of the frame."""
    count = len(which)
    ones, now = np.ones(count, dtype=np.int64), np.full(count, frame.time)
    return Population(
        track_id=first_id + np.arange(count),
        label=frame.label[which],
        birth_time=now,
        seen_time=now,
        hits=ones,
        in_a_row=ones,
        missed=np.zeros(count, dtype=np.int64),
        confirmed=np.full(count, config.confirm_hits <= 1),
        confidence=np.full(count, 0.5),
        score=frame.scores[which],
        agility=np.ones(count),
        recent=np.repeat(frame.boxes[which][:, None], NUM_FRAMES, axis=1),
    )


def remember(
    people: Population, frame: Frame, match: Match, predicted: BoxEstimate, posterior: Boxes, config: TrackerConfig
) -> Population:
    """The population after a frame: hits and misses, confidence, scores, agility, recent boxes."""
    seen, boxes = match.detected, frame.boxes[match.detection]
    hits = people.hits + seen
    news = frame.scores[match.detection] - people.score[seen]
    newest = replaced(posterior, seen, boxes)
    return people._replace(
        seen_time=np.where(seen, frame.time, people.seen_time),
        hits=hits,
        in_a_row=np.where(seen, people.in_a_row + 1, 0),
        missed=np.where(seen, 0, people.missed + 1),
        confirmed=people.confirmed | (hits >= config.confirm_hits),
        confidence=people.confidence + config.confidence_rate * (np.minimum(match.support, 1.0) - people.confidence),
        score=replaced(people.score, seen, people.score[seen] + SCORE_RATE * news),
        agility=replaced(people.agility, seen, agility_after(people.agility[seen], frame, match, predicted, config)),
        recent=np.concatenate([people.recent[:, 1:], newest[:, None]], axis=1),
    )


def agility_after(agility: Array, frame: Frame, match: Match, predicted: BoxEstimate, config: TrackerConfig) -> Array:
    """Agility (M,) of the detected tracks: more for those that move in other ways than the motion model expects, less
    for the others. The predicted variance contains the agility so far."""
    boxes, phi = frame.boxes[match.detection], frame.variance[match.detection]
    variance = phi + predicted.variance[match.detected] / agility[:, None]
    surprise = (np.square(boxes - predicted.mean[match.detected]) / variance).mean(axis=1)
    change = config.agility_rate * (np.minimum(surprise, LARGEST_SURPRISE) - 1.0)
    return np.asarray(np.clip(agility * np.exp(change), *AGILITY_RANGE))


def unexplained(
    frame: Frame, assignment: Assignment, label: NDArray[np.int64], posterior: Boxes, config: TrackerConfig
) -> NDArray[np.int64]:
    """The detections (M,) that start tracklets: well scored, explained by nobody, and over no track of their label."""
    overlap = np.where(frame.label[:, None] == label, iou(frame.boxes, posterior), 0.0)
    alone = (assignment.clutter > 0.5) & (overlap.max(axis=1, initial=0.0) <= config.birth_iou)
    return np.flatnonzero(alone & (frame.scores >= config.birth_score))


def improved(
    frame: Frame, match: Match, predicted: BoxEstimate, noise: DetectorNoise, config: TrackerConfig
) -> BoxEstimate:
    """Posterior of the boxes under the measured noise of the detector; the prediction where there was none."""
    boxes, prior = frame.boxes[match.detection], predicted.variance[match.detected]
    phi = noise.variance(boxes, config.noise_factor)
    variance = 1.0 / (1.0 / phi + 1.0 / prior)
    mean = variance * (boxes / phi + predicted.mean[match.detected] / prior)
    return BoxEstimate(
        replaced(predicted.mean, match.detected, mean), replaced(predicted.variance, match.detected, variance)
    )


def published(
    people: Population,
    boxes: BoxEstimate,
    velocity: Array,
    detection_index: NDArray[np.int64],
    now: float,
    config: TrackerConfig,
) -> Tracks:
    """The tracks as the user sees them; velocity (N, 4) in pixels per second, detection_index (N,) as in Tracks."""
    seen = people.seen_time >= now
    coasting = (people.missed <= config.coast_frames) & (people.confidence >= config.coast_confidence)
    state = np.where(seen, TrackState.CONFIRMED, TrackState.OCCLUDED)
    return Tracks(
        track_id=people.track_id.copy(),
        state=np.where(people.confirmed, state, TrackState.TENTATIVE),
        visible=people.confirmed & (seen | coasting) & (people.score >= config.visible_score),
        label=people.label.copy(),
        boxes=boxes.mean,
        velocity=velocity,
        variance=boxes.variance,
        confidence=people.confidence.copy(),
        age=now - people.birth_time,
        time_since_detection=now - people.seen_time,
        detection_index=detection_index,
    )


def alive(
    tracks: Tracks,
    confirmed: NDArray[np.bool_],
    config: TrackerConfig,
    image_size: tuple[float, float] | None,
    others: Others | None = None,
) -> NDArray[np.bool_]:
    """(N,) false for tracklets at their first miss, for tracks missed for too long, unless others know them to be
    there, and for those predicted outside the image (width, height), where that is known."""
    missed = tracks.time_since_detection > 0
    too_long = tracks.time_since_detection > config.max_missed_seconds
    if others is not None:
        too_long[: len(others.present)] &= ~others.present  # those that are born in this frame come last
    return ~(missed & (~confirmed | too_long | ~valid_boxes(tracks.boxes, image_size)))
