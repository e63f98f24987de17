"""Several directions at once in simulated rooms: ours against SRP-PHAT, MUSIC, NormMUSIC and FRIDA of pyroomacoustics.

python bench/audiovisual/directions.py --data FOLDER [--quick] [--frida] [--fit]

Every method is asked at the same times who speaks there now, within 10 degrees; a talker is active where their clean
voice is within 20 dB of its loud frames. A claim near somebody who spoke within the last 0.25 s, or will within 0.1 s,
is neither right nor wrong. Ours claims what it gives a probability above one half; the others have to be told how many
speak, which no robot knows, and so is ours in the rows marked "told". Speakers, noises and rooms are not those that
anything was tuned on. --fit: fits the probabilities (dvae/audiovisual/heard_probability.py) on those that are.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyroomacoustics
from static_rooms import RATE, REPORT, TUNE, StaticScene, program, simulate
from tqdm import tqdm

from dvae.arrays.angles import wrap
from dvae.arrays.directions import Directions
from dvae.audiovisual.heard_probability import evidence
from dvae.audiovisual.hearing import METHODS, Hearing, HearingConfig
from dvae.evaluation.table import Table
from dvae.signal.stft import STFT
from dvae.threads import use_one_thread

REVERBERATIONS, SNRS, TALKERS = (0.2, 0.4, 0.7), (0, 10, 20), (1, 2, 3)
NEAR, BEFORE, AFTER = np.radians(10.0), 0.25, 0.1
EVERY = 4  # of our frames is judged: every 128 ms
PEERS = ("SRP", "MUSIC", "NormMUSIC")
EDGES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class Case(NamedTuple):
    """A room: how many talk, noise, reverberation, which speakers."""

    talkers: int
    snr: int
    reverberation: float
    seed: int


class Claims(NamedTuple):
    """What a method says: its times (T,) in s, azimuths and probabilities of each, seconds of computing."""

    times: np.ndarray
    azimuth: list[np.ndarray]
    weight: list[np.ndarray]
    seconds: float


@dataclass
class Tally:
    """Counts of a method in some rooms."""

    right: int = 0
    wrong: int = 0
    true: int = 0
    errors: list[float] = field(default_factory=list)
    noise_claims: int = 0
    noise_frames: int = 0
    computing: float = 0.0
    sound: float = 0.0


def cases(seeds: range, snrs: tuple[int, ...] = SNRS) -> list[Case]:
    """All combinations, and rooms in which nobody speaks."""
    return [
        Case(talkers, snr, reverberation, seed)
        for seed in seeds
        for reverberation in REVERBERATIONS
        for talkers, snr in [(0, 10), *((n, snr) for n in TALKERS for snr in snrs)]
    ]


def ours(scene: StaticScene, method: str) -> Claims:
    """All directions that Hearing finds, however little it thinks of them."""
    hearing = Hearing(scene.positions, HearingConfig(direction_method=method, min_weight=0.0))
    began = time.process_time()
    heard = hearing.feed(scene.samples) + hearing.flush()
    seconds = time.process_time() - began
    return Claims(
        np.array([each.time for each in heard]),
        [each.azimuth for each in heard],
        [each.weight for each in heard],
        seconds,
    )


def peer(scene: StaticScene, name: str, times: np.ndarray, window: float = 0.3) -> Claims:
    """A method of pyroomacoustics on the frames within `window` around each time, told how many speak there."""
    stft = STFT()
    method = pyroomacoustics.doa.algorithms[name](
        scene.positions[:, :2].T, RATE, stft.n_fft, num_src=1, azimuth=np.radians(np.arange(0.0, 360.0, 3.0))
    )
    spectra = stft.analyse(scene.samples).transpose(0, 2, 1)  # (C, F, T)
    middles = ((np.arange(spectra.shape[2]) + 1) * stft.hop_length - 0.5 * stft.n_fft) / RATE
    azimuth, seconds = [], 0.0
    for at, speak in zip(times, active_at(scene, times).T, strict=True):
        found = np.zeros(0)
        if speak.any():
            block = np.ascontiguousarray(spectra[:, :, np.abs(middles - at) <= window / 2]).astype(np.complex128)
            began = time.process_time()
            method.locate_sources(block, num_src=int(speak.sum()), freq_range=[400.0, 4500.0])
            seconds += time.process_time() - began
            found = np.atleast_1d(method.azimuth_recon)
        azimuth.append(found)
    share = max(1, int(active_at(scene, times).any(axis=0).sum())) * 0.032  # as if at every 32 ms
    length = scene.samples.shape[1] / RATE
    return Claims(times, azimuth, [np.ones(each.size) for each in azimuth], seconds / share * length)


def active_at(scene: StaticScene, times: np.ndarray, before: float = 0.0, after: float = 0.0) -> np.ndarray:
    """Who speaks (N, T) at some time from `before` s before each of `times` to `after` s after it."""
    first, last = (np.searchsorted(scene.times, times + shift - 0.008) for shift in (-before, after))
    sums = np.concatenate([np.zeros((len(scene.active), 1), int), scene.active.cumsum(axis=1)], axis=1)
    end = np.minimum(last + 1, sums.shape[1] - 1)
    return (sums[:, end] - sums[:, np.minimum(first, end)]) > 0


def outcomes(
    scene: StaticScene, times: np.ndarray, azimuths: list[np.ndarray]
) -> Iterator[tuple[np.ndarray, list[float]]]:
    """For each time, of each claim in its order: 1 right, 0 wrong, -1 neither; and the errors of the right ones."""
    active, about = active_at(scene, times), active_at(scene, times, BEFORE, AFTER)
    for index, azimuth in enumerate(azimuths):
        free, free_about, errors = active[:, index].copy(), about[:, index].copy(), []
        result = np.zeros(azimuth.size, dtype=int)
        for claim, each in enumerate(azimuth):
            apart = np.abs(wrap(scene.azimuths - each))
            for marks, value in ((free, 1), (free_about & ~active[:, index], -1)):
                near = np.flatnonzero(marks & (apart < NEAR))
                if near.size:
                    who = near[np.argmin(apart[near])]
                    free[who] = free_about[who] = False
                    result[claim] = value
                    errors += [float(np.degrees(apart[who]))] * (value == 1)
                    break
        yield result, errors


def count(tally: Tally, scene: StaticScene, claims: Claims, told: bool) -> None:
    """Add a room to the counts; told: as many claims as people speak, else those that are probable."""
    chosen = np.arange(0, claims.times.size, EVERY) if claims.times.size > 100 else np.arange(claims.times.size)
    times, speak = claims.times[chosen], active_at(scene, claims.times[chosen])
    azimuths = []
    for place, index in enumerate(chosen):
        order = np.argsort(-claims.weight[index], kind="stable")
        number = int(speak[:, place].sum()) if told else int((claims.weight[index] > 0.5).sum())
        azimuths.append(claims.azimuth[index][order[:number]])
    tally.computing += claims.seconds
    tally.sound += scene.samples.shape[1] / RATE
    if not len(scene.azimuths):
        tally.noise_claims += sum(each.size for each in azimuths)
        tally.noise_frames += len(azimuths)
        return
    tally.true += int(speak.sum())
    for result, errors in outcomes(scene, times, azimuths):
        tally.right += int((result == 1).sum())
        tally.wrong += int((result == 0).sum())
        tally.errors += errors


def reliability(rows: list[tuple[float, int]]) -> None:
    """How often there was somebody, by the probability that was given."""
    given, right = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    table = Table("{probability of subband:>24} {claims:9d} {mean:8.3f} {true:8.3f}")
    print(table.header)
    for low, high in itertools.pairwise(EDGES):
        inside = (given >= low) & (given < high if high < 1 else given <= 1)
        if inside.any():
            print(table.row(f"{low:.2f} to {high:.2f}", int(inside.sum()), given[inside].mean(), right[inside].mean()))


def compare(data: Path, seeds: range, snrs: tuple[int, ...], frida: bool) -> None:
    """The tables."""
    tallies: dict[str, dict[tuple[str, float], Tally]] = {}
    calibration: list[tuple[float, int]] = []
    for case in tqdm(cases(seeds, snrs), unit="room", disable=None):
        scene = simulate(data, REPORT, case.seed, case.talkers, case.snr, case.reverberation, 8.0)
        found = {method: ours(scene, method) for method in ("subband", "srp")}
        times = found["subband"].times[::EVERY]
        rows = {f"ours, {name}": (claims, False) for name, claims in found.items()}
        rows |= {f"ours, {name}, told": (claims, True) for name, claims in found.items()}
        rows |= {f"{name}, told": (peer(scene, name, times), True) for name in PEERS}
        if frida:
            rows["FRIDA, told"] = (peer(scene, "FRIDA", times[::8]), True)
        for name, (claims, told) in rows.items():
            for key in (("all", 0.0), ("RT60", case.reverberation), ("SNR", case.snr), ("talkers", case.talkers)):
                count(tallies.setdefault(name, {}).setdefault(key, Tally()), scene, claims, told)
        first = found["subband"]
        for (result, _), weight in zip(outcomes(scene, first.times, first.azimuth), first.weight, strict=True):
            calibration += [(float(w), int(r)) for w, r in zip(weight, result, strict=True) if r >= 0]
    print_tallies(tallies)
    reliability(calibration)


def print_tallies(tallies: dict[str, dict[tuple[str, float], Tally]]) -> None:
    """All rooms, then F1 by condition."""
    table = Table(
        "{:22} {recall:7.3f} {precision:10.3f} {F1:6.3f} {error deg:10.1f} {claims in noise:16.3f} {RTF:7.3f}"
    )
    print(table.header)
    for name, found in tallies.items():
        t = found["all", 0.0]
        noise = t.noise_claims / max(1, t.noise_frames) if "told" not in name else None
        print(table.row(name, *scores(t), np.mean(t.errors), noise, t.computing / t.sound))
    keys = sorted({key for found in tallies.values() for key in found} - {("all", 0.0), ("talkers", 0)})
    table = Table("{F1:22}" + "".join(f"{{{kind} {value:g}:11.3f}}" for kind, value in keys))
    print(table.header)
    for name, found in tallies.items():
        print(table.row(name, *(scores(found[key])[2] for key in keys)))


def scores(tally: Tally) -> tuple[float, float, float]:
    """Recall, precision, F1."""
    recall = tally.right / max(1, tally.true)
    precision = tally.right / max(1, tally.right + tally.wrong)
    return recall, precision, 2 * recall * precision / max(1e-9, recall + precision)


class Learning(Hearing):
    """Keeps what tells that somebody is heard, and throws no direction away."""

    def __init__(self, scene: StaticScene, method: str) -> None:
        super().__init__(scene.positions, HearingConfig(direction_method=method, min_weight=0.0))
        self.evidence: list[np.ndarray] = []

    def weigh(self, found: Directions, speech: float, around: float) -> np.ndarray:
        self.evidence.append(evidence(found, speech, around))
        return np.ones(found.azimuth.size)


def fit(data: Path, seeds: range, method: str) -> np.ndarray:
    """Coefficients (7,) of the logistic regression, on the rooms that are for tuning."""
    rows, marks = [], []
    for case in tqdm(cases(seeds), unit="room", disable=None):
        scene = simulate(data, TUNE, case.seed, case.talkers, case.snr, case.reverberation, 8.0)
        hearing = Learning(scene, method)
        heard = hearing.feed(scene.samples)
        found = outcomes(scene, np.array([each.time for each in heard]), [each.azimuth for each in heard])
        marks += [result for result, _ in found]
        rows += hearing.evidence
    inputs, right = np.concatenate(rows), np.concatenate(marks)
    return logistic_regression(inputs[right >= 0], right[right >= 0])


def logistic_regression(inputs: np.ndarray, right: np.ndarray, steps: int = 30) -> np.ndarray:
    """Constant and slopes (D + 1,) for inputs (N, D), by Newton's method with a weak prior on the slopes."""
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-9
    design, beta = np.column_stack([np.ones(len(inputs)), (inputs - mean) / spread]), np.zeros(inputs.shape[1] + 1)
    for _ in range(steps):
        p = 1.0 / (1.0 + np.exp(-design @ beta))
        hessian = (design * (p * (1.0 - p) + 1e-6)[:, None]).T @ design + np.eye(beta.size)
        beta += np.linalg.solve(hessian, design.T @ (right - p) - beta)
    slopes = beta[1:] / spread
    return np.concatenate([[beta[0] - slopes @ mean], slopes])


def main() -> None:
    parser = program(__doc__)
    parser.add_argument("--quick", action="store_true", help="one room of each kind at 10 dB only")
    parser.add_argument("--rooms", type=int, default=3, help="of each kind")
    parser.add_argument("--frida", action="store_true", help="FRIDA too, at every eighth time: it is slow")
    parser.add_argument("--fit", action="store_true", help="fit the probabilities instead")
    arguments = parser.parse_args()
    use_one_thread()
    if arguments.fit:
        for method in METHODS:
            print(method, tuple(fit(arguments.data, range(arguments.rooms), method).round(3).tolist()))
        return
    quick = arguments.quick
    compare(arguments.data, range(1 if quick else arguments.rooms), (10,) if quick else SNRS, arguments.frida)


if __name__ == "__main__":
    main()
