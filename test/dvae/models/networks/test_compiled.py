"""What the compiled recursions share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from dvae.models.networks.compiled import squash


def test_the_fast_tanh_is_the_tanh() -> None:
    values = np.concatenate([np.linspace(-12, 12, 100_001), np.geomspace(1e-20, 1, 1000), [-np.inf, np.inf, 3e38, 0.0]])
    values = values.astype(np.float32)
    found = values.copy()
    squash(found)
    np.testing.assert_allclose(found, np.tanh(values.astype(np.float64)), rtol=3.5e-7, atol=0)
    assert np.abs(found).max() <= 1.0


def test_machine_code_follows_a_change_of_the_functions_that_it_calls(tmp_path: Path) -> None:
    (tmp_path / "whole.py").write_text(
        "import numba, parts\n"
        "from dvae.models.networks.compiled import kept_until_change\n"
        "def whole(): return parts.part()\n"
        "whole = kept_until_change(numba.njit(cache=True)(whole), parts.__file__)\n"
    )
    found = []
    for value in (1, 1, 22):
        (tmp_path / "parts.py").write_text(f"import numba\n@numba.njit\ndef part(): return {value}\n")
        program = "import sys; sys.path.insert(0, sys.argv[1]); from whole import whole; "
        program += "print(whole(), sum(whole.stats.cache_hits.values()))"
        command = [sys.executable, "-B", "-c", program, str(tmp_path)]
        found.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert found == [["1", "0"], ["1", "1"], ["22", "0"]]  # the result, and whether it was on disk
