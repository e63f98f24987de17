"""dvae-evaluate enhancement: the streaming enhancers and the methods of the papers on the same mixtures."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tqdm import tqdm

from dvae.cli.common import add_data_option, below, settings_from_options
from dvae.enhancement.config import PRESETS

if TYPE_CHECKING:
    from dvae.enhancement.adaptive.config import AdaptationConfig
    from dvae.evaluation.fixed_mixtures import FixedMixture
    from dvae.signal.audio_file import Audio

NOISE_MODELS = ("LV", "NO", "NOLV")
ADAPTIVE = ("VEM", "LDEM", *(f"{kind}-{model}" for kind in ("NA", "ND", "NDA") for model in NOISE_MODELS))
METHODS = ("noisy", "oracle", *PRESETS, *ADAPTIVE)


class Enhanced(NamedTuple):
    """Estimates, one for each mixture; iterations for each (0 where nothing iterates); seconds of CPU time for all."""

    estimates: list[Audio]
    iterations: float
    seconds: float


Method = Callable[[list["FixedMixture"]], Enhanced]


def add_parser(tasks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of the task."""
    speech = tasks.add_parser(
        "enhancement",
        help="SI-SDR, PESQ and ESTOI of the enhancers on mixtures of speech and noise",
        description="Mix speech files with noise at each SNR, enhance, and print mean scores, one table for each noise "
        "folder. quality and low_latency are the streaming presets, the others the methods of the papers: VEM "
        "(NMF noise), LDEM (Langevin), NA (fitted to the utterance), ND (trained on noisy speech), NDA (both), with "
        "the noise models LV, NO and NOLV. oracle is the Wiener filter with the true variances.",
    )
    add_data_option(speech)
    speech.add_argument("--speech", type=Path, default=Path("speech/test"), help="folder below --data (%(default)s)")
    speech.add_argument(
        "--noise", type=Path, nargs="+", default=[Path("noise/test")], help="folders below --data (noise/test)"
    )
    speech.add_argument("--snr", type=int, nargs="+", default=[-5, 0, 5, 10], metavar="DB", help="default: -5 0 5 10")
    speech.add_argument("--number", type=int, default=24, help="mixtures for each SNR (default: %(default)s)")
    speech.add_argument("--seed", type=int, default=7, help="of the choice of files (default: %(default)s)")
    speech.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        default=["noisy", "oracle", *PRESETS],
        metavar="NAME",
        help=f"of {' '.join(METHODS)} (default: noisy oracle {' '.join(PRESETS)})",
    )
    speech.add_argument("--prior", default="speech_rvae", help="RVAE of the adaptive methods (default: %(default)s)")
    speech.add_argument(
        "--trained",
        type=Path,
        default=Path("models"),
        metavar="FOLDER",
        help="where dvae-train has put speech_nd_lv, speech_nd_no and speech_nd_nolv, for ND and NDA (%(default)s)",
    )
    speech.add_argument(
        "--adaptation",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="settings of dvae.enhancement.adaptive.config.AdaptationConfig, such as max_iterations=100",
    )


def evaluate_enhancement(arguments: argparse.Namespace) -> None:
    """Print one table for each noise folder, with one row for each method."""
    from dvae.enhancement.adaptive.config import AdaptationConfig
    from dvae.evaluation.fixed_mixtures import SAMPLE_RATE, fixed_mixtures
    from dvae.evaluation.metrics.speech import speech_scores
    from dvae.signal.audio_file import list_audio
    from dvae.threads import use_one_thread

    use_one_thread()
    (settings,) = settings_from_options((AdaptationConfig,), arguments.adaptation)
    speech = list_audio(below(arguments.data, arguments.speech))
    for folder in arguments.noise:
        noise = list_audio(below(arguments.data, folder))
        mixtures = list(fixed_mixtures(speech, noise, arguments.number, arguments.snr, arguments.seed))
        print(f"{arguments.speech} in {folder}, {arguments.number} mixtures for each SNR")
        print(f"{'':12}" + "".join(f"{f'{snr:+d} dB':>32}" for snr in arguments.snr))
        print(f"{'':12}" + "   SI-SDR PESQ-WB PESQ-NB  ESTOI" * len(arguments.snr) + "    RTF  iterations")
        for name in arguments.methods:
            found: dict[int, list[tuple[float, ...]]] = {snr: [] for snr in arguments.snr}
            seconds, iterations = 0.0, list[float]()
            method = make_method(name, arguments.prior, settings, arguments.trained)
            for snr in arguments.snr:  # one batch for each SNR
                batch = [mixture for mixture in mixtures if mixture.snr == snr]
                result = method(batch)
                seconds, iterations = seconds + result.seconds, [*iterations, result.iterations]
                bar = tqdm(batch, desc=f"{name} {snr:+d} dB", leave=False)
                for mixture, estimate in zip(bar, result.estimates, strict=True):
                    found[snr].append(speech_scores(mixture.clean, estimate, SAMPLE_RATE))
            means = [np.nanmean(found[snr], axis=0) for snr in arguments.snr]
            scores = "".join(f"{m[0]:9.2f}{m[1]:8.2f}{m[2]:8.2f}{m[3]:7.3f}" for m in means)
            factor = seconds / (sum(mixture.noisy.size for mixture in mixtures) / SAMPLE_RATE)
            print(f"{name:12}{scores} {factor:6.3f}  {np.mean(iterations):.0f}", flush=True)
        print()


def make_method(name: str, prior: str, settings: AdaptationConfig, trained_below: Path) -> Method:
    """The method of that name, its models loaded."""
    if name == "noisy":
        return lambda batch: Enhanced([mixture.noisy for mixture in batch], 0, 0.0)
    if name == "oracle":
        return oracle
    if name in PRESETS:
        return streaming(name)
    return adaptive(name, prior, settings, trained_below)


def streaming(preset: str) -> Method:
    """The streaming enhancer, one stream for each mixture."""
    from dvae.enhancement.step import load_enhancer
    from dvae.enhancement.streaming import StreamingEnhancer
    from dvae.models.store.find import find_model

    enhancer = StreamingEnhancer(load_enhancer(find_model(PRESETS[preset])))

    def run(batch: list[FixedMixture]) -> Enhanced:
        began = time.process_time()
        estimates = [np.concatenate([enhancer.feed(mixture.noisy), enhancer.flush()]) for mixture in batch]
        enhancer.pop_activity()
        return Enhanced(estimates, 0, time.process_time() - began)

    return run


def oracle(batch: list[FixedMixture]) -> Enhanced:
    """The Wiener filter with |s|^2 and |n|^2 themselves as variances, on the streaming enhancer's front end."""
    from dvae.signal.stft import STFT

    stft, estimates, began = STFT(synthesis_length=512), [], time.process_time()
    for mixture in batch:
        clean, noisy = stft.analyse(mixture.clean), stft.analyse(mixture.noisy)
        speech, noise = np.square(np.abs(clean)), np.square(np.abs(noisy - clean))
        estimates.append(stft.synthesise(noisy * speech / (speech + noise + 1e-12), mixture.noisy.size))
    return Enhanced(estimates, 0, time.process_time() - began)


def adaptive(name: str, prior: str, settings: AdaptationConfig, trained_below: Path) -> Method:
    """A method of the papers, all mixtures in one batch; ND and NDA need models speech_nd_* in `trained_below`."""
    import torch

    from dvae.enhancement.adaptive.adapt import Method as AdaptiveMethod
    from dvae.enhancement.adaptive.adapt import adapt
    from dvae.enhancement.adaptive.forward_pass import forward_pass
    from dvae.enhancement.adaptive.langevin import LangevinEM
    from dvae.enhancement.adaptive.noise_adaptation import NoiseAdaptation
    from dvae.enhancement.adaptive.noise_networks import NoiseNetwork, NoisySpeech, NoisySpeechConfig
    from dvae.enhancement.adaptive.utterances import Utterances, pad
    from dvae.enhancement.adaptive.vem import VariationalEM
    from dvae.models.rvae import RVAE
    from dvae.models.store.checkpoint import load_model
    from dvae.models.store.find import find_model
    from dvae.signal.stft import STFT

    torch.set_num_threads(1)
    stft, kind, dependency = STFT(), *(name.split("-") + [""])[:2]
    trained = None
    if kind.startswith("ND"):
        folder = trained_below / f"speech_nd_{dependency.lower()}"
        if not folder.is_dir():
            raise ValueError(f"{name}: expected the trained model {folder}, got none: dvae-train {folder.name}")
        trained = load_model(NoisySpeech, folder)
    rvae = trained.rvae if trained is not None else load_model(RVAE, find_model(prior))

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

    def run(batch: list[FixedMixture]) -> Enhanced:
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
