"""Echo cancellation in a simulated room: reduction of the echo alone, and of it while somebody speaks.

python bench/enhancement/echo.py --data FOLDER

A loudspeaker 0.45 m from the microphone plays speech, reverberation time 0.3 s, echo as loud as the near speech. The
peer is SpeexDSP's canceller with its residual suppression (package pyaec).
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pyaec
import pyroomacoustics
from testset import aligned, program

from dvae.arrays.echo_canceller import EchoCanceller, EchoConfig, echo_reduction_db
from dvae.enhancement.streaming import StreamingEnhancer
from dvae.evaluation.metrics.speech import speech_scores
from dvae.evaluation.table import Table
from dvae.signal.audio_file import read_mono
from dvae.signal.audio_folder import list_audio
from dvae.threads import use_one_thread

RATE, BLOCK = 16000, 256


def simulate(data: Path, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """far (loudspeaker), its echo and the near speech at the microphone, each (S,); near speech from 10 s to 20 s."""
    rng = np.random.default_rng(seed)
    files = list_audio(data / "speech/test_other")
    far, near = (
        np.concatenate([read_mono(files[i], RATE) for i in rng.permutation(len(files))[:8]])[: 20 * RATE]
        for _ in range(2)
    )
    size = rng.uniform([3.5, 3, 2.4], [7, 5, 3])
    absorption, order = pyroomacoustics.inverse_sabine(0.3, size)
    place = 0.5 * size
    signals = []
    for source, signal in (((0.3, 0.3, -0.15), far), ((1.0, -0.6, 0.2), near)):
        room = pyroomacoustics.ShoeBox(
            size, fs=RATE, materials=pyroomacoustics.Material(absorption), max_order=min(order, 15)
        )
        room.add_source(place + source, signal=signal)
        room.add_microphone(place)
        room.simulate()
        signals.append(room.mic_array.signals[0, : far.size])
    echo, near = (0.05 * signal / signal.std() for signal in signals)
    near[: 10 * RATE] = 0.0
    return (0.1 * far / far.std()).astype(np.float32), echo.astype(np.float32), near.astype(np.float32)


def main() -> None:
    parser = program(__doc__)
    arguments = parser.parse_args()
    use_one_thread()
    rows: dict[str, list[tuple[float, ...]]] = {}
    for seed in range(6):
        far, echo, near = simulate(arguments.data, seed)
        noise = 1e-4 * np.random.default_rng(seed).standard_normal(far.size).astype(np.float32)
        microphone = echo + near + noise
        starts = range(0, far.size - BLOCK + 1, BLOCK)
        canceller = EchoCanceller(EchoConfig(), 1, BLOCK, RATE)
        speex = pyaec.Aec(BLOCK, 4096, RATE, True)

        def by_speex(mic: np.ndarray, ref: np.ndarray, speex: pyaec.Aec = speex) -> np.ndarray:
            blocks = ((x * 32767).astype(np.int16).tolist() for x in (mic, ref))
            return np.array(speex.cancel_echo(*blocks), dtype=np.float32) / 32767

        cancellers = {
            "ours": lambda mic, ref, c=canceller: c.step(mic[None], ref)[0],
            "SpeexDSP": by_speex,
        }
        for name, step in cancellers.items():
            began = time.process_time()
            out = np.concatenate([step(microphone[i : i + BLOCK], far[i : i + BLOCK]) for i in starts])
            cost = (time.process_time() - began) / (far.size / RATE)
            alone = [slice(a * RATE, b * RATE) for a, b in ((1, 3), (5, 10))]
            both = slice(12 * RATE, 20 * RATE)
            before, after = (speech_scores(near[both], aligned(x, near)[both], RATE) for x in (microphone, out))
            values = [echo_reduction_db(microphone[s], out[s]) for s in alone]
            rows.setdefault(name, []).append(
                (*values, before.si_sdr, after.si_sdr, before.pesq_wb, after.pesq_wb, cost)
            )
        enhancer = StreamingEnhancer.load("quality", echo=EchoConfig())
        began = time.process_time()
        out = np.concatenate([enhancer.feed(microphone, far), enhancer.flush()])
        cost = (time.process_time() - began) / (far.size / RATE)
        values = [echo_reduction_db(microphone[s], out[s]) for s in alone]
        after = speech_scores(near[both], out[both], RATE)
        row = (*values, before.si_sdr, after.si_sdr, before.pesq_wb, after.pesq_wb, cost)
        rows.setdefault("ours + enhancer", []).append(row)
    print("echo alone: reduction in dB after 1-3 s and 5-10 s; near speech over it: SI-SDR and PESQ-WB before -> after")
    table = Table(
        "{:16}{1-3 s:6.1f}{5-10 s:7.1f}   SI-SDR {before:6.2f} -> {after:6.2f}"
        "   PESQ {before:6.2f} -> {after:6.2f}{RTF:9.4f}"
    )
    print(table.header)
    for name, found in rows.items():
        print(table.row(name, *np.mean(found, axis=0)))


if __name__ == "__main__":
    main()
