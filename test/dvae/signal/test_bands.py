from __future__ import annotations

import numpy as np
import pytest

from dvae.signal.bands import Bands


def test_bands_are_means_of_all_bins(rng: np.random.Generator) -> None:
    bands, power = Bands(), rng.uniform(size=(3, 513)).astype(np.float32)
    assert bands.widths.sum() == 513
    np.testing.assert_allclose(bands.mean(power), power @ bands.averaging, rtol=1e-5)
    assert bands.mean(power)[1, 0] == power[1, 0]
    assert bands.mean(power)[2, -1] == pytest.approx(power[2, bands.starts[-1] :].mean())
    np.testing.assert_array_equal(np.bincount(bands.band_of_bin), bands.widths)
