from __future__ import annotations

import pytest
import torch

from dvae.enhancement.model import Enhancer, EnhancerConfig
from dvae.models.rvae import RVAE
from dvae.models.store.checkpoint import load_as


@pytest.mark.parametrize("name", ["speech_enhancer", "speech_enhancer_low_latency"])
def test_enhancer_keeps_the_prior_it_was_trained_with(name: str) -> None:
    enhancer, prior = load_as(Enhancer, name), load_as(RVAE, "speech_rvae_streaming")
    for name, value in prior.emission.state_dict().items():
        assert torch.equal(value, enhancer.emission.state_dict()[name])
    assert isinstance(enhancer.config, EnhancerConfig)
