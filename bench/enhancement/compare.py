"""The enhancer beside what robots use today, on the fixed test set: quality, cost, and a picture.

python bench/enhancement/compare.py --data FOLDER [--rooms] [--speech DIR] [--noise DIR] [--plot FILE]

Every method runs as it would on a robot, frame by frame and at its defaults; its delay is taken out before scoring.
Real-time factors are of one thread. --rooms puts both speech and noise into simulated rooms.
"""

from __future__ import annotations

import time
from pathlib import Path

from peers import PEERS
from testset import SNRS, Rows, print_table, program, read_mixtures, score_all
from tqdm import tqdm

from dvae.enhancement.config import PRESETS
from dvae.evaluation.enhancers import oracle, streaming
from dvae.evaluation.fixed_mixtures import SAMPLE_RATE
from dvae.threads import use_one_thread


def plot(rows: Rows, path: Path) -> None:
    """Mean gain over the noisy input in each score, a line for each method."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6))
    for axis, index, title in zip(axes, range(3), ("SI-SDR [dB]", "PESQ wide band", "ESTOI"), strict=True):
        for name, found in rows.items():
            if name == "oracle Wiener filter":
                continue
            values = [found[snr][index] for snr in SNRS]
            own = name.startswith("ours")
            axis.plot(SNRS, values, "o-" if own else ".--", lw=2 if own else 1, label=name)
        axis.set(title=title, xlabel="SNR of the input [dB]", xticks=SNRS)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("--speech", default="speech/test_other", help="folder below --data (%(default)s)")
    parser.add_argument("--noise", default="noise/test", help="folder below --data (%(default)s)")
    parser.add_argument("--rooms", action="store_true")
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    use_one_thread()
    mixtures = list(read_mixtures(arguments.data, arguments.speech, arguments.noise, arguments.rooms))
    estimates = {
        "noisy": [mixture.noisy for mixture in mixtures],
        "oracle Wiener filter": oracle(mixtures).estimates,
    }
    seconds, cost = sum(mixture.noisy.size for mixture in mixtures) / SAMPLE_RATE, {}
    for preset in PRESETS:
        found = streaming(preset)(mixtures)
        estimates[f"ours, {preset}"] = found.estimates
        cost[f"ours, {preset}"] = f"RTF {found.seconds / seconds:.4f}"
    for name, make in PEERS.items():
        run = make()
        began = time.process_time()
        estimates[name] = [run(mixture.noisy) for mixture in tqdm(mixtures, desc=name, leave=False)]
        cost[name] = f"RTF {(time.process_time() - began) / seconds:.4f}"
    rows = score_all(mixtures, estimates)
    where = " in simulated rooms" if arguments.rooms else ""
    print(f"{arguments.speech} in {arguments.noise}{where}, {len(mixtures) // len(SNRS)} mixtures for each SNR")
    print_table(rows, cost)
    if arguments.plot:
        plot(rows, arguments.plot)


if __name__ == "__main__":
    main()
