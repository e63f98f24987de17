"""How the adaptive methods iterate."""

from __future__ import annotations

from dataclasses import dataclass

from dvae.configuration import setting


@dataclass(frozen=True)
class AdaptationConfig:
    """How the adaptive methods iterate."""

    max_iterations: int = setting(300, "iterations at most", minimum=1)
    min_iterations: int = setting(30, "iterations at least", minimum=1)
    patience: int = setting(10, "iterations over which the lower bound is averaged and compared", minimum=1)
    tolerance: float = setting(
        0.5, "rise of the bound over `patience` iterations below which an utterance is done", unit="nats per frame"
    )
    learning_rate: float = setting(1e-3, "step of Adam", minimum=0.0)
    rank: int = setting(8, "templates of the NMF noise", minimum=1)
    langevin_step: float = setting(5e-3, "step of the Langevin dynamics", minimum=0.0)
    num_samples: int = setting(5, "samples of z that are averaged in the result", minimum=1)
    seed: int = setting(1, "of the samples and the NMF", minimum=0)
