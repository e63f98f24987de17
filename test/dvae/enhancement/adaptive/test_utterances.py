"""Batches of utterances of several lengths."""

from __future__ import annotations

import torch

from dvae.enhancement.adaptive.utterances import Utterances, pad


def test_padding_is_masked_and_zero(generator: torch.Generator) -> None:
    powers = [1.0 + torch.rand(length, 4, generator=generator) for length in (3, 5)]
    found = pad(powers)
    assert found.lengths.tolist() == [3, 5]
    assert found.mask[..., 0].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    for power, padded, mask in zip(powers, found.power, found.mask, strict=True):
        torch.testing.assert_close(padded[mask[:, 0] > 0], power)
    assert not found.power[0, 3:].any()


def test_selected_utterances_keep_their_lengths(utterances: Utterances) -> None:
    found = utterances.select(torch.tensor([2, 0]))
    assert found.lengths.tolist() == [9, 12]
    torch.testing.assert_close(found.power, utterances.power[[2, 0]])
