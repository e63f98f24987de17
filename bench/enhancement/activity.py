"""Speech activity: area under the ROC curve of the enhancer's probability, webrtcvad and Silero VAD, by frame.

python bench/enhancement/activity.py --data FOLDER

Truth comes from the clean speech (dvae.signal.level.active_frames: within 20 dB of its loud frames), on mixtures of
speakers and noises that were not trained on. Every detector is asked about the same instants, every 16 ms; a detector
that decides for longer stretches holds its value. Delays are not hidden: a frame's score may use what the detector had
heard `--delay` seconds after it, the same for all.
"""

from __future__ import annotations

import numpy as np
from peers import DETECTORS, RATE
from scipy.stats import rankdata
from testset import program, read_mixtures
from tqdm import tqdm

from dvae.enhancement.config import PRESETS
from dvae.enhancement.streaming import StreamingEnhancer
from dvae.evaluation.table import Table
from dvae.signal.level import active_frames
from dvae.signal.stft import STFT
from dvae.threads import use_one_thread


def ours(preset: str):
    """(S,) -> times at which scores are out, scores."""
    enhancer = StreamingEnhancer.load(preset)
    hop = enhancer.stft.hop_length / RATE

    def run(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        enhancer.feed(waveform)
        enhancer.flush()
        scores = np.array([frame.probability for frame in enhancer.pop_activity()])
        return (np.arange(len(scores)) + 1 + enhancer.lookahead) * hop, scores

    return run


def area_under_curve(truth: np.ndarray, score: np.ndarray) -> float:
    """Probability that a speech frame scores above a pause, ties half."""
    ranks, positive = rankdata(score), int(truth.sum())
    return (ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * (truth.size - positive))


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("--delay", type=float, nargs="+", default=[0.05, 0.1, 0.25], help="s after the end of a frame")
    arguments = parser.parse_args()
    use_one_thread()
    detectors = {f"ours, {name}": ours(name) for name in PRESETS} | {name: make() for name, make in DETECTORS.items()}
    stft = STFT()
    rows: dict[tuple[str, float], dict[int, list[tuple[np.ndarray, np.ndarray]]]] = {}
    for mixture in tqdm(read_mixtures(arguments.data), unit="mixture"):
        truth = active_frames(np.square(np.abs(stft.analyse(mixture.clean))).mean(-1))
        ends = (np.arange(truth.size) + 1) * stft.hop_length / RATE - 0.5 * stft.n_fft / RATE  # centres of the frames
        for name, run in detectors.items():
            times, scores = run(mixture.noisy)
            for delay in arguments.delay:
                index = np.clip(np.searchsorted(times, ends + delay, side="right") - 1, 0, scores.size - 1)
                rows.setdefault((name, delay), {}).setdefault(mixture.snr, []).append((truth, scores[index]))
    snrs = sorted({snr for found in rows.values() for snr in found})
    table = Table("{ROC-AUC:20} {delay ms:8.0f}" + "".join(f"{{{snr:+d} dB:7.3f}}" for snr in snrs))
    print(table.header)
    for (name, delay), found in rows.items():
        areas = [area_under_curve(*map(np.concatenate, zip(*found[snr], strict=True))) for snr in snrs]
        print(table.row(name, 1e3 * delay, *areas))


if __name__ == "__main__":
    main()
