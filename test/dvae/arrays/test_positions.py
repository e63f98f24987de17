from __future__ import annotations

import numpy as np
import pytest

from dvae.arrays.positions import parse_positions


@pytest.mark.parametrize("text", ["0.03 0 0; -0.03 0.01 0", "0.03, 0, 0;-0.03,0.01,0;", " .03 0 0 ;\n-3e-2 1e-2 0"])
def test_positions_are_read(text: str) -> None:
    np.testing.assert_allclose(parse_positions(text), [[0.03, 0.0, 0.0], [-0.03, 0.01, 0.0]])


@pytest.mark.parametrize("text", ["0 0 0", "0 0 0; 0 0 0", "a b c; 0 0 0", "0 0; 1 1", "0 0 0; nan 0 0"])
def test_microphone_positions_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="microphone_positions: expected at least two different places"):
        parse_positions(text)


def test_positions_in_millimetres_are_refused() -> None:
    with pytest.raises(ValueError, match="expected places within 10 m in metres, got 60 m: millimetres"):
        parse_positions("30 0 0; -30 0 0")
