"""The enhancers of the papers as methods of the comparison: each SNR's mixtures are one batch."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from dvae.enhancement.adaptive.adapt import adapt
from dvae.enhancement.adaptive.config import AdaptationConfig
from dvae.enhancement.adaptive.forward_pass import forward_pass
from dvae.enhancement.adaptive.langevin import LangevinEM
from dvae.enhancement.adaptive.method import Method as AdaptiveMethod
from dvae.enhancement.adaptive.noise_adaptation import NoiseAdaptation
from dvae.enhancement.adaptive.noise_networks import NoiseNetwork, NoisySpeech, NoisySpeechConfig
from dvae.enhancement.adaptive.utterances import Utterances, pad
from dvae.enhancement.adaptive.vem import VariationalEM
from dvae.evaluation.enhancement import Enhanced, Method
from dvae.evaluation.fixed_mixtures import FixedMixture
from dvae.models.rvae import RVAE
from dvae.models.store.checkpoint import load_as
from dvae.signal.stft import STFT


def adaptive(name: str, prior: str, settings: AdaptationConfig, trained_below: Path) -> Method:
    """VEM, LDEM, or NA, ND, NDA with a noise model, such as NA-LV.

    prior: the RVAE of VEM, LDEM and NA; trained_below: folder that has the speech_nd_* of ND and NDA (else ValueError).
    """
    torch.set_num_threads(1)
    stft, kind, dependency = STFT(), *(name.split("-") + [""])[:2]
    trained = None
    if kind.startswith("ND"):
        folder = trained_below / f"speech_nd_{dependency.lower()}"
        if not folder.is_dir():
            raise ValueError(f"{name}: expected the trained model {folder}, got none: dvae-train {folder.name}")
        trained = load_as(NoisySpeech, folder)
    rvae = trained.rvae if trained is not None else load_as(RVAE, prior)

    def method(utterances: Utterances) -> AdaptiveMethod:
        if kind == "VEM":
            return VariationalEM(rvae, utterances, settings)
        if kind == "LDEM":
            return LangevinEM(rvae, utterances, settings)
        if trained is not None:
            return NoiseAdaptation(rvae, trained.noise, utterances, settings)
        torch.manual_seed(settings.seed)
        config = NoisySpeechConfig(rvae.config.data_size, rvae.config.latent_size, rvae.config.hidden_size)
        fresh = NoiseNetwork(dataclasses.replace(config, dependency=dependency))
        return NoiseAdaptation(rvae, fresh, utterances, settings)

    def run(batch: Sequence[FixedMixture]) -> Enhanced:
        began = time.process_time()
        spectra = [stft.analyse(mixture.noisy) for mixture in batch]
        powers = [torch.from_numpy(np.square(np.abs(spectrum))) for spectrum in spectra]
        utterances = pad([power / power.mean().clamp_min(1e-12) for power in powers])
        if kind == "ND" and trained is not None:
            found = forward_pass(trained, utterances)
        else:
            found = adapt(method(utterances), utterances, settings)
        estimates = [
            stft.synthesise(spectrum * gain[: len(spectrum)].numpy(), mixture.noisy.size)
            for spectrum, gain, mixture in zip(spectra, found.gain, batch, strict=True)
        ]
        return Enhanced(estimates, float(found.iterations.float().mean()), time.process_time() - began)

    return run
