"""dvae-evaluate enhancement: the streaming enhancers and the methods of the papers on the same mixtures."""

from __future__ import annotations

import argparse
from pathlib import Path

from dvae.cli.common import add_data_option, below, integer, settings_from_options
from dvae.enhancement.config import PRESETS
from dvae.evaluation.enhancers import METHODS


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
    speech.set_defaults(run=evaluate_enhancement)
    add_data_option(speech)
    speech.add_argument("--speech", type=Path, default=Path("speech/test"), help="folder below --data (%(default)s)")
    speech.add_argument(
        "--noise", type=Path, nargs="+", default=[Path("noise/test")], help="folders below --data (noise/test)"
    )
    speech.add_argument(
        "--snr", type=integer(-100, 100), nargs="+", default=[-5, 0, 5, 10], metavar="DB", help="default: -5 0 5 10"
    )
    speech.add_argument("--number", type=integer(1), default=24, help="mixtures for each SNR (default: %(default)s)")
    speech.add_argument("--seed", type=integer(0), default=7, help="of the choice of files (default: %(default)s)")
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
    from dvae.evaluation.enhancement import score_enhancement
    from dvae.evaluation.enhancers import make_method
    from dvae.evaluation.fixed_mixtures import fixed_mixtures
    from dvae.evaluation.table import Table
    from dvae.signal.audio_file import decodable, read_each
    from dvae.signal.audio_folder import list_audio
    from dvae.threads import use_one_thread

    use_one_thread()
    (settings,) = settings_from_options((AdaptationConfig,), arguments.adaptation)
    speech, snrs = read_each(decodable, list_audio(below(arguments.data, arguments.speech))), arguments.snr
    over = Table("{:12}" + "{:>32}" * len(snrs))
    scores = "{SI-SDR:9.2f}{PESQ-WB:8.2f}{PESQ-NB:8.2f}{ESTOI:7.3f}" * len(snrs)
    table = Table("{:12}" + scores + " {RTF:6.3f}  {iterations:<10.0f}")
    for folder in arguments.noise:
        noise = read_each(decodable, list_audio(below(arguments.data, folder)))
        mixtures = list(fixed_mixtures(speech, noise, arguments.number, snrs, arguments.seed))
        print(f"{arguments.speech} in {folder}, {arguments.number} mixtures for each SNR")
        print(over.row("", *(f"{snr:+d} dB" for snr in snrs)))
        print(table.header)
        for name in arguments.methods:
            method = make_method(name, arguments.prior, settings, arguments.trained)
            row = score_enhancement(method, mixtures, name)
            means = [value for snr in snrs for value in row.scores[snr]]
            print(table.row(name, *means, row.real_time_factor, row.iterations), flush=True)
        print()
