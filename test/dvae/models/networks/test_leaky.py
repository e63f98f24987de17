"""Leaky averages: the recursion and its gradient, and the compiled form against the definition."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dvae.models.networks.leaky import LeakyLayers, leaky_average, leaky_layers, leaky_layers_reference
from dvae.models.networks.leaky_compiled import BLOCK_ROWS

SIZE, HIDDEN = 5, 3


def draw_layers(generator: torch.Generator, dtype: torch.dtype = torch.float32) -> LeakyLayers:
    shapes = [
        (2 * HIDDEN, SIZE),
        (2 * HIDDEN,),
        (2 * HIDDEN, SIZE + HIDDEN),
        (2 * HIDDEN,),
        (1, SIZE + 2 * HIDDEN),
        (1,),
    ]
    return LeakyLayers(*(torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes))


def value_and_gradients(form: object, inputs: Tensor, layers: LeakyLayers) -> list[Tensor]:
    """The outputs and, of a sum of them with changing weights, the gradients with respect to everything."""
    assert callable(form)
    inputs = inputs.detach().requires_grad_()
    outputs = form(inputs, layers)
    weights = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(1)).to(outputs)
    return [outputs.detach(), *torch.autograd.grad((weights * outputs).sum(), [inputs, *layers])]


def test_leaky_averages_are_the_recursion_and_have_its_gradient(generator: torch.Generator) -> None:
    drive = torch.randn(3, 6, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    rate, candidate = torch.sigmoid(drive[..., :4]), torch.tanh(drive[..., 4:])
    state, expected = torch.zeros(3, 4, dtype=torch.float64), []
    for t in range(6):
        state = (1 - rate[:, t]) * state + rate[:, t] * candidate[:, t]
        expected.append(state)
    torch.testing.assert_close(leaky_average(drive), torch.stack(expected, dim=1))
    assert torch.autograd.gradcheck(leaky_average, drive)


@pytest.mark.parametrize(
    ("batch", "frames", "sequences"),
    [(2, 7, 4), (1, 1, 1), (3, 1, 2), (2, 9, 1), (2, 5, 0), (0, 5, 2), (1, BLOCK_ROWS // 4, 9), (1, BLOCK_ROWS + 1, 2)],
)
def test_compiled_layers_are_their_definition(
    batch: int, frames: int, sequences: int, generator: torch.Generator
) -> None:
    """Also where nothing is side by side, where the last block is smaller, and where a sequence fills a block alone."""
    inputs = torch.randn(batch, frames, sequences, SIZE, generator=generator)
    layers = draw_layers(generator)
    found = value_and_gradients(leaky_layers, inputs, layers)
    precise = LeakyLayers(*(value.detach().double().requires_grad_() for value in layers))
    expected = value_and_gradients(leaky_layers_reference, inputs.double(), precise)
    for name, one, other in zip(("outputs", "inputs", *LeakyLayers._fields), found, expected, strict=True):
        scale = max(1.0, float(other.abs().max())) if other.numel() else 1.0
        torch.testing.assert_close(one.double(), other, atol=1e-5 * scale, rtol=1e-5, msg=lambda m, n=name: f"{n}: {m}")


def test_gradient_of_the_compiled_layers_is_that_of_finite_differences(generator: torch.Generator) -> None:
    inputs, layers = torch.randn(1, 6, 2, SIZE, generator=generator), draw_layers(generator)
    _, to_inputs, to_first, *_ = value_and_gradients(leaky_layers, inputs, layers)
    weights = torch.randn(1, 6, 2, generator=torch.Generator().manual_seed(1)).double()

    @torch.no_grad()
    def value(of_inputs: Tensor, of_first: Tensor) -> float:
        return float((weights * leaky_layers(of_inputs, layers._replace(first=of_first)).double()).sum())

    step, first = 0.01, layers.first.detach()
    for direction in torch.randn(4, *inputs.shape, generator=generator):
        slope = (value(inputs + step * direction, first) - value(inputs - step * direction, first)) / (2 * step)
        assert slope == pytest.approx(float((direction * to_inputs).sum()), rel=5e-3, abs=5e-3)
    for direction in torch.randn(4, *first.shape, generator=generator):
        slope = (value(inputs, first + step * direction) - value(inputs, first - step * direction)) / (2 * step)
        assert slope == pytest.approx(float((direction * to_first).sum()), rel=5e-3, abs=5e-3)


def test_compiled_layers_read_inputs_of_any_layout_and_repeat_themselves(generator: torch.Generator) -> None:
    layers, wide = draw_layers(generator), torch.randn(2, SIZE, 6, 8, generator=generator)
    inputs = wide.permute(0, 2, 3, 1)[:, :, ::2]
    assert not inputs.is_contiguous()
    first = value_and_gradients(leaky_layers, inputs, layers)
    for again in (inputs, inputs.contiguous()):
        for one, other in zip(first, value_and_gradients(leaky_layers, again, layers), strict=True):
            assert torch.equal(one, other)
    (gradient,) = torch.autograd.grad(leaky_layers(inputs, layers).sum(), [layers.output_bias])  # one 1 for all
    assert float(gradient) == 2 * 6 * 4


def test_what_is_not_a_number_is_not_hidden(generator: torch.Generator) -> None:
    inputs = torch.randn(1, 4, 2, SIZE, generator=generator)
    inputs[0, 1, 0, 2] = torch.nan
    found = leaky_layers(inputs, draw_layers(generator))
    assert found.isnan().tolist() == [[[False, False], [True, False], [True, False], [True, False]]]
