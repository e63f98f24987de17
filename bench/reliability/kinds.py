"""The kinds of trouble that public reports of trackers, audio nodes, bag tools and enhancers describe, a row each."""

from __future__ import annotations

from collections.abc import Iterator

import kinds_boxes
import kinds_files
import kinds_sound
from outcome import Effort, Outcome, run_check
from storm_files import warm_up
from tqdm import tqdm


def outcomes(effort: Effort) -> Iterator[Outcome]:
    """A row for each."""
    warm_up()
    for check in tqdm([*kinds_sound.CHECKS, *kinds_boxes.CHECKS, *kinds_files.CHECKS], desc="kinds", unit="kind"):
        yield run_check(effort, check)
