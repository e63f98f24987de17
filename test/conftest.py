"""One thread, as on a robot: the results are the same and the suite is faster."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
# tests must neither hear nor disturb another ROS on this network, nor another run of themselves
os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")

import numpy as np
import pytest
import torch

from dvae.signal.audio_file import read_mono, write_audio

torch.set_num_threads(1)

DATA = Path(__file__).parent / "data"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def audio_folders(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Two files each of speech (tones that come and go) and noise, to train on and to validate with."""
    time = np.arange(32000) / 16000
    for split in ("train", "valid"):
        for kind in ("speech", "noise"):
            (tmp_path / kind / split).mkdir(parents=True)
            for i in range(2):
                tone = np.sin(2 * np.pi * (200 + 50 * i) * time) * np.sin(2 * np.pi * 3 * time)
                waveform = 0.3 * tone if kind == "speech" else 0.1 * rng.normal(size=32000)
                write_audio(tmp_path / kind / split / f"{i}.flac", waveform.astype(np.float32), 16000)
    return tmp_path


@pytest.fixture(scope="session")
def speech() -> tuple[np.ndarray, np.ndarray]:
    """Clean speech and the same in the noise of a robot, (S,) each at 16 kHz."""
    clean, noisy = (read_mono(DATA / f"demo_speech_{name}.flac", 16000) for name in ("clean", "noisy"))
    clean.flags.writeable = noisy.flags.writeable = False  # shared by all tests
    return clean, noisy
