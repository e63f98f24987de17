"""The networks of a TrajectorySRNN in compiled code, one track at a time: layers, LSTM, Gaussian heads.

With 4 to 16 units per layer the time of torch or numpy is all call overhead; these loops have none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dvae.compilation import kept_on_disk
from dvae.models.trajectory_srnn import TrajectorySRNNConfig

Array = NDArray[np.float64]


_njit: Any = numba.njit
# The order of arithmetic as written; and no counting of references to arrays (`_nrt`), which takes a fifth of the time
# where arrays come in named tuples. Such code looks at arrays and parts of them, but cannot make new ones.
_ARITHMETIC = {"fastmath": False, "_nrt": False}
_INSIDE = {**_ARITHMETIC, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # called from compiled code only


def kernel(function: Any) -> Any:
    """Machine code to be called from Python, kept on disk with all that it calls, here or in its own file."""
    return kept_on_disk(_njit(**_ARITHMETIC)(function), __file__)


def compiled(function: Any) -> Any:
    """Machine code on plain arrays, for kernels."""
    return _njit(**_INSIDE)(function)


def inlined(function: Any) -> Any:
    """Machine code on named tuples, pasted into its caller, because a call passes every field of every tuple."""
    return _njit(**_INSIDE, forceinline=True)(function)


class Layer(NamedTuple):
    """A dense layer: weight (outputs, inputs), bias (outputs,)."""

    weight: Array
    bias: Array


class Recurrence(NamedTuple):
    """A dense layer and an LSTM of H units on its output: weights (4 H, inputs), (4 H, H), bias (4 H,)."""

    features: Layer
    weight_in: Array
    weight_hidden: Array
    bias: Array


class Head(NamedTuple):
    """Mean and log-variance of a Gaussian behind two tanh layers."""

    first: Layer
    second: Layer
    mean: Layer
    log_var: Layer


class Emission(NamedTuple):
    """Mean and log-variance of a Gaussian behind one tanh layer."""

    hidden: Layer
    mean: Layer
    log_var: Layer


class Networks(NamedTuple):
    """All of them: the recurrence, q(z), p(z), p(s); and what they see: positions or, `relative`, steps in units of
    `step_unit` box sizes."""

    recurrence: Recurrence
    posterior: Head
    prior: Head
    emission: Emission
    relative: bool
    step_unit: float


class Scratch(NamedTuple):
    """Memory that the networks write to, for one track after the other."""

    features: Array  # (D,)
    gates: Array  # (4 H,)
    joint: Array  # (H + D + L,), what a head reads
    first: Array  # (widest first layer,)
    second: Array  # (widest second layer,)
    prior_mean: Array  # (L,)
    prior_log_var: Array  # (L,)
    mean: Array  # (L,), of q(z)
    log_var: Array  # (L,)
    unit: Array  # (D,), one unit of the networks' output in box coordinates


def flat_weights(parameters: dict[str, Tensor]) -> tuple[Array, ...]:
    """The parameters of a TrajectorySRNN in the order of `networks_of`, in double precision."""
    found = {name: np.ascontiguousarray(value.detach().double().numpy()) for name, value in parameters.items()}
    lstm = "recurrence.lstm."
    found["lstm_bias"] = found[lstm + "bias_ih_l0"] + found[lstm + "bias_hh_l0"]
    names = ["recurrence.features.0.weight", "recurrence.features.0.bias"]
    names += [lstm + "weight_ih_l0", lstm + "weight_hh_l0", "lstm_bias"]
    for head, layers in (("posterior", (0, 2)), ("transition", (0, 2)), ("emission", (0,))):
        for layer in (*(f"trunk.{i}" for i in layers), "mean", "log_var"):
            names += [f"{head}.{layer}.weight", f"{head}.{layer}.bias"]
    return tuple(found[name] for name in names)


@inlined
def networks_of(w: Any, relative: bool, step_unit: float) -> Any:
    """Names for `flat_weights`."""
    return Networks(
        Recurrence(Layer(w[0], w[1]), w[2], w[3], w[4]),
        Head(Layer(w[5], w[6]), Layer(w[7], w[8]), Layer(w[9], w[10]), Layer(w[11], w[12])),
        Head(Layer(w[13], w[14]), Layer(w[15], w[16]), Layer(w[17], w[18]), Layer(w[19], w[20])),
        Emission(Layer(w[21], w[22]), Layer(w[23], w[24]), Layer(w[25], w[26])),
        relative,
        step_unit,
    )


def scratch_for(config: TrajectorySRNNConfig) -> Scratch:
    """Memory of the right sizes."""
    data, hidden, latent = config.data_size, config.hidden_size, config.latent_size
    first = max(config.posterior_hidden_1, config.prior_hidden_1, config.emission_hidden)
    second = max(config.posterior_hidden_2, config.prior_hidden_2)
    sizes = (data, 4 * hidden, hidden + data + latent, first, second, latent, latent, latent, latent, data)
    return Scratch._make(np.ones(size) for size in sizes)


@compiled
def copy(values: Array, out: Array, first: int) -> None:
    """Write `values` (M,) into `out` from `first` on (numba's slices check shapes, in a lot of code)."""
    for i in range(len(values)):
        out[first + i] = values[i]


@compiled
def dense(layer: Any, values: Array, out: Array) -> None:
    """out = weight @ values + bias; of `values` only what the layer reads."""
    weight, bias = layer
    for i in range(weight.shape[0]):
        total = bias[i]
        for j in range(weight.shape[1]):
            total += weight[i, j] * values[j]
        out[i] = total


@compiled
def tanh_layer(layer: Any, values: Array, out: Array) -> None:
    """out = tanh(weight @ values + bias)."""
    weight, bias = layer
    for i in range(weight.shape[0]):
        total = bias[i]
        for j in range(weight.shape[1]):
            total += weight[i, j] * values[j]
        out[i] = np.tanh(total)


@compiled
def lstm_step(net: Any, values: Array, hidden: Array, cell: Array, gates: Array) -> None:
    """One LSTM step in place (torch's gate order: input, forget, cell, output)."""
    size, (_, weight_in, weight_hidden, bias) = hidden.shape[0], net
    for i in range(4 * size):
        total = bias[i]
        for j in range(values.shape[0]):
            total += weight_in[i, j] * values[j]
        for j in range(size):
            total += weight_hidden[i, j] * hidden[j]
        gates[i] = total
    for i in range(size):
        keep = 1.0 / (1.0 + np.exp(-gates[size + i]))
        write = 1.0 / (1.0 + np.exp(-gates[i]))
        cell[i] = keep * cell[i] + write * np.tanh(gates[2 * size + i])
        hidden[i] = np.tanh(cell[i]) / (1.0 + np.exp(-gates[3 * size + i]))


@inlined
def gaussian(head: Any, values: Array, mean: Array, log_var: Array, scratch: Any) -> None:
    """Fill mean and log-variance (L,) of a `Head` at `values`."""
    tanh_layer(head.first, values, scratch.first)
    tanh_layer(head.second, scratch.first, scratch.second)
    dense(head.mean, scratch.second, mean)
    dense(head.log_var, scratch.second, log_var)


@inlined
def emitted(net: Any, values: Array, mean: Array, log_var: Array, scratch: Any) -> None:
    """Fill mean and log-variance (D,) of an `Emission` at `values`."""
    tanh_layer(net.hidden, values, scratch.first)
    dense(net.mean, scratch.first, mean)
    dense(net.log_var, scratch.first, log_var)
