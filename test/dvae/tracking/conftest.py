from __future__ import annotations

import pytest

from dvae.models.store.checkpoint import load_model
from dvae.models.store.find import find_model
from dvae.models.trajectory_srnn import TrajectorySRNN


@pytest.fixture(scope="session")
def shipped() -> TrajectorySRNN:
    return load_model(TrajectorySRNN, find_model("motion_srnn"))
