"""The loop of the adaptive methods: an utterance leaves the batch when its bound stops rising."""

from __future__ import annotations

import torch
from torch import Tensor

from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.method import Method
from dvae.enhancement.adaptive.utterances import Adapted, Utterances
from dvae.inference.variational_em import iterate_variational_em


def adapt(method: Method, utterances: Utterances, config: AdaptationConfig) -> Adapted:
    """Iterate `method` until every utterance is done. FloatingPointError when a bound is not finite."""
    active = torch.arange(len(utterances.power))
    gain = torch.zeros_like(utterances.power)
    iterations = torch.zeros(len(active), dtype=torch.long)
    bounds: list[Tensor] = []  # (B,) after each iteration
    for number, _ in enumerate(iterate_variational_em(method, config.max_iterations), start=1):
        bounds.append(torch.full(iterations.shape, torch.nan).index_copy(0, active, method.bound()))
        done = is_done(torch.stack(bounds)[:, active], config)
        if done.any():
            gain[active[done]] = method.gain()[done]
            iterations[active[done]] = number
            active = active[~done]
            if not len(active):
                break
            method.select(torch.nonzero(~done)[:, 0])
    return Adapted(gain * utterances.mask, iterations, torch.stack(bounds))


def is_done(bounds: Tensor, config: AdaptationConfig) -> Tensor:
    """Bounds so far (iterations, B) -> whether each utterance had its last iteration, (B,): the mean over `patience`
    iterations rose by less than `tolerance`, or there were enough of them."""
    number, patience = len(bounds), config.patience
    if number >= config.max_iterations:
        return torch.ones(bounds.shape[1], dtype=torch.bool)
    if number < max(config.min_iterations, 2 * patience):
        return torch.zeros(bounds.shape[1], dtype=torch.bool)
    recent = bounds[-2 * patience :]
    return recent[patience:].mean(0) - recent[:patience].mean(0) < config.tolerance
