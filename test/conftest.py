"""One thread, as on a robot: the results are the same and the suite is faster."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
# tests must neither hear nor disturb another ROS on this network, nor another run of themselves
os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")

import numpy as np
import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
