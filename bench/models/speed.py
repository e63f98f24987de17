"""Cost of one training step (forward, backward, Adam) of RVAE and SRNN against the same model as a loop over frames.

The loop is the style of the published programs: each frame calls whole modules (nn.LSTM on a sequence of one frame,
dense layers, heads) and autograd records all of it. Same weights, same batch; the values of the bound agree, which is
checked. Prints milliseconds, frames a second and the distance to the arithmetic limit, which is the time that the
multiplications of the model take in one matrix product on the same device.

    python bench/models/speed.py [--device cuda] [--batch 128] [--frames 100]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from dvae.distributions.complex_gaussian import ComplexGaussian
from dvae.distributions.gaussian import Gaussian, kl_divergence, kl_to_standard_normal
from dvae.evaluation.table import Table
from dvae.models.dvae import DVAE
from dvae.models.networks.emission import Density
from dvae.models.rvae import RVAE, RVAEConfig
from dvae.models.srnn import SRNN, SRNNConfig
from dvae.training.fit import keep_freed_memory

State = tuple[Tensor, Tensor]


def one_frame(lstm: nn.LSTM, frame: Tensor, state: State | None) -> tuple[Tensor, State]:
    """A call of nn.LSTM on a sequence of one frame: (B, D) -> (B, H)."""
    batched = None if state is None else (state[0], state[1])
    output, after = lstm(frame[:, None], batched)
    return output[:, 0], after


def plain_fit(power: Tensor, density: Density, floor: float) -> Tensor:
    """Minus the Itakura-Saito divergence of one frame, operation by operation: (B, F) -> (B,)."""
    assert isinstance(density, ComplexGaussian)
    ratio = (power + floor) / density.variance
    return (torch.log(ratio) - ratio + 1.0).sum(-1)


def rvae_loop(model: RVAE, data: Tensor, noise: Tensor) -> Tensor:
    """The bound of RVAE.elbo, frame by frame."""
    posterior, latent, num_frames = model.posterior, model.posterior.latent, data.shape[1]
    contexts: list[Tensor] = []
    state = None
    for t in reversed(range(num_frames)):
        output, state = one_frame(posterior.x_lstm, model.features(data[:, t]), state)
        contexts.insert(0, output)
    hidden, state, decoder_state = data.new_zeros(len(data), latent.z_lstm.hidden_size), None, None
    total = data.new_zeros(())
    for t in range(num_frames):
        features = torch.cat([contexts[t], hidden], dim=-1)
        q = Gaussian(latent.mean(features), latent.log_var(features))
        z = q.draw(noise[:, t])
        hidden, state = one_frame(latent.z_lstm, z, state)
        output, decoder_state = one_frame(model.emission.z_lstm, z, decoder_state)
        fit = plain_fit(data[:, t], model.emission.density(output), model.config.floor)
        total = total + fit.mean() - kl_to_standard_normal(q).sum(-1).mean()
    return total / num_frames


def srnn_loop(model: SRNN, data: Tensor, noise: Tensor) -> Tensor:
    """The bound of SRNN.elbo with teacher forcing, frame by frame."""
    num_frames, posterior = data.shape[1], model.posterior
    assert posterior.features is not None
    previous, state = torch.zeros_like(data[:, 0]), None
    hiddens = []
    for t in range(num_frames):
        output, state = one_frame(model.recurrence.lstm, model.recurrence.features(model.features(previous)), state)
        hiddens.append(output)
        previous = data[:, t]
    contexts: list[Tensor] = []
    state = None
    for t in reversed(range(num_frames)):
        joined = posterior.features(torch.cat([hiddens[t], model.features(data[:, t])], dim=-1))
        output, state = one_frame(posterior.lstm, joined, state)
        contexts.insert(0, output)
    z, total = data.new_zeros(len(data), model.config.latent_size), data.new_zeros(())
    for t in range(num_frames):
        prior = model.transition(torch.cat([hiddens[t], z], dim=-1))
        q = posterior.density(torch.cat([contexts[t], z], dim=-1))
        z = q.draw(noise[:, t])
        fit = plain_fit(data[:, t], model.emission(hiddens[t], z), model.config.floor)
        total = total + fit.mean() - kl_divergence(q, prior).sum(-1).mean()
    return total / num_frames


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds_of(step: Callable[[], Any], device: torch.device, repeats: int) -> float:
    """The shortest of `repeats` runs, after one to warm up."""
    step()
    times = []
    for _ in range(repeats):
        synchronise(device)
        began = time.perf_counter()
        step()
        synchronise(device)
        times.append(time.perf_counter() - began)
    return min(times)


def training_step(model: DVAE[Any], bound: Callable[[], Tensor]) -> Callable[[], None]:
    """Forward, backward, Adam."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4)

    def step() -> None:
        optimiser.zero_grad()
        (-bound()).backward()
        optimiser.step()

    return step


def arithmetic_limit(model: DVAE[Any], num_frames: int, device: torch.device, repeats: int) -> float:
    """Seconds of 6 multiply-adds for each weight and frame, at the rate of a large matrix product on this device."""
    size = 1024
    a, b = (torch.randn(size, size, device=device) for _ in range(2))
    seconds = seconds_of(lambda: a @ b, device, 10 * repeats)
    weights = sum(parameter.numel() for parameter in model.parameters() if parameter.ndim == 2)
    return 6 * weights * num_frames / (2 * size**3) * seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    device = torch.device(arguments.device)
    generator = torch.Generator().manual_seed(1)
    shape = (arguments.batch, arguments.frames)
    data = (torch.rand(*shape, 513, generator=generator) + 0.01).to(device)
    noise = torch.randn(*shape, 16, generator=generator).to(device)
    print(f"batch {arguments.batch}, {arguments.frames} frames, {device}; one training step")
    table = Table(
        "{:6} {loop, ms:10.0f} {dvae, ms:10.0f} {ratio:7.1f} {bf16-mixed, ms:15.0f} {ratio:7.1f} {frames/s:10.0f}"
        " {arithmetic limit in 32 bits, ms:33.0f} {loop / limit:13.1f}"
    )
    print(table.header)
    for name, model, loop in (
        ("RVAE", RVAE(RVAEConfig()).to(device), rvae_loop),
        ("SRNN", SRNN(SRNNConfig()).to(device), srnn_loop),
    ):
        with torch.no_grad():
            torch.testing.assert_close(loop(model, data, noise), model.elbo(data, noise).elbo)  # type: ignore[arg-type]

        def ours(half: bool, model: DVAE[Any] = model) -> Tensor:
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                return model.elbo(data, noise).elbo

        slow, full, half = (
            seconds_of(training_step(model, bound), device, arguments.repeats)
            for bound in (
                lambda m=model, f=loop: f(m, data, noise),  # type: ignore[misc]
                lambda f=ours: f(False),  # type: ignore[misc]
                lambda f=ours: f(True),  # type: ignore[misc]
            )
        )
        frames = arguments.batch * arguments.frames
        limit = arithmetic_limit(model, frames, device, arguments.repeats)
        times = (1e3 * slow, 1e3 * full, slow / full, 1e3 * half, slow / half)
        print(table.row(name, *times, frames / half, 1e3 * limit, slow / limit))


if __name__ == "__main__":
    main()
