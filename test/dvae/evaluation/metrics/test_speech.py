from __future__ import annotations

import numpy as np
import pytest

from dvae.evaluation.metrics.speech import si_sdr


def test_si_sdr_does_not_see_scale_and_measures_added_noise(rng: np.random.Generator) -> None:
    speech, noise = rng.normal(size=100000), rng.normal(size=100000)
    assert si_sdr(speech, 0.3 * (speech + 0.1 * noise)) == pytest.approx(20.0, abs=0.1)
    with pytest.raises(ValueError, match="expected equally long signals"):
        si_sdr(speech, speech[1:])
