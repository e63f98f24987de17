"""What the compiled recursions share."""

from __future__ import annotations

import numpy as np

from dvae.models.networks.compiled import squash


def test_the_fast_tanh_is_the_tanh() -> None:
    values = np.concatenate([np.linspace(-12, 12, 100_001), np.geomspace(1e-20, 1, 1000), [-np.inf, np.inf, 3e38, 0.0]])
    values = values.astype(np.float32)
    found = values.copy()
    squash(found)
    np.testing.assert_allclose(found, np.tanh(values.astype(np.float64)), rtol=3.5e-7, atol=0)
    assert np.abs(found).max() <= 1.0
