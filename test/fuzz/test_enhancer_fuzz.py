"""A little of bench/reliability/storm_enhancer.py: odd chunks of audio, then speech as from a fresh pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from outcome import Effort
from storm_enhancer import CASES, Case, EnhancerStorm, difference_db

pytestmark = pytest.mark.filterwarnings("ignore")  # numpy on numbers that are none


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_odd_chunks(case: Case, tmp_path: Path) -> None:
    effort = Effort(11, True, tmp_path)
    storm = EnhancerStorm(effort, case)
    storm.storm(np.random.default_rng([effort.seed, CASES.index(case)]), 80)
    storm.recover()
    assert not effort.failures


def test_other_speech_is_seen() -> None:
    rng = np.random.default_rng(0)
    speech = rng.normal(size=80000)
    assert difference_db(speech, speech[100:]) < -80
    assert difference_db(speech, speech[:-300]) < -80  # at the best alignment
    assert difference_db(speech, rng.normal(size=80000)) > 0
    assert difference_db(speech, speech[:1000]) == np.inf
