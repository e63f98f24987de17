"""dvae.models.networks.latent_recurrence in compiled code, for single precision on a CPU: with a dozen rows, the ten
operations of a frame are mostly calls. What drives the sigmoids of the gates is halved, so that they are tanh."""

from __future__ import annotations

import numpy as np

from dvae.models.networks.compiled import Array, compiled, squash


@compiled
def forward(
    drive: Array,
    from_hidden: Array,
    joined: Array,
    bias: Array,
    noise: Array,
    inputs: Array,
    parameters: Array,
    gates: Array,
    cells: Array,
    squashed: Array,
) -> None:
    """drive (T, R, 2L), from_hidden (H, 2L), joined (L + H, 4H), bias (4H,), noise (T, R, L) -> what the gradient
    needs: inputs [z_t, h_{t-1}] (T, R, L + H), mean and log-variance (T, R, 2L), gates (T, R, 4H) as tanh, cell states
    (T + 1, R, H), which begin with zeros, and their tanh (T, R, H)."""
    num_frames, num_rows, size = noise.shape
    hidden_size = len(from_hidden)
    hidden = np.zeros((num_rows, hidden_size), np.float32)
    cells[0] = 0.0
    half = np.float32(0.5)
    for t in range(num_frames):
        np.dot(hidden, from_hidden, parameters[t])
        for r in range(num_rows):
            for i in range(2 * size):
                parameters[t, r, i] += drive[t, r, i]
            for i in range(size):
                spread = np.exp(half * parameters[t, r, size + i])
                inputs[t, r, i] = parameters[t, r, i] + spread * noise[t, r, i]
            inputs[t, r, size:] = hidden[r]
        np.dot(inputs[t], joined, gates[t])
        gates[t] += bias
        squash(gates[t])
        for r in range(num_rows):
            gate, before, after = gates[t, r], cells[t, r], cells[t + 1, r]
            for i in range(hidden_size):
                keep_in, forget = half * gate[i] + half, half * gate[hidden_size + i] + half
                after[i] = forget * before[i] + keep_in * gate[2 * hidden_size + i]
        squashed[t] = cells[t + 1]
        squash(squashed[t])
        for r in range(num_rows):
            for i in range(hidden_size):
                hidden[r, i] = (half * gates[t, r, 3 * hidden_size + i] + half) * squashed[t, r, i]


@compiled
def backward(
    back_hidden: Array,
    back_joined: Array,
    spread: Array,
    to_z: Array,
    to_parameters: Array,
    gates: Array,
    cells: Array,
    squashed: Array,
    to_drive: Array,
) -> None:
    """Weights transposed, d z / d log-variance (T, R, L), gradients of z and of the parameters (T, R, ...) -> to_drive
    (T, R, 2L); `gates` become the gradient of what drives them."""
    num_frames, num_rows, size = spread.shape
    hidden_size = squashed.shape[2]
    to_hidden = np.zeros((num_rows, hidden_size), np.float32)
    to_cell = np.zeros((num_rows, hidden_size), np.float32)
    to_both = np.empty((num_rows, size + hidden_size), np.float32)
    half, one, two = np.float32(0.5), np.float32(1.0), np.float32(2.0)
    for t in range(num_frames - 1, -1, -1):
        for r in range(num_rows):
            gate, before, tanh = gates[t, r], cells[t, r], squashed[t, r]
            from_above, carried = to_hidden[r], to_cell[r]
            for i in range(hidden_size):
                keep_in, forget = half * gate[i] + half, half * gate[hidden_size + i] + half
                new, out = gate[2 * hidden_size + i], half * gate[3 * hidden_size + i] + half
                total = carried[i] + from_above[i] * out * (one - tanh[i] * tanh[i])
                gate[i] = two * total * new * keep_in * (one - keep_in)
                gate[hidden_size + i] = two * total * before[i] * forget * (one - forget)
                gate[2 * hidden_size + i] = total * keep_in * (one - new * new)
                gate[3 * hidden_size + i] = two * from_above[i] * tanh[i] * out * (one - out)
                carried[i] = total * forget
        np.dot(gates[t], back_joined, to_both)
        for r in range(num_rows):
            for i in range(size):
                total = to_both[r, i] + to_z[t, r, i]
                to_drive[t, r, i] = total + to_parameters[t, r, i]
                to_drive[t, r, size + i] = total * spread[t, r, i] + to_parameters[t, r, size + i]
        np.dot(to_drive[t], back_hidden, to_hidden)
        for r in range(num_rows):
            for i in range(hidden_size):
                to_hidden[r, i] += to_both[r, size + i]
