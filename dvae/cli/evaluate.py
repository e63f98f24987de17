"""dvae-evaluate enhancement | tracking"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dvae.cli.common import add_data_option, run_command

SNRS = (0.0, 5.0, 10.0)
SECONDS = 8.0


def build_parser() -> argparse.ArgumentParser:
    """The options of dvae-evaluate."""
    parser = argparse.ArgumentParser(
        prog="dvae-evaluate", description="Score the shipped models, or yours, on data of yours."
    )
    tasks = parser.add_subparsers(dest="task", required=True)
    speech = tasks.add_parser(
        "enhancement",
        help="SI-SDR, PESQ and ESTOI of the streaming enhancer on mixtures of speech and noise",
        description="Mix every speech file with noise at each SNR, enhance in streaming mode, and print mean scores.",
    )
    add_data_option(speech)
    speech.add_argument(
        "--speech", type=Path, default=Path("speech/test"), help="folder below --data (default: %(default)s)"
    )
    speech.add_argument(
        "--noise", type=Path, default=Path("noise/test"), help="folder below --data (default: %(default)s)"
    )
    speech.add_argument("--snr", type=float, nargs="+", default=list(SNRS), metavar="DB", help="default: 0 5 10")
    speech.add_argument("--number", type=int, default=24, help="mixtures for each SNR (default: %(default)s)")
    speech.add_argument("--model", default="speech_enhancer", help="a shipped model or a folder (default: %(default)s)")
    speech.add_argument("--seed", type=int, default=7, help="of the choice of files (default: %(default)s)")
    tracking = tasks.add_parser(
        "tracking",
        help="MOTA, IDF1 and identity switches of the online tracker on MOTChallenge folders",
        description="Track the detections of every sequence below a folder and score the tracks against its truth "
        "(motmetrics, IoU 0.5).",
    )
    add_data_option(tracking)
    tracking.add_argument("--sequences", type=Path, required=True, help="folder of sequences, below --data")
    tracking.add_argument("--detections", required=True, help="name of the file in det/, without .txt")
    tracking.add_argument("--model", default="motion_srnn", help="a shipped model or a folder (default: %(default)s)")
    return parser


def below(root: Path | None, folder: Path) -> Path:
    """`folder` below the data folder, or as it is when that exists."""
    if folder.is_dir():
        return folder
    if root is None:
        raise ValueError(f"{folder} is not a folder: pass --data FOLDER or set DVAE_DATA")
    return root / folder


def evaluate_enhancement(arguments: argparse.Namespace) -> None:
    """Print one row for the noisy input and one for the enhancer."""
    import torch

    from dvae.data.crops import crop
    from dvae.data.mixtures import mix_at_snr
    from dvae.enhancement.model import Enhancer
    from dvae.enhancement.streaming import StreamingEnhancer
    from dvae.metrics.speech import speech_scores
    from dvae.models.checkpoint import load_model
    from dvae.models.store import find_model
    from dvae.signal.audio_file import list_audio, read_mono

    torch.set_num_threads(1)
    enhancer = StreamingEnhancer(load_model(Enhancer, find_model(arguments.model)))
    rate = enhancer.stft.sample_rate
    speech_files = list_audio(below(arguments.data, arguments.speech))
    noise_files = list_audio(below(arguments.data, arguments.noise))
    scores: dict[tuple[str, float], list[tuple[float, ...]]] = {}
    rng = np.random.default_rng(arguments.seed)
    seconds = processing = 0.0
    for index in tqdm(range(arguments.number), unit="mixture"):
        speech = read_mono(speech_files[int(rng.integers(len(speech_files)))], rate)[: int(SECONDS * rate)]
        noise = crop(read_mono(noise_files[index % len(noise_files)], rate), speech.size, rng)
        for snr in arguments.snr:
            mixture, reference = mix_at_snr(speech, noise, snr)
            scale = np.float32(0.9 / max(np.abs(mixture).max(), np.abs(reference).max()))
            began = time.process_time()
            estimate = np.concatenate([enhancer.feed(scale * mixture), enhancer.flush()])
            processing, seconds = processing + time.process_time() - began, seconds + speech.size / rate
            for name, signal in (("noisy", scale * mixture), ("enhanced", estimate)):
                scores.setdefault((name, snr), []).append(speech_scores(scale * reference, signal, rate))
    print(f"{arguments.number} mixtures for each SNR, streaming, latency {1e3 * enhancer.latency_seconds:.0f} ms")
    print(f"{'':10}" + "".join(f"{f'{snr:g} dB':>32}" for snr in arguments.snr))
    print(f"{'':10}" + "   SI-SDR PESQ-WB PESQ-NB  ESTOI" * len(arguments.snr))
    for name in ("noisy", "enhanced"):
        means = [np.nanmean(scores[name, snr], axis=0) for snr in arguments.snr]
        print(f"{name:10}" + "".join(f"{m[0]:9.2f}{m[1]:8.2f}{m[2]:8.2f}{m[3]:7.3f}" for m in means))
    print(f"real-time factor {processing / seconds:.3f} (one thread)")


def evaluate_tracking(arguments: argparse.Namespace) -> None:
    """Print one row for each sequence and one for all."""
    from dvae.data.motchallenge import FrameBoxes, by_frame, read_ground_truth, read_rows, read_sequence
    from dvae.metrics.tracking import tracking_scores
    from dvae.models.checkpoint import load_model
    from dvae.models.srnn import SRNN
    from dvae.models.store import find_model
    from dvae.tracking.online import OnlineTracker
    from dvae.tracking.tracks import TrackState

    root = below(arguments.data, arguments.sequences)
    folders = sorted(
        p.parent.parent
        for p in root.glob("*/gt/gt.txt")
        if (p.parent.parent / "det" / f"{arguments.detections}.txt").is_file()
    )
    if not folders:
        raise ValueError(f"expected sequences with gt/gt.txt and det/{arguments.detections}.txt below {root}, got none")
    model = load_model(SRNN, find_model(arguments.model))
    results: dict[str, tuple[list[FrameBoxes], list[FrameBoxes]]] = {}
    steps: list[float] = []
    for folder in tqdm(folders, unit="sequence"):
        sequence = read_sequence(folder)
        truth = by_frame(read_ground_truth(folder / "gt" / "gt.txt"), sequence.num_frames)
        tracker = OnlineTracker(model, image_size=sequence.image_size)
        result = []
        for index, frame in enumerate(
            by_frame(read_rows(folder / "det" / f"{arguments.detections}.txt"), sequence.num_frames)
        ):
            began = time.perf_counter()
            tracks = tracker.update(frame.boxes, index / sequence.frames_per_second, frame.scores)
            steps.append(time.perf_counter() - began)
            seen = tracks.state == TrackState.CONFIRMED
            result.append(FrameBoxes(tracks.boxes[seen], tracks.track_id[seen], tracks.confidence[seen]))
        results[sequence.name] = (truth, result)
    print(f"{'sequence':24}   MOTA   MOTP   IDF1  switches  tracked  lost      FP      FN")
    for name, chosen in [*((name, {name: results[name]}) for name in results), ("all", results)]:
        s = tracking_scores(chosen)
        counts = f"{s.switches:9d} {s.mostly_tracked:8d} {s.mostly_lost:5d} {s.false_positives:7d} {s.misses:7d}"
        print(f"{name:24} {s.mota:6.2f} {s.motp:6.2f} {s.idf1:6.2f} {counts}")
    p50, p99 = 1e3 * np.percentile(steps, [50, 99])
    print(f"step p50 {p50:.2f} ms, p99 {p99:.2f} ms")


def command(arguments: argparse.Namespace) -> None:
    """Evaluate as the arguments say."""
    {"enhancement": evaluate_enhancement, "tracking": evaluate_tracking}[arguments.task](arguments)


def main() -> int:
    """Entry point."""
    return run_command(command, build_parser())


if __name__ == "__main__":
    raise SystemExit(main())
