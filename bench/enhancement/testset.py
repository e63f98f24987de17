"""The fixed test set, and the same in simulated rooms."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from dvae.evaluation.fixed_mixtures import SAMPLE_RATE, FixedMixture, fixed_mixtures
from dvae.evaluation.metrics.speech import speech_scores
from dvae.evaluation.table import Table
from dvae.signal.audio_folder import list_audio

SNRS = (-5, 0, 5, 10)
Rows = dict[str, dict[int, np.ndarray]]  # method -> SNR -> means of SI-SDR, PESQ wide band, ESTOI


def program(description: str | None) -> argparse.ArgumentParser:
    """The options of a benchmark that needs the data sets: --data, by default the environment variable DVAE_DATA."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = os.environ.get("DVAE_DATA")
    parser.add_argument("--data", type=Path, default=Path(folder) if folder else None, required=not folder)
    return parser


def read_mixtures(
    data: Path, speech: str = "speech/test_other", noise: str = "noise/test", in_rooms: bool = False
) -> Iterator[FixedMixture]:
    """24 mixtures at each of four SNRs, of speakers and noises that nothing was trained on."""
    files = [list_audio(Path(data) / folder) for folder in (speech, noise)]
    return fixed_mixtures(files[0], files[1], 24, SNRS, place=in_a_room if in_rooms else None)


def in_a_room(clean: np.ndarray, noise: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Both from random places of a random room, reverberation time 0.2 to 0.5 s; the reverberant speech is the
    truth.
    """
    import pyroomacoustics

    rng = np.random.default_rng((7, index))
    size = rng.uniform([3, 3, 2.4], [8, 6, 3.2])
    absorption, order = pyroomacoustics.inverse_sabine(rng.uniform(0.2, 0.5), size)
    microphone, parts = rng.uniform(0.3, 0.7, 3) * size, []
    for source in (clean, noise):
        material = pyroomacoustics.Material(absorption)
        room = pyroomacoustics.ShoeBox(size, fs=SAMPLE_RATE, materials=material, max_order=min(order, 12))
        room.add_source(rng.uniform(0.1, 0.9, 3) * size, signal=source)
        room.add_microphone(microphone)
        room.simulate()
        parts.append(room.mic_array.signals[0, : source.size])
    return parts[0], parts[1]


def aligned(estimate: np.ndarray, reference: np.ndarray, limit: int = 1200) -> np.ndarray:
    """The estimate without its delay (0 to 75 ms, the best match), as long as the reference."""
    size = 1 << int(np.ceil(np.log2(estimate.size + reference.size)))
    match = np.fft.irfft(np.fft.rfft(estimate, size) * np.conj(np.fft.rfft(reference, size)), size)[:limit]
    estimate = estimate[int(np.argmax(match)) :][: reference.size]
    return np.pad(estimate, (0, reference.size - estimate.size))


def score(job: tuple[np.ndarray, np.ndarray]) -> tuple[float, float, float]:
    """(clean, estimate) -> SI-SDR, PESQ wide band, ESTOI; a function of one argument, for a pool of processes."""
    clean, estimate = job
    found = speech_scores(clean, aligned(estimate, clean), SAMPLE_RATE)
    return found.si_sdr, found.pesq_wb, found.estoi


def score_all(mixtures: Sequence[FixedMixture], estimates: Mapping[str, Sequence[np.ndarray]]) -> Rows:
    """Method -> one estimate (S,) for each mixture, scored on all cores."""
    rows: Rows = {}
    with ProcessPoolExecutor() as pool:
        for name, found in estimates.items():
            jobs = [(mixture.clean, estimate) for mixture, estimate in zip(mixtures, found, strict=True)]
            results = list(tqdm(pool.map(score, jobs, chunksize=4), total=len(jobs), desc=name, leave=False))
            for snr in SNRS:
                chosen = [result for mixture, result in zip(mixtures, results, strict=True) if mixture.snr == snr]
                rows.setdefault(name, {})[snr] = np.nanmean(chosen, axis=0)
    return rows


def print_table(rows: Rows, extra: Mapping[str, str]) -> None:
    """One row for each method, with `extra` behind it."""
    print(Table("{:30}" + "{:>24}" * len(SNRS)).row("", *(f"{snr:+d} dB" for snr in SNRS)))
    table = Table("{:30}" + "{SI-SDR:9.2f}{PESQ:7.2f}{ESTOI:8.3f}" * len(SNRS) + "  {:16}")
    print(table.header)
    for name, means in rows.items():
        print(table.row(name, *(value for snr in SNRS for value in means[snr]), extra.get(name)))
