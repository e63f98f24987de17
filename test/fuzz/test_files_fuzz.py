"""A little of bench/reliability/storm_files.py: mutated files, each read or refused in a line."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from odd import mutated, mutated_text
from programs import Run
from storm_files import KINDS, Kind, failures, warm_up

pytestmark = pytest.mark.filterwarnings("ignore")  # of programs that run in a fork
SHORT = [kind for kind in KINDS if kind.program != "dvae-train"]  # what it imports takes seconds


@pytest.fixture(scope="module")
def fresh_process() -> Iterator[ProcessPoolExecutor]:
    """What programs are forked from: a fork of pytest waits for ever for threads of OpenCV from another test."""
    with ProcessPoolExecutor(1, get_context("spawn"), warm_up, (False,)) as process:
        yield process


@pytest.mark.parametrize("kind", SHORT, ids=lambda kind: kind.name)
def test_mutated_files(kind: Kind, tmp_path: Path, fresh_process: ProcessPoolExecutor) -> None:
    assert not fresh_process.submit(failures, 11, tmp_path, kind, 4).result()


@pytest.mark.parametrize(
    ("status", "error", "wrong"),
    [
        (0, "", ""),
        (2, "dvae-track: error: expected a file, got none", ""),
        (2, "bar: 50%|\r\x1b[Advae-track: error: expected a file, got none", ""),
        (2, "", "without a line"),
        (None, "", "no end"),
        (-9, "", "exit status -9"),
        (1, "Traceback (most recent call last):\nKeyError: 1", "traceback"),
    ],
)
def test_what_a_user_should_not_see(status: int | None, error: str, wrong: str) -> None:
    found = Run(status, "", error, 1.0, 1.0).wrong()
    assert wrong in found
    assert bool(wrong) == bool(found)


def test_mutations_repeat_and_differ() -> None:
    data, tokens = b"1,2,3\n4,5,6\n" * 20, [b"nan"]
    for change in (mutated, mutated_text):
        found = [change(data, np.random.default_rng(seed), tokens) for seed in range(40)]
        assert found == [change(data, np.random.default_rng(seed), tokens) for seed in range(40)]
        assert len(set(found)) > 30
