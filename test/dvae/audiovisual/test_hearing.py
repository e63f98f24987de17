from __future__ import annotations

import numpy as np
import pytest

from dvae.arrays.positions import parse_positions
from dvae.audiovisual.hearing import Hearing

SQUARE = parse_positions("0.045 0 0; 0 0.045 0; -0.045 0 0; 0 -0.045 0")


@pytest.mark.parametrize("chunk", [100, 5000])
def test_frames_do_not_depend_on_the_chunks(chunk: int, rng: np.random.Generator) -> None:
    samples = 0.1 * rng.normal(size=(4, 16000)).astype(np.float32)
    hearing = Hearing(SQUARE)
    whole = hearing.feed(samples) + hearing.flush()
    parts = [heard for i in range(0, 16000, chunk) for heard in hearing.feed(samples[:, i : i + chunk])]
    parts += hearing.flush()
    assert [heard.time for heard in parts] == [heard.time for heard in whole]
    for one, other in zip(parts, whole, strict=True):
        np.testing.assert_array_equal(one.azimuth, other.azimuth)
        np.testing.assert_array_equal(one.weight, other.weight)
        assert one.speech == other.speech
    assert np.diff([heard.time for heard in whole]) == pytest.approx(0.032)
    assert 0.0 <= whole[0].time < 0.032
    assert 1.0 - 0.032 <= whole[-1].time < 1.0
