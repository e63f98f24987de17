"""Stacked copies of a network against the network itself."""

from __future__ import annotations

import itertools

import pytest
import torch

from dvae.enhancement.adaptive import stacked
from dvae.enhancement.adaptive.noise_networks import NoisySpeech, NoisySpeechConfig
from dvae.enhancement.adaptive.utterances import Utterances
from dvae.models.networks.latent_recurrence import latent_recurrence

SMALL = {"num_bins": 20, "latent_size": 3, "hidden_size": 6}
DEPENDENCIES = ["LV", "NO", "NOLV"]


@pytest.mark.parametrize(("dependency", "causal"), list(itertools.product(DEPENDENCIES, [True, False])))
def test_stacked_copies_are_the_network_itself(
    dependency: str, causal: bool, utterances: Utterances, generator: torch.Generator
) -> None:
    torch.manual_seed(2)
    model = NoisySpeech(NoisySpeechConfig(**SMALL, dependency=dependency, causal=causal))  # type: ignore[arg-type]
    power, lengths = utterances
    noise = torch.randn(3, 12, 3, generator=generator)
    encoder = stacked.stack_weights(model.rvae.posterior, 3)
    network = stacked.stack_weights(model.noise, 3)
    z, posterior, *_ = stacked.encode(power, encoder, causal, lengths, noise, 1e-6)
    log_var = stacked.noise_log_var(power, z, network, dependency, lengths, 1e-6)
    total = torch.zeros(())
    for b, length in enumerate(lengths.tolist()):
        _, noise_var, expected = model.variances(power[b : b + 1, :length], noise[b : b + 1, :length])
        torch.testing.assert_close(posterior.mean[b, :length], expected.mean[0])
        torch.testing.assert_close(log_var[b, :length].exp() + 1e-6, noise_var[0])
        total = total + noise_var.sum()
    # and so are its gradients, summed over the copies
    (log_var.exp() * utterances.mask).sum().backward()  # type: ignore[no-untyped-call]
    total.backward()  # type: ignore[no-untyped-call]
    for group, module in ((encoder, model.rvae.posterior), (network, model.noise)):
        for name, parameter in module.named_parameters():
            found = group[name].grad
            if parameter.grad is not None and found is not None:
                torch.testing.assert_close(found.sum(0), parameter.grad, atol=1e-5, rtol=1e-4)


def test_recurrences_have_the_right_gradient(generator: torch.Generator) -> None:
    def leaf(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(stacked._LSTMRecurrence.apply, (leaf(2, 4, 12), leaf(2, 3, 12)))
    noise = torch.randn(2, 3, 4, 2, generator=generator, dtype=torch.float64)  # two copies, three rows each
    arguments = (leaf(2, 3, 4, 4), leaf(2, 3, 4), leaf(2, 5, 12), leaf(2, 1, 12))
    assert torch.autograd.gradcheck(lambda *parts: latent_recurrence(*parts, noise), arguments)
