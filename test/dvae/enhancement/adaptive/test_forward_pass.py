"""ND against the model that it runs."""

from __future__ import annotations

import torch

from dvae.enhancement.adaptive.forward_pass import forward_pass
from dvae.enhancement.adaptive.noise_networks import NoisySpeech, NoisySpeechConfig
from dvae.enhancement.adaptive.utterances import Utterances

SMALL = {"num_bins": 20, "latent_size": 3, "hidden_size": 6}


def test_forward_pass_is_the_wiener_filter_of_the_mean(utterances: Utterances) -> None:
    model = NoisySpeech(NoisySpeechConfig(**SMALL))  # type: ignore[arg-type]
    found = forward_pass(model, utterances)
    speech_var, noise_var, _ = model.variances(utterances.power[1:2, :7], None)
    torch.testing.assert_close(found.gain[1, :7], (speech_var / (speech_var + noise_var))[0])
    assert not found.gain[1, 7:].any()
    assert found.iterations.tolist() == [0, 0, 0]
