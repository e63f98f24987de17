from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dvae.distributions.gaussian import gaussian_log_likelihood
from dvae.models.dkf import DKF, DKFConfig


def linear_gaussian_dkf(generator: torch.Generator) -> tuple[DKF, np.ndarray, np.ndarray]:
    """A DKF that is a linear-Gaussian state-space model z_t = A z_{t-1} + N(0, 0.3), x_t = C z_t + N(0, 0.2)."""
    model = DKF(DKFConfig(2, 2, 6, 7, 5, 4, 4, 5, 6, 7, "gaussian")).double()
    transition = torch.tensor([[0.9, 0.2], [-0.1, 0.8]], dtype=torch.float64)
    observation = torch.tensor([[1.0, 0.5], [-0.3, 0.8]], dtype=torch.float64)
    with torch.no_grad():
        for parameter in (*model.transition.parameters(), *model.emission.parameters()):
            parameter.zero_()
        model.transition.gate[2].bias.fill_(-60.0)  # the gate is shut: the mean is the linear one
        model.transition.mean.weight.copy_(transition)
        model.transition.log_var.bias.fill_(math.log(0.3))
        # tanh layers are linear for small inputs: scale down, and up again at the end
        scale, hidden = 1e-4, [layer for layer in model.emission.hidden if isinstance(layer, torch.nn.Linear)]
        for index, layer in enumerate(hidden):
            layer.weight[:2, :2] = torch.eye(2, dtype=torch.float64) * (scale if index == 0 else 1.0)
        assert model.emission.mean is not None
        model.emission.mean.weight[:, :2] = observation / scale
        model.emission.log_var.bias.fill_(math.log(0.2))
    return model, transition.numpy(), observation.numpy()


def kalman_smoother(
    data: np.ndarray, transition: np.ndarray, observation: np.ndarray, q: float, r: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """log p(x_{1:T}) and mean and covariance of z_{1:T} given x_{1:T}, by writing out the joint Gaussian; z_0 = 0."""
    num_frames, size = len(data), len(transition)
    # z = M e with e the innovations: block (t, s) of M is A^(t-s)
    blocks = np.zeros((num_frames, num_frames, size, size))
    for t in range(num_frames):
        for s in range(t + 1):
            blocks[t, s] = np.linalg.matrix_power(transition, t - s)
    mixing = blocks.transpose(0, 2, 1, 3).reshape(num_frames * size, -1)
    prior = q * mixing @ mixing.T
    reading = np.kron(np.eye(num_frames), observation)
    total = reading @ prior @ reading.T + r * np.eye(data.size)
    x = data.reshape(-1)
    log_p = -0.5 * (x @ np.linalg.solve(total, x) + np.linalg.slogdet(total)[1] + x.size * np.log(2 * np.pi))
    gain = prior @ reading.T @ np.linalg.inv(total)
    return float(log_p), gain @ x, prior - gain @ reading @ prior


def test_elbo_of_a_linear_gaussian_model_rises_to_the_likelihood_of_the_kalman_smoother(
    generator: torch.Generator,
) -> None:
    torch.manual_seed(2)
    model, transition, observation = linear_gaussian_dkf(generator)
    data = torch.randn(1, 4, 2, generator=generator, dtype=torch.float64)
    log_p, mean, _ = kalman_smoother(data[0].numpy(), transition, observation, 0.3, 0.2)
    count = 20000
    noise = torch.randn(count, 4, 2, generator=generator, dtype=torch.float64)
    optimiser = torch.optim.Adam(model.posterior.parameters(), lr=0.02)
    bounds = []
    for _ in range(400):
        few = torch.randn(64, 4, 2, generator=generator, dtype=torch.float64)
        loss = -model.elbo(data.expand(64, -1, -1), few).elbo
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        bounds.append(-4 * float(loss.detach()))
    with torch.no_grad():
        many = data.expand(count, -1, -1)
        latents = model.encode(many, noise)
        densities = model.densities(latents.z, many)
        weights = gaussian_log_likelihood(many, densities.emission).sum((1, 2))  # type: ignore[arg-type]
        weights = weights + gaussian_log_likelihood(latents.z, densities.prior).sum((1, 2))
        weights = weights - gaussian_log_likelihood(latents.z, latents.posterior).sum((1, 2))
        sampled = float(torch.logsumexp(weights, 0)) - math.log(count)
        elbo = 4 * float(model.elbo(many, noise).elbo)
    assert sampled == pytest.approx(log_p, abs=0.01)  # importance sampling finds the exact likelihood
    assert bounds[0] < elbo <= log_p + 0.02
    # the exact posterior has correlated z within a frame, which a diagonal q cannot have: the rest of the gap
    assert log_p - elbo < 0.35
    np.testing.assert_allclose(latents.z.mean(0).reshape(-1).numpy(), mean, atol=0.15)
