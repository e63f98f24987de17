"""dvae.models.networks.leaky.leaky_layers and its gradient in compiled code, for single precision on a CPU.

The thousands of recursions are cut into blocks of a few whole sequences, small enough that all that happens to a block
happens in the cache; written with torch, each of the two dozen passes over all of it goes through memory. Nothing is
kept for the gradient, which runs a block forward again first: that is cheaper than writing and reading it.

Shapes: a block has R rows (t, n) of N sequences. Its inputs are [x, 1], so that the biases are columns of the weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dvae.models.networks.compiled import Array, add_product, compiled, multiply, squash

BLOCK_ROWS = 1000  # with 24 averages of either kind, 0.9 MB


class Weights(NamedTuple):
    """What drives the layers, transposed: first (D + 1, 2H), second (D + 1 + H, 2H), out (D + 1 + 2H)."""

    first: Array
    second: Array
    out: Array


class Block(NamedTuple):
    """Everything there is to know of a block, a row for each frame of each sequence."""

    inputs: Array  # (R, D + 1)
    joined: Array  # (R, D + 1 + H): inputs, first averages
    first: Array  # (R, 2H): tanh of half the drive of the rates, tanh of the drive of the candidates
    second: Array
    averages: Array  # (R, H): second averages


@compiled
def average(active: Array, num_sequences: int, out: Array) -> None:
    """h_t = h_{t-1} + a_t (u_t - h_{t-1}) from tanh (R, 2H) of half of what drives a and of what drives u, into the
    last H columns of `out`."""
    size = active.shape[1] // 2
    column = out.shape[1] - size
    states = np.zeros((num_sequences, size), np.float32)
    for i in range(len(active)):
        row, state, state_out = active[i], states[i % num_sequences], out[i, column:]
        for j in range(size):
            state[j] += (np.float32(0.5) * row[j] + np.float32(0.5)) * (row[size + j] - state[j])
        for j in range(size):
            state_out[j] = state[j]


@compiled
def average_backward(active: Array, states: Array, gradient: Array, num_sequences: int) -> None:
    """`active` becomes the gradient with respect to what it is the tanh of; `gradient` (R, >= H): that with respect to
    the states, both in the last H columns."""
    size = active.shape[1] // 2
    column, gradient_column = states.shape[1] - size, gradient.shape[1] - size
    from_later = np.zeros((num_sequences, size), np.float32)  # what h_t hands back to h_{t-1}
    zeros = np.zeros(size, np.float32)
    for i in range(len(active) - 1, -1, -1):
        row, to_state, carried = active[i], gradient[i, gradient_column:], from_later[i % num_sequences]
        before = states[i - num_sequences, column:] if i >= num_sequences else zeros
        for j in range(size):
            rate, candidate = np.float32(0.5) * row[j] + np.float32(0.5), row[size + j]
            total = to_state[j] + carried[j]
            share = total * rate
            row[j] = np.float32(2.0) * (candidate - before[j]) * share * (np.float32(1.0) - rate)
            row[size + j] = share * (np.float32(1.0) - candidate * candidate)
            carried[j] = total - share


@compiled
def fill(inputs: Array, weights: Weights, block: Block) -> Array:
    """Run a block forward, inputs (T, N, D) -> what comes out (R,)."""
    num_frames, num_sequences, size = inputs.shape
    for t in range(num_frames):
        for n in range(num_sequences):
            i = t * num_sequences + n
            for d in range(size):
                block.inputs[i, d] = block.joined[i, d] = inputs[t, n, d]
            block.inputs[i, size] = block.joined[i, size] = np.float32(1.0)
    multiply(block.inputs, weights.first, block.first)
    squash(block.first)
    average(block.first, num_sequences, block.joined)
    multiply(block.joined, weights.second, block.second)
    squash(block.second)
    average(block.second, num_sequences, block.averages)
    width = block.joined.shape[1]
    out: Array = np.dot(block.joined, weights.out[:width]) + np.dot(block.averages, weights.out[width:])
    return out


@compiled
def empty_block(num_rows: int, size: int, hidden_size: int) -> Block:
    """Room for `num_rows` rows of `size` inputs."""
    return Block(
        np.empty((num_rows, size + 1), np.float32),
        np.empty((num_rows, size + 1 + hidden_size), np.float32),
        np.empty((num_rows, 2 * hidden_size), np.float32),
        np.empty((num_rows, 2 * hidden_size), np.float32),
        np.empty((num_rows, hidden_size), np.float32),
    )


@compiled
def first_rows(block: Block, num_rows: int) -> Block:
    """The part of `block` that a smaller one needs."""
    return Block(
        block.inputs[:num_rows],
        block.joined[:num_rows],
        block.first[:num_rows],
        block.second[:num_rows],
        block.averages[:num_rows],
    )


@compiled
def fill_backward(
    num_sequences: int, weights: Weights, gradient: Array, block: Block, to_block: Block, to_weights: Weights
) -> None:
    """Run a block, filled, backward: gradient (R,) of what came out -> the inputs, joined and averages of `to_block`,
    and more of `to_weights`. `weights` are transposed here. What the tanh gave in `block` is lost."""
    width = block.joined.shape[1]
    to_weights.out[:width] += np.dot(block.joined.T, gradient)
    to_weights.out[width:] += np.dot(block.averages.T, gradient)
    for i in range(len(gradient)):
        for j in range(block.averages.shape[1]):
            to_block.averages[i, j] = gradient[i] * weights.out[width + j]
    average_backward(block.second, block.averages, to_block.averages, num_sequences)
    add_product(block.joined, block.second, to_weights.second)
    multiply(block.second, weights.second, to_block.joined)
    for i in range(len(gradient)):
        for j in range(width):
            to_block.joined[i, j] += gradient[i] * weights.out[j]
    average_backward(block.first, block.joined, to_block.joined, num_sequences)
    add_product(block.inputs, block.first, to_weights.first)
    multiply(block.first, weights.first, to_block.inputs)


@compiled
def forward(inputs: Array, weights: Weights, out: Array) -> None:
    """Inputs (B, T, K, D) -> out (B, T, K)."""
    num_batch, num_frames, num_sequences, size = inputs.shape
    step = max(1, BLOCK_ROWS // max(1, num_frames))
    room = empty_block(num_frames * min(step, num_sequences), size, weights.first.shape[1] // 2)
    for b in range(num_batch):
        for k in range(0, num_sequences, step):
            part = inputs[b, :, k : k + step]
            rows = fill(part, weights, first_rows(room, num_frames * part.shape[1]))
            out[b, :, k : k + step] = rows.reshape(num_frames, part.shape[1])


@compiled
def backward(inputs: Array, weights: Weights, gradient: Array, to_inputs: Array, to_weights: Weights) -> None:
    """gradient (B, T, K) -> to_inputs (B, T, K, D); what the weights get is added to `to_weights`."""
    num_batch, num_frames, num_sequences, size = inputs.shape
    step = max(1, BLOCK_ROWS // max(1, num_frames))
    room = empty_block(num_frames * min(step, num_sequences), size, weights.first.shape[1] // 2)
    to_room = empty_block(num_frames * min(step, num_sequences), size, weights.first.shape[1] // 2)
    transposed = Weights(np.ascontiguousarray(weights.first.T), np.ascontiguousarray(weights.second.T), weights.out)
    for b in range(num_batch):
        for k in range(0, num_sequences, step):
            part, to_part = inputs[b, :, k : k + step], to_inputs[b, :, k : k + step]
            num_rows = num_frames * part.shape[1]
            block, to_block = first_rows(room, num_rows), first_rows(to_room, num_rows)
            fill(part, weights, block)
            rows = np.ascontiguousarray(gradient[b, :, k : k + step]).reshape(num_rows)
            fill_backward(part.shape[1], transposed, rows, block, to_block, to_weights)
            for t in range(num_frames):
                for n in range(part.shape[1]):
                    i = t * part.shape[1] + n
                    for d in range(size):
                        to_part[t, n, d] = to_block.joined[i, d] + to_block.inputs[i, d]
