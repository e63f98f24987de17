from __future__ import annotations

import pytest

from dvae.models.store.checkpoint import load_as
from dvae.models.trajectory_srnn import TrajectorySRNN


@pytest.fixture(scope="session")
def shipped() -> TrajectorySRNN:
    return load_as(TrajectorySRNN, "motion_srnn")
