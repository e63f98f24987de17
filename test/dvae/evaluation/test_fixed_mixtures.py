from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dvae.evaluation.fixed_mixtures import fixed_mixtures
from dvae.signal.audio_file import write_audio
from dvae.signal.audio_folder import list_audio


def test_fixed_mixtures_have_their_snr_and_do_not_change(tmp_path: Path, rng: np.random.Generator) -> None:
    for name, size in (("s/a.wav", 20000), ("s/b.wav", 60000), ("n/a.wav", 5000)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_audio(tmp_path / name, 0.1 * rng.normal(size=size).astype(np.float32), 16000)
    draws = [list(fixed_mixtures(list_audio(tmp_path / "s"), list_audio(tmp_path / "n"), 3, [-5, 5])) for _ in range(2)]
    assert len(draws[0]) == 6
    for first, second in zip(*draws, strict=True):
        assert np.array_equal(first.noisy, second.noisy)
        rest = first.noisy - first.clean
        snr = 10 * np.log10(np.square(first.clean).mean() / np.square(rest).mean())
        assert snr == pytest.approx(first.snr, abs=0.1)
        assert max(np.abs(first.noisy).max(), np.abs(first.clean).max()) == pytest.approx(0.9, abs=1e-3)
