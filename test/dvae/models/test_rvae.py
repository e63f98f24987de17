from __future__ import annotations

import pytest
import torch

from dvae.models.networks.layers import num_parameters
from dvae.models.rvae import RVAE, RVAEConfig


def test_rvae_posterior_reads_present_and_future_only(generator: torch.Generator) -> None:
    model = RVAE(RVAEConfig(data_size=9, hidden_size=8, latent_size=3))
    power = torch.rand(1, 6, 9, generator=generator)
    changed = power.clone()
    changed[:, 2] *= 2.0
    first, second = model.encode(power).posterior.mean, model.encode(changed).posterior.mean
    assert (first != second).any(-1)[0, :3].all()  # the past of frame 2 sees it as its future
    # the decoder is causal: v_t depends on z_{1:t}
    z = torch.randn(1, 6, 3, generator=generator)
    later = z.clone()
    later[:, 4] += 1.0
    assert torch.equal(model.speech_var(z)[:, :4], model.speech_var(later)[:, :4])


@pytest.mark.parametrize(("causal", "parameters"), [(True, 553_121), (False, 1_026_849)])
def test_rvae_has_the_published_size_and_sees_what_it_may(
    causal: bool, parameters: int, generator: torch.Generator
) -> None:
    torch.manual_seed(3)
    model = RVAE(RVAEConfig(causal=causal))
    assert num_parameters(model) == parameters
    z = torch.randn(1, 10, 16, generator=generator)
    changed = z.clone()
    changed[:, 6:] = 0.0
    same = torch.isclose(model.speech_var(z), model.speech_var(changed)).all(-1)[0]
    assert same.tolist() == [causal] * 6 + [False] * 4
    power = torch.rand(1, 10, 513, generator=generator)
    later = power.clone()
    later[:, 9] = 0.0
    first = model.encode(power).posterior.mean[0, 0]
    assert not torch.allclose(model.encode(later).posterior.mean[0, 0], first)  # the posterior reads the future
