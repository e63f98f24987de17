"""Sounds that tests listen to."""

from __future__ import annotations

from typing import Any

import numpy as np


def voice(pitch: float, seconds: float, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """A buzz of falling harmonics with a syllable's rhythm."""
    time = np.arange(int(16000 * seconds)) / 16000
    phase = 2 * np.pi * pitch * time + rng.uniform(0, 6)
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    return np.asarray(0.2 * tone * (0.2 + np.sin(2 * np.pi * 2 * time) ** 2), dtype=np.float32)
