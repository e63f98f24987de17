"""ND: a model trained on noisy speech, X. Lin (2024), section 6.2.4. Nothing is fitted."""

from __future__ import annotations

import torch

from dvae.distributions.complex_gaussian import wiener_gain
from dvae.enhancement.adaptive.noise_networks import NoisySpeech
from dvae.enhancement.adaptive.utterances import Adapted, Utterances


@torch.no_grad()
def forward_pass(model: NoisySpeech, utterances: Utterances) -> Adapted:
    """The gains v_s / (v_s + v_n) at the mean of z, no iteration."""
    gains = torch.zeros_like(utterances.power)
    for gain, power, length in zip(gains, utterances.power, utterances.lengths, strict=True):
        speech_var, noise_var, _ = model.variances(power[None, :length], None)
        gain[:length] = wiener_gain(speech_var, noise_var)[0]
    return Adapted(gains, torch.zeros(len(gains), dtype=torch.long), torch.zeros(0, len(gains)))
