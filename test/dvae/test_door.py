"""The names at the door of the library, imported when they are asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dvae


def test_names_lead_home() -> None:
    for name in dvae._HOMES:
        found = getattr(dvae, name)
        assert found.__name__ == name
        assert name in dir(dvae)
    with pytest.raises(AttributeError, match="module 'dvae' has no attribute 'Tracker'"):
        _ = dvae.Tracker  # type: ignore[attr-defined]


def test_the_enhancer_comes_without_torch_and_the_library_without_anything() -> None:
    program = (
        "import sys, dvae; heavy = {'torch', 'numpy', 'numba'}; assert not heavy & set(sys.modules);"
        "from dvae import StreamingEnhancer; StreamingEnhancer.load('low_latency');"
        "assert 'torch' not in sys.modules and 'lightning' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
