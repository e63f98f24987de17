"""dvae-evaluate resynthesis | generation | latents: the models of the family on speech (X. Lin, 2024, section 7.5)."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dvae.cli.common import add_data_option, below, integer
from dvae.files import keep_inputs, make_folder

if TYPE_CHECKING:
    from dvae.models.dvae import DVAE
    from dvae.signal.audio_file import Audio


def add_parsers(tasks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of the three tasks."""
    resynthesis = tasks.add_parser(
        "resynthesis",
        help="RMSE, SI-SDR, PESQ and ESTOI of speech through the latent variables of models and back",
        description="Encode each file, decode the posterior means, give the result the phases of the original, and "
        "score it. Models that read the past are scored in generation mode (GEN: they read their own output) and with "
        "teacher forcing (GT: they read the original).",
    )
    resynthesis.set_defaults(run=evaluate_resynthesis)
    add_models(resynthesis, "speech/test")
    resynthesis.add_argument(
        "--frames",
        type=integer(0),
        default=100,
        help="cut spectrograms into pieces of so many frames (0: whole; default: %(default)s)",
    )
    resynthesis.add_argument(
        "--seconds", type=float, default=0.0, help="only the beginning of each file (0: all of it)"
    )
    generation = tasks.add_parser(
        "generation",
        help="Frechet distance of generated speech to real speech",
        description="Generate utterances from the prior, find phases (Griffin and Lim), and measure the Frechet "
        "distance of their log mel statistics to those of real speech. This is not the Frechet Deep Speech Distance.",
    )
    generation.set_defaults(run=evaluate_generation)
    add_models(generation, "speech/test_other")
    generation.add_argument("--reference", type=Path, default=Path("speech/train"), help="real speech (%(default)s)")
    generation.add_argument("--number", type=integer(1), default=512, help="utterances of each (default: %(default)s)")
    generation.add_argument(
        "--frames", type=integer(1), default=100, help="frames of each (default: %(default)s, 1.6 s)"
    )
    generation.add_argument("--repeats", type=integer(1), default=3, help="seeds (default: %(default)s)")
    latents = tasks.add_parser(
        "latents",
        help="what w holds: exchange it between a low and a high voice and measure the pitch",
        description="Encode speech of the lowest and the highest voices, decode each with the w of the other, find "
        "phases (Griffin and Lim), and measure the pitch.",
    )
    latents.set_defaults(run=evaluate_latents)
    add_models(latents, "speech/test")
    latents.add_argument("--pairs", type=integer(1), default=8, help="pairs of voices (default: %(default)s)")
    latents.add_argument(
        "--frames", type=integer(1), default=100, help="frames of each file (default: %(default)s, 1.6 s)"
    )
    for task in (generation, latents):
        task.add_argument("--wav", type=Path, metavar="FOLDER", help="write what was generated")


def add_models(task: argparse.ArgumentParser, speech: str) -> None:
    """Options that all three have."""
    add_data_option(task)
    task.add_argument("models", nargs="+", metavar="MODEL", help="shipped models or folders")
    task.add_argument("--speech", type=Path, default=Path(speech), help="folder below --data (default: %(default)s)")
    task.add_argument("--plot", type=Path, metavar="FILE.png", help="write spectrograms")


def check_outputs(arguments: argparse.Namespace, *sources: Path) -> None:
    """Before the work: ValueError or OSError when what is asked for cannot be written, or lies among what is read."""
    from dvae.evaluation.plots import check_picture

    if arguments.plot:
        check_picture(arguments.plot)
        keep_inputs(arguments.plot, sources)
    if getattr(arguments, "wav", None):
        make_folder(arguments.wav)
        keep_inputs(arguments.wav, sources)


def load_models(names: list[str]) -> dict[str, DVAE[Any]]:
    """Name -> model of the family; of several of one name, the names as they were given."""
    from dvae.models.store.registry import load_model

    short = [Path(name).name for name in names]
    return {name if short.count(end) > 1 else end: load_model(name) for name, end in zip(names, short, strict=True)}


def write_sounds(folder: Path, sounds: Mapping[str, Audio]) -> None:
    """Name -> waveform (S,) as WAV files at peak 0.9."""
    from dvae.evaluation.utterances import SAMPLE_RATE
    from dvae.signal.audio_file import write_audio

    folder.mkdir(parents=True, exist_ok=True)
    for name, waveform in sounds.items():
        at_peak = np.asarray(waveform / max(float(np.abs(waveform).max()), 1e-9), dtype=np.float32)
        write_audio(folder / f"{name.replace(' ', '_')}.wav", 0.9 * at_peak, SAMPLE_RATE)


def evaluate_resynthesis(arguments: argparse.Namespace) -> None:
    """Print one row for each model and mode."""
    from dvae.evaluation.plots import plot_spectrograms
    from dvae.evaluation.resynthesis import score_resynthesis
    from dvae.evaluation.table import Table
    from dvae.evaluation.utterances import SAMPLE_RATE, read_utterances

    folder = below(arguments.data, arguments.speech)
    check_outputs(arguments, folder)
    models = load_models(arguments.models)
    speech = read_utterances(folder, arguments.seconds)
    seconds = sum(waveform.size for waveform in speech) / SAMPLE_RATE
    pieces = f"pieces of {arguments.frames} frames" if arguments.frames else "whole utterances"
    print(f"{len(speech)} files, {seconds:.0f} s, {pieces}, posterior means, phases of the original")
    table = Table(
        "{model:32} {parameters:10,} {past:>4}  {RMSE:6.3f} {SI-SDR:7.2f} {PESQ-WB:8.2f} {ESTOI:6.3f} {RTF:6.3f}"
    )
    print(table.header)
    shown = {"original": speech[0]}
    for row, results in score_resynthesis(models, speech, arguments.frames):
        print(table.row(*row))
        shown[row.model if row.past == "-" else f"{row.model} ({row.past})"] = results[0]
    if arguments.plot:
        plot_spectrograms(arguments.plot, {title: waveform[: 3 * SAMPLE_RATE] for title, waveform in shown.items()})


def evaluate_generation(arguments: argparse.Namespace) -> None:
    """Print the distance of each model, and of real speech, to the reference."""
    from dvae.evaluation.generation import score_generation
    from dvae.evaluation.griffin_lim import num_samples_of
    from dvae.evaluation.plots import plot_spectrograms
    from dvae.evaluation.table import Table
    from dvae.signal.stft import STFT

    reference, speech = (below(arguments.data, folder) for folder in (arguments.reference, arguments.speech))
    check_outputs(arguments, reference, speech)
    models, number, stft = load_models(arguments.models), arguments.number, STFT()
    seconds = num_samples_of(arguments.frames, stft) / stft.sample_rate
    print(f"{number} utterances of {seconds:.2f} s; Frechet distance of log mel statistics (not FDSD)")
    table, shown = Table("{name:32} {distance:8.2f} +- {deviation:<6.2f}"), {}
    for row, utterances in score_generation(models, reference, speech, number, arguments.frames, arguments.repeats):
        print(table.row(*row))
        shown[row.name] = np.concatenate(list(utterances[:2]))
        if arguments.wav:
            write_sounds(arguments.wav, {f"{row.name}_{i}": utterance for i, utterance in enumerate(utterances[:4])})
    if arguments.plot:
        plot_spectrograms(arguments.plot, shown)


def evaluate_latents(arguments: argparse.Namespace) -> None:
    """Print the pitch of each voice as it is, resynthesised, and with the w of the other."""
    from dvae.evaluation.latents import exchange_w, opposite_voices
    from dvae.evaluation.plots import plot_spectrograms
    from dvae.evaluation.table import Table
    from dvae.evaluation.utterances import read_utterances
    from dvae.models.hit_dvae import HiTDVAE

    folder = below(arguments.data, arguments.speech)
    check_outputs(arguments, folder)
    speech = read_utterances(folder)
    voices = opposite_voices(speech, arguments.pairs, arguments.frames)
    pairs, table = len(voices) // 2, Table("{:12} {original:9.0f} {own w:9.0f} {other's w:9.0f}")
    for name, model in load_models(arguments.models).items():
        if not isinstance(model, HiTDVAE):
            raise ValueError(f"expected models with a w for the whole sequence (HiTDVAE), got {name}")
        found = exchange_w(model, voices)
        print(f"{name}: median pitch in Hz of {pairs} low and {pairs} high voices, {arguments.frames} frames each")
        print(table.header)
        for row in found.rows:
            print(table.row(*row))
        print(f"moved {100 * found.moved:.0f} % of the way to the pitch of the other (median of all voices)")
        shown = {
            f"{voice}, {title}": waveforms[i]
            for voice, i in (("low", 0), ("high", pairs))
            for title, waveforms in found.sounds.items()
        }
        if arguments.plot:
            plot_spectrograms(arguments.plot.with_stem(f"{arguments.plot.stem}_{name}"), shown, columns=3)
        if arguments.wav:
            write_sounds(arguments.wav, {f"{name}_{title.replace(',', '')}": sound for title, sound in shown.items()})
