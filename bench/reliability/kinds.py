"""The kinds of trouble that public reports of trackers, audio nodes, bag tools and enhancers describe, a row each."""

from __future__ import annotations

from collections.abc import Iterator

import kinds_bags
import kinds_boxes
import kinds_files
import kinds_ros
import kinds_sound
from outcome import Effort, Outcome, run_check
from storm_files import warm_up
from tqdm import tqdm


def outcomes(effort: Effort) -> Iterator[Outcome]:
    """A row for each."""
    warm_up()
    modules = (kinds_sound, kinds_boxes, kinds_bags, kinds_files, kinds_ros)
    checks = [check for module in modules for check in module.CHECKS]
    for check in tqdm(checks, desc="kinds", unit="kind"):
        yield run_check(effort, check)
