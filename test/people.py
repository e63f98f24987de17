"""People of known boxes, motion models of known behaviour, and a tracker run over them."""

from __future__ import annotations

import numpy as np
import torch

from dvae.models.trajectory_srnn import TrajectorySRNN, TrajectorySRNNConfig
from dvae.tracking.camera import warp_affine
from dvae.tracking.online import OnlineTracker
from dvae.tracking.tracks import Tracks

Array = np.ndarray
SIZE = (1000, 800)


def random_model(coordinates: str) -> TrajectorySRNN:
    torch.manual_seed(0)
    return TrajectorySRNN(TrajectorySRNNConfig(coordinates=coordinates, hidden_size=5)).double()


def still_model(coordinates: str, log_var: float, mean: float = 0.0) -> TrajectorySRNN:
    """All weights zero: the emission is N(s_{t-1}, ...) (relative) or N(mean, exp(log_var)) (absolute) for ever."""
    model = TrajectorySRNN(TrajectorySRNNConfig(coordinates=coordinates)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.emission.mean.bias.fill_(mean)
        model.emission.log_var.bias.fill_(log_var)
    return model


def crossing(num_frames: int = 60) -> Array:
    """Two people who walk past each other, (T, 2, 4) in fractions of the image."""
    t = np.linspace(0.0, 1.0, num_frames)[:, None]
    corner = np.stack([np.hstack([0.3 + 0.25 * t, 0.30 + 0 * t]), np.hstack([0.62 - 0.25 * t, 0.36 + 0 * t])], axis=1)
    return np.concatenate([corner, corner + [0.05, 0.25]], axis=-1)


def walkers(num_frames: int, starts: list[list[float]], velocities: list[list[float]]) -> Array:
    """People of 60 x 160 pixels, (T, N, 4)."""
    corner = np.array(starts) + np.array(velocities) * np.arange(num_frames)[:, None, None]
    return np.concatenate([corner, corner + [60.0, 160.0]], axis=-1)


def run(tracker: OnlineTracker, frames: list[Array], fps: float = 30.0, first: int = 0) -> list[Tracks]:
    return [tracker.update(boxes, (first + t) / fps) for t, boxes in enumerate(frames)]


def shaking(num_frames: int, rng: np.random.Generator) -> tuple[Array, list[Array]]:
    """Five people who stand in a moving image, (T, 5, 4), and the camera's affine map for each frame."""
    still = walkers(1, [[x, 250 + 20 * (x % 3)] for x in range(100, 900, 160)], [[0, 0]] * 5)[0]
    maps, boxes = [np.eye(2, 3)], [still]
    for _ in range(num_frames - 1):
        zoom, shift = 1.0 + rng.normal(0, 0.005), rng.normal(0, 12, size=2)
        maps.append(np.hstack([zoom * np.eye(2), shift[:, None]]))
        boxes.append(warp_affine(boxes[-1], maps[-1]))
    return np.array(boxes), maps
