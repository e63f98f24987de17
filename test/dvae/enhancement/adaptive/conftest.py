"""What the tests of the adaptive enhancers share."""

from __future__ import annotations

import pytest
import torch

from dvae.enhancement.adaptive.utterances import Utterances, pad


@pytest.fixture
def utterances(generator: torch.Generator) -> Utterances:
    return pad([torch.rand(length, 20, generator=generator) for length in (12, 7, 9)])
