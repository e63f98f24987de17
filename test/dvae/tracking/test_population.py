from __future__ import annotations

import numpy as np
import pytest

from dvae.tracking.population import rows_of


@pytest.mark.parametrize(
    ("known", "wanted", "rows"),
    [([7, -2, 5], [5, 7, 6, -2, 9, -3], [2, 0, -1, 1, -1, -1]), ([], [4, 4], [-1, -1]), ([4], [], [])],
)
def test_rows_are_found_by_ids_in_any_order(known: list[int], wanted: list[int], rows: list[int]) -> None:
    assert rows_of(np.array(known, dtype=np.int64), np.array(wanted, dtype=np.int64)).tolist() == rows
