"""The fixed test set, and the same in simulated rooms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dvae.evaluation.fixed_mixtures import SAMPLE_RATE, FixedMixture, fixed_mixtures
from dvae.signal.audio_file import list_audio

SNRS = (-5, 0, 5, 10)


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
    from dvae.evaluation.metrics.speech import speech_scores

    clean, estimate = job
    found = speech_scores(clean, aligned(estimate, clean), SAMPLE_RATE)
    return found.si_sdr, found.pesq_wb, found.estoi


def print_table(rows: dict[str, dict[int, list[tuple[float, float, float]]]], extra: dict[str, str]) -> None:
    """One row for each method: means of the scores at each SNR, and `extra` behind them."""
    snrs = sorted(next(iter(rows.values())))
    print(f"{'':30}" + "".join(f"{f'{snr:+d} dB':>24}" for snr in snrs))
    print(f"{'':30}" + "   SI-SDR   PESQ   ESTOI" * len(snrs))
    for name, found in rows.items():
        means = [np.nanmean(found[snr], axis=0) for snr in snrs]
        print(f"{name:30}" + "".join(f"{m[0]:9.2f}{m[1]:7.2f}{m[2]:8.3f}" for m in means) + f"  {extra.get(name, '')}")
