"""The RVAE posterior and the noise networks with weights of their own for each utterance, all utterances at once.

The adaptive methods fit a copy of a network to every utterance. One after the other, nearly all of their time is the
overhead of small operations; here the copies are stacked and every operation serves all of them. The arithmetic is that
of dvae.models.rvae and dvae.enhancement.adaptive.noise_networks (a test compares them).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dvae.distributions.gaussian import Gaussian
from dvae.models.dvae import Latents
from dvae.models.networks.emission import log_power_features
from dvae.models.networks.latent_recurrence import cell_gradient, cell_step, latent_recurrence

Weights = Mapping[str, Tensor]  # name in the module -> (B, *shape there)


def stack_weights(module: nn.Module, batch: int) -> dict[str, Tensor]:
    """`batch` copies of the parameters of `module`, as leaves to be fitted."""
    return {
        name: value.detach().expand(batch, *value.shape).clone().requires_grad_()
        for name, value in module.named_parameters()
    }


def dense(inputs: Tensor, weights: Weights, name: str) -> Tensor:
    """(B, T, D) -> (B, T, H) by the linear layer `name`."""
    return torch.baddbmm(weights[f"{name}.bias"][:, None], inputs, weights[f"{name}.weight"].transpose(1, 2))


class _LSTMRecurrence(torch.autograd.Function):
    """drive (B, T, 4H), recurrent weights (B, H, 4H) -> hidden states (B, T, H).

    By hand, because the gradient of the weights is then one product over all frames instead of one for each: a
    stack of weights is large, and adding to its gradient once a frame was most of the time.
    """

    @staticmethod
    def forward(ctx: Any, drive: Tensor, recurrent: Tensor) -> Tensor:
        hidden = cell = drive.new_zeros(drive.shape[0], recurrent.shape[1])
        states, ctx.cells = [hidden], []
        for gates in drive.unbind(1):
            hidden, cell, kept = cell_step(torch.baddbmm(gates[:, None], hidden[:, None], recurrent)[:, 0], cell)
            states.append(hidden)
            ctx.cells.append(kept)
        stacked = torch.stack(states, dim=1)
        ctx.save_for_backward(recurrent, stacked)
        return stacked[:, 1:]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        recurrent, states = ctx.saved_tensors
        backward = recurrent.transpose(1, 2)
        to_hidden = to_cell = torch.zeros_like(states[:, 0])
        drive: list[Tensor] = []
        for t in range(len(ctx.cells) - 1, -1, -1):
            gates, to_cell = cell_gradient(ctx.cells[t], to_hidden + gradients[0][:, t], to_cell)
            drive.append(gates)
            to_hidden = torch.bmm(gates[:, None], backward)[:, 0]
        stacked = torch.stack(drive[::-1], dim=1)
        return stacked, states[:, :-1].transpose(1, 2) @ stacked


def lstm(inputs: Tensor, weights: Weights, name: str, suffix: str = "") -> Tensor:
    """(B, T, D) -> hidden states (B, T, H), forward in time. suffix: "_reverse" takes the weights of that direction."""
    part = f"l0{suffix}"
    drive = torch.baddbmm(
        (weights[f"{name}.bias_ih_{part}"] + weights[f"{name}.bias_hh_{part}"])[:, None],
        inputs,
        weights[f"{name}.weight_ih_{part}"].transpose(1, 2),
    )
    recurrent = weights[f"{name}.weight_hh_{part}"].transpose(1, 2)
    hidden: Tensor = _LSTMRecurrence.apply(drive, recurrent)  # type: ignore[no-untyped-call]
    return hidden


def reverse(sequence: Tensor, lengths: Tensor) -> Tensor:
    """The first lengths[b] frames of (B, T, D) in reverse order, padding left where it is; its own inverse."""
    frame = torch.arange(sequence.shape[1])
    index = torch.where(frame < lengths[:, None], lengths[:, None] - 1 - frame, frame)
    return sequence.gather(1, index[..., None].expand_as(sequence))


def two_way_lstm(inputs: Tensor, weights: Weights, name: str, lengths: Tensor) -> Tensor:
    """(B, T, D) -> (B, T, 2H), each utterance read from both of its ends."""
    backward = reverse(lstm(reverse(inputs, lengths), weights, name, "_reverse"), lengths)
    return torch.cat([lstm(inputs, weights, name), backward], dim=-1)


def encode(power: Tensor, weights: Weights, causal: bool, lengths: Tensor, noise: Tensor, floor: float) -> Latents:
    """dvae.models.rvae.Posterior: |x|^2 (B, T, F), lengths (B,), noise (B, T, L) -> z and its posterior."""
    features = log_power_features(power, floor)
    if causal:
        context = reverse(lstm(reverse(features, lengths), weights, "x_lstm"), lengths)
    else:
        context = two_way_lstm(features, weights, "x_lstm", lengths)
    size = context.shape[-1]
    weight = torch.cat([weights["latent.mean.weight"], weights["latent.log_var.weight"]], dim=1).transpose(1, 2)
    bias = torch.cat([weights["latent.mean.bias"], weights["latent.log_var.bias"]], dim=1)
    drive = torch.baddbmm(bias[:, None], context, weight[:, :size])
    recurrent = weight[:, size:]
    z_in = weights["latent.z_lstm.weight_ih_l0"].transpose(1, 2)
    z_hidden = weights["latent.z_lstm.weight_hh_l0"].transpose(1, 2)
    joined = torch.cat([z_in, z_hidden], dim=1)
    z_bias = (weights["latent.z_lstm.bias_ih_l0"] + weights["latent.z_lstm.bias_hh_l0"])[:, None]
    z, parameters = (
        part[:, 0] for part in latent_recurrence(drive[:, None], recurrent, joined, z_bias, noise[:, None])
    )
    mean, log_var = parameters.chunk(2, dim=-1)
    return Latents(z, Gaussian(mean, log_var))


def noise_log_var(power: Tensor, z: Tensor, weights: Weights, dependency: str, lengths: Tensor, floor: float) -> Tensor:
    """dvae.enhancement.adaptive.noise_networks.NoiseNetwork: |x|^2 (B, T, F) and z (B, T, L) -> log v_n (B, T, F)."""
    parts = []
    if dependency != "LV":
        past = lstm(log_power_features(power, floor), weights, "x_lstm")
        parts.append(nn.functional.pad(past[:, :-1], (0, 0, 1, 0)))
    if dependency == "LV":
        parts.append(two_way_lstm(z, weights, "z_lstm", lengths))
    elif dependency == "NOLV":
        parts.append(lstm(z, weights, "z_lstm"))
    return dense(torch.tanh(dense(torch.cat(parts, dim=-1), weights, "hidden.0")), weights, "log_var")
