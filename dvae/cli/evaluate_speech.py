"""dvae-evaluate resynthesis | generation | latents: the models of the family on speech (X. Lin, 2024, section 7.5)."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from dvae.cli.common import add_data_option, below
from dvae.evaluation.plots import plot_spectrograms

if TYPE_CHECKING:
    from dvae.models.dvae import DVAE
    from dvae.signal.audio_file import Audio

SAMPLE_RATE = 16000
Models = dict[str, "DVAE[Any]"]


def add_parsers(tasks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of the three tasks."""
    resynthesis = tasks.add_parser(
        "resynthesis",
        help="RMSE, SI-SDR, PESQ and ESTOI of speech through the latent variables of models and back",
        description="Encode each file, decode the posterior means, give the result the phases of the original, and "
        "score it. Models that read the past are scored in generation mode (GEN: they read their own output) and with "
        "teacher forcing (GT: they read the original).",
    )
    add_models(resynthesis, "speech/test")
    resynthesis.add_argument(
        "--frames",
        type=int,
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
    add_models(generation, "speech/test_other")
    generation.add_argument("--reference", type=Path, default=Path("speech/train"), help="real speech (%(default)s)")
    generation.add_argument("--number", type=int, default=512, help="utterances of each (default: %(default)s)")
    generation.add_argument("--frames", type=int, default=100, help="frames of each (default: %(default)s, 1.6 s)")
    generation.add_argument("--repeats", type=int, default=3, help="seeds (default: %(default)s)")
    latents = tasks.add_parser(
        "latents",
        help="what w holds: exchange it between a low and a high voice and measure the pitch",
        description="Encode speech of the lowest and the highest voices, decode each with the w of the other, find "
        "phases (Griffin and Lim), and measure the pitch.",
    )
    add_models(latents, "speech/test")
    latents.add_argument("--pairs", type=int, default=8, help="pairs of voices (default: %(default)s)")
    latents.add_argument("--frames", type=int, default=100, help="frames of each file (default: %(default)s, 1.6 s)")
    for task in (generation, latents):
        task.add_argument("--wav", type=Path, metavar="FOLDER", help="write what was generated")


def add_models(task: argparse.ArgumentParser, speech: str) -> None:
    """Options that all three have."""
    add_data_option(task)
    task.add_argument("models", nargs="+", metavar="MODEL", help="shipped models or folders")
    task.add_argument("--speech", type=Path, default=Path(speech), help="folder below --data (default: %(default)s)")
    task.add_argument("--plot", type=Path, metavar="FILE.png", help="write spectrograms")


def load_models(names: list[str]) -> Models:
    """Name -> model of the family."""
    from dvae.models.store.find import find_model
    from dvae.models.store.registry import load_family

    return {Path(name).name: load_family(find_model(name)) for name in names}


def read_speech(folder: Path, seconds: float = 0.0) -> list[Audio]:
    """Every file below `folder`, edges of silence cut, at peak 1."""
    from dvae.data.crops import trim_silence
    from dvae.signal.audio_file import list_audio, read_mono

    found = []
    for path in tqdm(list_audio(folder), desc="read audio", leave=False):
        waveform = trim_silence(read_mono(path, SAMPLE_RATE), 30.0)
        waveform = waveform[: int(seconds * SAMPLE_RATE)] if seconds else waveform
        if waveform.size:
            found.append(waveform / np.abs(waveform).max())
    return found


def evaluate_resynthesis(arguments: argparse.Namespace) -> None:
    """Print one row for each model and mode."""
    from dvae.evaluation.metrics.speech import speech_scores
    from dvae.evaluation.synthesis import resynthesise
    from dvae.models.networks.layers import num_parameters
    from dvae.signal.stft import STFT

    models, stft = load_models(arguments.models), STFT()
    speech = read_speech(below(arguments.data, arguments.speech), arguments.seconds)
    seconds = sum(waveform.size for waveform in speech) / SAMPLE_RATE
    pieces = f"pieces of {arguments.frames} frames" if arguments.frames else "whole utterances"
    print(f"{len(speech)} files, {seconds:.0f} s, {pieces}, posterior means, phases of the original")
    print(
        f"{'model':32} {'parameters':>10} {'past':>4}  {'RMSE':>6} {'SI-SDR':>7} {'PESQ-WB':>8} {'ESTOI':>6} {'RTF':>6}"
    )
    shown = {"original": speech[0]}
    for name, model in models.items():
        for mode in ("GEN", "GT") if model.reads_past else ("-",):
            began = time.process_time()
            results = resynthesise(model, speech, stft, mode == "GT", arguments.frames)
            spent = time.process_time() - began
            rows = []
            for original, result in zip(tqdm(speech, desc=f"{name} {mode}", leave=False), results, strict=True):
                scores = speech_scores(original, result)
                rmse = np.sqrt(np.square(original - result).mean())
                rows.append((rmse, scores.si_sdr, scores.pesq_wb, scores.estoi))
            rmse, si_sdr, pesq, estoi = np.nanmean(rows, axis=0)
            scores_text = f"{rmse:6.3f} {si_sdr:7.2f} {pesq:8.2f} {estoi:6.3f} {spent / seconds:6.3f}"
            print(f"{name:32} {num_parameters(model):10,} {mode:>4}  {scores_text}")
            shown[name if mode == "-" else f"{name} ({mode})"] = results[0]
    if arguments.plot:
        plot_spectrograms(arguments.plot, {title: waveform[: 3 * SAMPLE_RATE] for title, waveform in shown.items()})


def real_utterances(folder: Path, number: int, num_samples: int, seed: int) -> Audio:
    """Crops (number, num_samples) of the files below `folder`."""
    from dvae.data.crops import AudioCrops
    from dvae.signal.audio_file import list_audio

    crops, rng = AudioCrops(list_audio(folder), SAMPLE_RATE, trim_db=30.0), np.random.default_rng(seed)
    return np.stack([crops.draw_active(num_samples, rng) for _ in range(number)])


def evaluate_generation(arguments: argparse.Namespace) -> None:
    """Print the distance of each model, and of real speech, to the reference."""
    from dvae.evaluation.griffin_lim import griffin_lim
    from dvae.evaluation.metrics.frechet import frechet_distance, mel_statistics
    from dvae.evaluation.synthesis import generate_speech
    from dvae.signal.audio_file import write_audio
    from dvae.signal.stft import STFT

    models, stft = load_models(arguments.models), STFT()
    num_samples, number = arguments.frames * stft.hop_length - stft.overlap, arguments.number
    reference, speech = below(arguments.data, arguments.reference), below(arguments.data, arguments.speech)
    target = mel_statistics(real_utterances(reference, 4 * number, num_samples, 99), stft)
    print(
        f"{number} utterances of {num_samples / SAMPLE_RATE:.2f} s; Frechet distance of log mel statistics (not FDSD)"
    )
    shown: dict[str, Audio] = {}

    def report(name: str, sets: list[Audio]) -> None:
        distances = [frechet_distance(mel_statistics(waveforms, stft), target) for waveforms in sets]
        print(f"{name:32} {np.mean(distances):8.2f} +- {np.std(distances):.2f}")
        shown[name] = np.concatenate(list(sets[0][:2]))
        if arguments.wav:
            arguments.wav.mkdir(parents=True, exist_ok=True)
            for i, waveform in enumerate(sets[0][:4]):
                write_audio(arguments.wav / f"{name.replace(' ', '_')}_{i}.wav", 0.9 * peak_one(waveform), SAMPLE_RATE)

    seeds = range(1, arguments.repeats + 1)
    real = [real_utterances(speech, number, num_samples, seed) for seed in seeds]
    report("other speech, exact phase", real)
    report(
        "other speech, Griffin-Lim",
        [griffin_lim(np.abs(stft.analyse(w)), stft, np.random.default_rng(i)) for i, w in enumerate(real)],
    )
    for name, model in tqdm(models.items(), desc="generate", leave=False):
        report(name, [generate_speech(model, number, arguments.frames, stft, seed) for seed in seeds])
    if arguments.plot:
        plot_spectrograms(arguments.plot, shown)


def finite_median(values: Audio) -> float:
    """The median of what is a number; NaN where nothing is."""
    values = values[np.isfinite(values)]
    return float(np.median(values)) if values.size else float("nan")


def peak_one(waveform: Audio) -> Audio:
    """At peak 1."""
    return np.asarray(waveform / max(float(np.abs(waveform).max()), 1e-9), dtype=np.float32)


def evaluate_latents(arguments: argparse.Namespace) -> None:
    """Print the pitch of each voice as it is, resynthesised, and with the w of the other."""
    import torch

    from dvae.evaluation.griffin_lim import griffin_lim
    from dvae.evaluation.synthesis import normalised_power
    from dvae.models.hit_dvae import HiTDVAE
    from dvae.models.networks.emission import expectation
    from dvae.signal.audio_file import write_audio
    from dvae.signal.stft import STFT
    from dvae.signal.voice_features import median_pitch

    stft = STFT()
    num_samples = arguments.frames * stft.hop_length - stft.overlap
    speech = [w[:num_samples] for w in read_speech(below(arguments.data, arguments.speech)) if w.size >= num_samples]
    pitches = [median_pitch(waveform, SAMPLE_RATE) for waveform in speech]
    voices = sorted((pitch, i) for i, pitch in enumerate(pitches) if np.isfinite(pitch))
    pairs = min(arguments.pairs, len(voices) // 2)
    if not pairs:
        raise ValueError(f"expected two voices of {arguments.frames} frames or more, got {len(voices)}")
    low, high = ([speech[i] for _, i in part] for part in (voices[:pairs], voices[: -pairs - 1 : -1]))
    for name, model in load_models(arguments.models).items():
        if not isinstance(model, HiTDVAE):
            raise ValueError(f"expected models with a w for the whole sequence (HiTDVAE), got {name}")
        data = torch.from_numpy(np.stack([normalised_power(stft.analyse(w))[0] for w in [*low, *high]]))
        with torch.inference_mode():
            latents = model.encode(data)
            assert latents.w is not None
            exchanged = torch.roll(latents.w, pairs, 0)  # low voices get the w of high ones, and the other way round
            sounds = {
                title: griffin_lim(
                    np.sqrt(expectation(model.decode(latents.z, None, w)).numpy()), stft, np.random.default_rng(1)
                )
                for title, w in (("own w", latents.w), ("other's w", exchanged))
            }
        original = np.stack([*low, *high])
        measured = {
            title: np.array([median_pitch(waveform, SAMPLE_RATE) for waveform in waveforms])
            for title, waveforms in {"original": original, **sounds}.items()
        }
        print(f"{name}: median pitch in Hz of {pairs} low and {pairs} high voices, {arguments.frames} frames each")
        print(f"{'':12} " + " ".join(f"{title:>9}" for title in measured))
        for title, part in (("low voices", slice(0, pairs)), ("high voices", slice(pairs, None))):
            print(f"{title:12} " + " ".join(f"{finite_median(values[part]):9.0f}" for values in measured.values()))
        own, other = measured["own w"], measured["other's w"]
        shift = np.log(other / own) / np.log(np.roll(own, pairs) / own)
        print(f"moved {100 * finite_median(shift):.0f} % of the way to the pitch of the other (median of all voices)")
        shown = {
            f"{voice}, {title}": waveforms[i]
            for voice, i in (("low", 0), ("high", pairs))
            for title, waveforms in {"original": original, **sounds}.items()
        }
        if arguments.plot:
            plot_spectrograms(arguments.plot.with_stem(f"{arguments.plot.stem}_{name}"), shown, columns=3)
        if arguments.wav:
            arguments.wav.mkdir(parents=True, exist_ok=True)
            for title, waveform in shown.items():
                place = arguments.wav / f"{name}_{title.replace(', ', '_').replace(' ', '_')}.wav"
                write_audio(place, 0.9 * peak_one(waveform), SAMPLE_RATE)
