"""The recursion of a latent variable through an LSTM, q(z_t | z_{1:t-1}, c_t), with its gradient by hand.

Written with autograd, each frame records some twenty operations and adds to the gradient of every weight; here the
gradient of the weights is one product over all frames. There are C copies of the weights, each with R rows of data: the
adaptive methods have a copy for each utterance, everything else one copy for all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dvae.models.networks import latent_recurrence_compiled


class Cell(NamedTuple):
    """What one LSTM step leaves behind for its gradient, all (..., H)."""

    keep_in: Tensor
    forget: Tensor
    new: Tensor
    out: Tensor
    before: Tensor
    squashed: Tensor


def cell_step(gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Cell]:
    """Gates (..., 4H) before their non-linearities and the cell state -> hidden and cell state (..., H)."""
    keep_in, forget, new, out = gates.chunk(4, dim=-1)
    keep_in, forget, new, out = torch.sigmoid(keep_in), torch.sigmoid(forget), torch.tanh(new), torch.sigmoid(out)
    after = forget * cell + keep_in * new
    squashed = torch.tanh(after)
    return out * squashed, after, Cell(keep_in, forget, new, out, cell, squashed)


def cell_gradient(cell: Cell, to_hidden: Tensor, to_cell: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of hidden and cell state after a step -> those of its gates (..., 4H) and of the cell state before."""
    keep_in, forget, new, out, before, squashed = cell
    to_cell = to_cell + to_hidden * out * (1.0 - squashed * squashed)
    gates = torch.cat(
        [
            to_cell * new * keep_in * (1.0 - keep_in),
            to_cell * before * forget * (1.0 - forget),
            to_cell * keep_in * (1.0 - new * new),
            to_hidden * squashed * out * (1.0 - out),
        ],
        dim=-1,
    )
    return gates, to_cell * forget


class _LatentRecurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, drive: Tensor, from_hidden: Tensor, joined: Tensor, bias: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        hidden = cell = drive.new_zeros(*drive.shape[:2], from_hidden.shape[1])
        inputs, parameters, ctx.cells = [], [], []
        for part, draw in zip(drive.unbind(2), noise.unbind(2), strict=True):
            parameters.append(torch.baddbmm(part, hidden, from_hidden))
            mean, log_var = parameters[-1].chunk(2, dim=-1)
            inputs.append(torch.cat([mean + torch.exp(0.5 * log_var) * draw, hidden], dim=-1))
            hidden, cell, kept = cell_step(torch.baddbmm(bias, inputs[-1], joined), cell)
            ctx.cells.append(kept)
        both, stacked = torch.stack(inputs, dim=2), torch.stack(parameters, dim=2)
        ctx.save_for_backward(from_hidden, joined, noise, both, stacked)
        return both[..., : noise.shape[-1]].contiguous(), stacked

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        from_hidden, joined, noise, both, parameters = ctx.saved_tensors
        size = noise.shape[-1]
        spread = 0.5 * torch.exp(0.5 * parameters[..., size:]) * noise  # d z / d log-variance
        back_hidden, back_joined = from_hidden.transpose(1, 2), joined.transpose(1, 2)
        to_hidden = to_cell = torch.zeros_like(both[:, :, 0, size:])
        all_gates: list[Tensor] = []
        drive: list[Tensor] = []
        for t in range(len(ctx.cells) - 1, -1, -1):
            gates, to_cell = cell_gradient(ctx.cells[t], to_hidden, to_cell)
            to_both = torch.bmm(gates, back_joined)
            to_z = to_both[..., :size] + gradients[0][:, :, t]
            part = torch.cat([to_z, to_z * spread[:, :, t]], dim=-1) + gradients[1][:, :, t]
            to_hidden = to_both[..., size:] + torch.bmm(part, back_hidden)
            all_gates.append(gates)
            drive.append(part)
        for_drive, for_gates = torch.stack(drive[::-1], dim=2), torch.stack(all_gates[::-1], dim=2)
        inputs, by_frame, by_gate = (part.flatten(1, 2) for part in (both, for_drive, for_gates))
        inputs = inputs.transpose(1, 2)
        return for_drive, inputs[:, size:] @ by_frame, inputs @ by_gate, by_gate.sum(1, keepdim=True), None


class _Compiled(torch.autograd.Function):
    """The same for single precision on a CPU, all gates halved that are sigmoids."""

    @staticmethod
    def forward(
        ctx: Any, drive: Tensor, from_hidden: Tensor, joined: Tensor, bias: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        copies, rows, num_frames, size = noise.shape
        hidden_size, like = from_hidden.shape[1], drive.new_empty
        widths = (size + hidden_size, 2 * size, 4 * hidden_size)
        inputs, parameters, gates = (like(copies, num_frames, rows, width) for width in widths)
        cells = like(copies, num_frames + 1, rows, hidden_size)
        squashed = like(copies, num_frames, rows, hidden_size)
        drive, noise = drive.transpose(1, 2).contiguous(), noise.transpose(1, 2).contiguous()  # (C, T, R, ...)
        operands = (drive, from_hidden.contiguous(), joined.contiguous(), bias[:, 0].contiguous(), noise)
        for parts in zip(
            *(part.numpy() for part in (*operands, inputs, parameters, gates, cells, squashed)), strict=True
        ):
            latent_recurrence_compiled.forward(*parts)
        ctx.save_for_backward(from_hidden, joined, noise, inputs, parameters, gates, cells, squashed)
        return inputs[..., :size].transpose(1, 2).contiguous(), parameters.transpose(1, 2).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        from_hidden, joined, noise, inputs, parameters, gates, cells, squashed = ctx.saved_tensors
        size = noise.shape[-1]
        spread = 0.5 * torch.exp(0.5 * parameters[..., size:]) * noise  # d z / d log-variance
        back_hidden, back_joined = from_hidden.transpose(1, 2).contiguous(), joined.transpose(1, 2).contiguous()
        to_z, to_parameters = (gradient.transpose(1, 2).contiguous() for gradient in gradients)
        gates, to_drive = gates.clone(), torch.empty_like(parameters)
        operands = (back_hidden, back_joined, spread, to_z, to_parameters, gates, cells, squashed, to_drive)
        for parts in zip(*(part.numpy() for part in operands), strict=True):
            latent_recurrence_compiled.backward(*parts)
        rows, by_frame, by_gate = (part.flatten(1, 2) for part in (inputs, to_drive, gates))
        rows = rows.transpose(1, 2)
        to_bias = by_gate.sum(1, keepdim=True)
        return to_drive.transpose(1, 2), rows[:, size:] @ by_frame, rows @ by_gate, to_bias, None


def latent_recurrence(
    drive: Tensor, from_hidden: Tensor, joined: Tensor, bias: Tensor, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """drive (C, R, T, 2L): what the context says of mean and log-variance; from_hidden (C, H, 2L): what h_{t-1} says;
    joined (C, L + H, 4H) and bias (C, 1, 4H): gates from [z_t, h_{t-1}]; noise (C, R, T, L) -> z (C, R, T, L), mean
    and log-variance (C, R, T, 2L). Compiled for single precision on a CPU."""
    if drive.device.type != "cpu" or drive.dtype != torch.float32:
        return latent_recurrence_reference(drive, from_hidden, joined, bias, noise)
    half, one = drive.new_full((from_hidden.shape[1],), 0.5), drive.new_ones(from_hidden.shape[1])
    scale = torch.cat([half, half, one, half])  # sigmoid(x) = (1 + tanh(x / 2)) / 2; the third is a tanh itself
    z, parameters = _Compiled.apply(drive, from_hidden, joined * scale, bias * scale, noise)  # type: ignore[no-untyped-call]
    return z, parameters


def latent_recurrence_reference(
    drive: Tensor, from_hidden: Tensor, joined: Tensor, bias: Tensor, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """The definition of `latent_recurrence`, for every device and precision."""
    z, parameters = _LatentRecurrence.apply(drive, from_hidden, joined, bias, noise)  # type: ignore[no-untyped-call]
    return z, parameters
