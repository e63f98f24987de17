from __future__ import annotations

import numpy as np
import pytest

from dvae.arrays.directions import Directions
from dvae.audiovisual.heard_probability import COEFFICIENTS, evidence, heard_probability


def found(*shares: float) -> Directions:
    return Directions(np.linspace(-1.0, 1.0, len(shares)), np.array(shares), 0.05)


@pytest.mark.parametrize("method", sorted(COEFFICIENTS))
def test_it_is_a_logistic_function_of_the_evidence(method: str) -> None:
    rows = evidence(found(0.6, 0.2), 0.9, 0.7)
    assert rows.shape == (2, 6)
    odds = COEFFICIENTS[method][0] + rows @ np.array(COEFFICIENTS[method][1:])
    np.testing.assert_allclose(heard_probability(method, found(0.6, 0.2), 0.9, 0.7), 1 / (1 + np.exp(-odds)))


def test_more_of_the_sound_and_more_speech_are_more_probable() -> None:
    clear, faint = heard_probability("subband", found(0.7, 0.1), 0.95, 0.9)
    assert clear > 0.9 > 0.5 > faint
    assert heard_probability("subband", found(0.7, 0.1), 0.05, 0.05)[0] < clear


def test_no_direction_has_no_probability() -> None:
    assert heard_probability("subband", found(), 0.5, 0.5).shape == (0,)
