"""Several microphones in a simulated room: error of the direction, and what the beams are worth.

python bench/enhancement/beams.py --data FOLDER [--plot FILE]

Four microphones on a circle of 4.5 cm radius, talker 1 to 2 m away anywhere around, noise of three recordings from
three other places at 5 dB, reverberation time 0.4 s. The direct sound at the first microphone is the reference,
so that what a beam takes from the room's reverberation counts for it.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pyroomacoustics
from testset import program
from tqdm import tqdm

from dvae.enhancement.microphones import MicrophoneConfig
from dvae.enhancement.step import load_enhancer
from dvae.enhancement.streaming import StreamingEnhancer
from dvae.evaluation.metrics.speech import speech_scores
from dvae.evaluation.table import Table
from dvae.signal.audio_file import read_mono
from dvae.signal.audio_folder import list_audio
from dvae.threads import use_one_thread

RATE = 16000
CIRCLE = [(0.045 * np.cos(a), 0.045 * np.sin(a), 0.0) for a in np.pi / 4 + np.pi / 2 * np.arange(4)]
GEOMETRY = "; ".join(" ".join(f"{x:.5f}" for x in place) for place in CIRCLE)


def simulate(data: Path, seed: int, snr: float, seconds: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Microphone signals (4, S), the direct sound of the speech at the first (S,), and the azimuth in rad."""
    rng = np.random.default_rng(seed)
    speech, noise = list_audio(data / "speech/test_other"), list_audio(data / "noise/test")
    samples = int(6 * RATE)
    clean = read_mono(speech[int(rng.integers(len(speech)))], RATE)
    clean = np.tile(clean, -(-samples // clean.size))[:samples]
    size = rng.uniform([5, 4, 2.5], [8, 6, 3.2])
    absorption, order = pyroomacoustics.inverse_sabine(seconds, size)
    centre = size * [0.5, 0.5, 0.45] + rng.uniform(-0.3, 0.3, 3)
    azimuth, distance = rng.uniform(-np.pi, np.pi), rng.uniform(1.0, 2.0)
    places = [centre + distance * np.array([np.cos(azimuth), np.sin(azimuth), 0.0])]
    places += [rng.uniform(0.08, 0.92, 3) * size for _ in range(3)]
    signals = [clean]
    for _ in range(3):
        recording = read_mono(noise[int(rng.integers(len(noise)))], RATE)
        recording = np.tile(recording, -(-samples // recording.size))[:samples]
        signals.append(recording / (recording.std() + 1e-9))
    parts = []
    for place, signal in zip(places, signals, strict=True):
        room = pyroomacoustics.ShoeBox(
            size, fs=RATE, materials=pyroomacoustics.Material(absorption), max_order=min(order, 15)
        )
        room.add_source(place, signal=signal)
        room.add_microphone_array((centre + CIRCLE).T)
        room.simulate()
        parts.append(room.mic_array.signals[:, :samples])
    free = pyroomacoustics.ShoeBox(size, fs=RATE, max_order=0)
    free.add_source(places[0], signal=clean)
    free.add_microphone_array((centre + CIRCLE).T)
    free.simulate()
    target, rest, direct = parts[0], sum(parts[1:]), free.mic_array.signals[0, :samples]
    rest *= np.sqrt(np.square(target).mean() / np.square(rest).mean() / 10 ** (snr / 10))
    scale = 0.5 / np.abs(target + rest).max()
    return (scale * (target + rest)).astype(np.float32), (scale * direct).astype(np.float32), float(azimuth)


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("--rooms", type=int, default=20)
    parser.add_argument("--snr", type=float, default=5.0)
    parser.add_argument("--reverberation", type=float, default=0.4, help="s")
    arguments = parser.parse_args()
    use_one_thread()
    model = load_enhancer("quality")
    errors: list[np.ndarray] = []
    rows: dict[str, list[tuple[float, ...]]] = {}
    for seed in tqdm(range(arguments.rooms), unit="room"):
        signals, clean, azimuth = simulate(arguments.data, seed, arguments.snr, arguments.reverberation)
        for mode in ("one microphone", "delay_and_sum", "mvdr"):
            began = time.process_time()
            if mode == "one microphone":
                enhancer = StreamingEnhancer(model)
                out = np.concatenate([enhancer.feed(signals[0]), enhancer.flush()])
            else:
                array = MicrophoneConfig(channel_mode=mode, microphone_positions=GEOMETRY)
                enhancer = StreamingEnhancer(model, microphones=array)
                out = np.concatenate([enhancer.feed(signals), enhancer.flush()])
            cost = (time.process_time() - began) / (signals.shape[1] / RATE)
            frames = enhancer.pop_activity()
            if mode == "mvdr":
                found = np.array([f.azimuth for f in frames[30:] if f.probability > 0.5])
                errors.append(np.degrees(np.abs(np.angle(np.exp(1j * (found - azimuth))))))
            scores = speech_scores(clean[RATE:], out[RATE:], RATE)
            rows.setdefault(mode, []).append((scores.si_sdr, scores.pesq_wb, scores.estoi, cost))
        scores = speech_scores(clean[RATE:], signals[0, RATE:], RATE)
        rows.setdefault("noisy", []).append((scores.si_sdr, scores.pesq_wb, scores.estoi, 0.0))
    joined = np.concatenate(errors)
    medians = np.array([np.median(e) for e in errors if e.size])
    print(
        f"direction, {joined.size} speech frames in {arguments.rooms} rooms: median error {np.median(joined):.1f} deg, "
        f"within 10 degrees {100 * (joined < 10).mean():.0f} %; median of the rooms' medians {np.median(medians):.1f}"
    )
    table = Table("{:16} {SI-SDR:6.2f} {PESQ:5.2f} {ESTOI:6.3f} {RTF:6.3f}")
    print(table.header)
    for name, found in rows.items():
        print(table.row(name, *np.mean(found, axis=0)))


if __name__ == "__main__":
    main()
