from __future__ import annotations

import torch

from dvae.models.hit_dvae import HiTDVAE, HiTDVAEConfig


@torch.no_grad()
def test_a_frame_costs_one_reading_of_what_is_kept() -> None:
    """The projections of a step do not grow with the frames before; only keys and values do, by one frame each."""
    model = HiTDVAE(HiTDVAEConfig(5, 3, 4, 6, 5, 8, 12, num_layers=2, num_heads=2)).double().eval()
    state, previous = model.initial_state(1), torch.zeros(1, 5, dtype=torch.float64)
    calls: list[int] = []
    hooks = [
        layer.register_forward_hook(lambda layer, inputs, output: calls.append(inputs[0].numel()))
        for layer in model.modules()
        if isinstance(layer, torch.nn.Linear)
    ]
    sizes = []
    for t in range(5):
        calls.clear()
        result = model.step(state, previous)
        state = result.state
        sizes.append(sum(calls))
        kept = [k for layer in (*state.for_x, *state.for_z) for k in (*layer.own, *layer.source)]
        assert {k.shape[2] for k in kept} == {t + 1}
    for hook in hooks:
        hook.remove()
    assert len(set(sizes)) == 1
