from __future__ import annotations

import numpy as np
import pytest
from sounds import voice

from dvae.evaluation.griffin_lim import griffin_lim
from dvae.signal.stft import STFT


def test_griffin_lim_finds_phases_and_more_iterations_find_better_ones(rng: np.random.Generator) -> None:
    stft = STFT()
    waveform = voice(140.0, 1.2, rng)[: 70 * 256 - stft.overlap]
    magnitude = np.abs(stft.analyse(waveform))
    assert magnitude.shape[0] == 70

    def inconsistency(iterations: int) -> float:
        found = griffin_lim(magnitude, stft, np.random.default_rng(1), iterations)
        assert found.shape == waveform.shape
        return float(np.linalg.norm(np.abs(stft.analyse(found)) - magnitude) / np.linalg.norm(magnitude))

    errors = [inconsistency(iterations) for iterations in (0, 5, 60)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.1
    batch = griffin_lim(np.stack([magnitude, 2 * magnitude]), stft, np.random.default_rng(1), 2)
    assert batch.shape == (2, waveform.size)
    with pytest.raises(ValueError, match="expected more than 3 frames, got 3"):
        griffin_lim(magnitude[:3], stft, rng)
