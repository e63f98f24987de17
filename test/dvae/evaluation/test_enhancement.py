from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.evaluation.enhancement import Enhanced, score_enhancement
from dvae.evaluation.enhancers import make_method
from dvae.evaluation.fixed_mixtures import FixedMixture, fixed_mixtures

DATA = Path(__file__).resolve().parents[2] / "data"


@pytest.fixture
def mixtures(tmp_path: Path, rng: np.random.Generator) -> list[FixedMixture]:
    import soundfile

    soundfile.write(tmp_path / "noise.wav", 0.1 * rng.normal(size=64000), 16000)
    return list(fixed_mixtures([DATA / "demo_speech_clean.flac"], [tmp_path / "noise.wav"], 2, [10, -5]))


def test_each_snr_has_its_scores_and_time_is_counted_over_all(mixtures: list[FixedMixture]) -> None:
    batches: list[list[int]] = []

    def unchanged(batch: Sequence[FixedMixture]) -> Enhanced:
        batches.append([mixture.snr for mixture in batch])
        return Enhanced([mixture.noisy for mixture in batch], float(batch[0].snr), 3.0)

    row = score_enhancement(unchanged, mixtures)
    assert batches == [[10, 10], [-5, -5]]
    for snr in (10, -5):
        assert row.scores[snr].si_sdr == pytest.approx(snr, abs=0.1)
    assert row.scores[10].estoi > row.scores[-5].estoi + 0.1
    assert row.iterations == 2.5
    seconds = sum(mixture.noisy.size for mixture in mixtures) / 16000
    assert row.real_time_factor == pytest.approx(6.0 / seconds)


def test_the_oracle_knows_both_variances(mixtures: list[FixedMixture]) -> None:
    methods = {name: make_method(name, "", AdaptationConfig(), Path()) for name in ("noisy", "oracle")}
    scores = {name: score_enhancement(method, mixtures[:2]).scores for name, method in methods.items()}
    assert all(scores["oracle"][snr].si_sdr > scores["noisy"][snr].si_sdr + 5 for snr in (10, -5))
    with pytest.raises(ValueError, match=r"expected one of noisy oracle .*, got nothing"):
        make_method("nothing", "", AdaptationConfig(), Path())
