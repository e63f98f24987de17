"""Who speaks, in simulated scenes: the chain of the nodes from samples and boxes to voices that are matched to people.

python bench/audiovisual/scenes.py [--quick] [--data FOLDER] [--rows NAME ...] [--seeds N] [--tune]

Every row is a kind of scene (`simulate.py`), drawn anew for each seed. `nearest` is what one does without this: speech
activity and the strongest direction, given to the nearest track. Scores: dvae/evaluation/metrics/speaking.py; in
brackets the 95 % interval over scenes (bootstrap). alarms: of the time in which nobody speaks, in how much somebody is
said to.
The seeds and the recordings of --tune are others than those of the report.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from chains import CHAINS, Said
from simulate import TUNE, SceneConfig, SimulatedScene, simulate
from talk import FRAME, RATE
from tqdm import tqdm
from walk import who_is

from dvae.arrays.angles import wrap
from dvae.evaluation.metrics.speaking import (
    NO_PERSON,
    SILENT,
    UNMATCHED,
    MatchCounts,
    SpeakingCounts,
    added,
    added_matches,
    match_counts,
    speaking_counts,
)
from dvae.evaluation.table import Table
from dvae.threads import use_one_thread

STEP = FRAME / RATE
NEAR = np.radians(15.0)  # a speaker who is heard only counts as the person in this direction
GOAL = "2 people, 30 deg"
ROWS = {
    GOAL: SceneConfig(),
    "10 deg apart": SceneConfig(angle=10.0),
    "20 deg apart": SceneConfig(angle=20.0),
    "3 people, 25 deg": SceneConfig(number=3, angle=25.0),
    "4 people, 20 deg": SceneConfig(number=4, angle=20.0),
    "RT60 0.2 s": SceneConfig(reverberation=0.2),
    "RT60 0.7 s": SceneConfig(reverberation=0.7),
    "0 dB": SceneConfig(snr=0.0),
    "20 dB": SceneConfig(snr=20.0),
    "faces dropped 50 %": SceneConfig(missed=0.5),
    "one walks out and back": SceneConfig(leaving=True),
    "and one out of view": SceneConfig(number=3, outside=1),
    "nobody speaks": SceneConfig(talking=False),
}


class Score(NamedTuple):
    """Of one scene by one chain."""

    speaking: SpeakingCounts  # without a collar
    collar: SpeakingCounts  # of 250 ms
    matches: MatchCounts
    alarms: float  # 20 ms frames in which somebody is said to speak and nobody does
    quiet: float  # 20 ms frames in which nobody speaks
    minutes: float


def score(scene: SimulatedScene, said: Sequence[Said]) -> Score:
    """What is said of a scene against its truth, on a grid of 20 ms: what was said last counts until the next."""
    people, frames = scene.speaking.shape
    found, nobody = np.zeros((people, frames), dtype=bool), np.zeros(frames, dtype=np.int64)
    voices = sorted({int(v) for each in said for v in each.voice})
    claims = np.full((max(1, len(voices)), frames), SILENT, dtype=np.int64)
    grid = STEP * (np.arange(frames) + 0.5)
    begin = np.searchsorted(grid, [each.time for each in said])
    known, whose = grid.copy(), dict[int, int]()
    for each, first, end in zip(said, begin, [*begin[1:], frames], strict=True):
        image = min(int(np.searchsorted([f.time for f in scene.frames], each.time - 1e-6)), len(scene.frames) - 1)
        now = who_is(each.boxes, scene.true_boxes[image])
        whose.update({int(i): int(person) for i, person in zip(each.track_id, now, strict=True) if person >= 0})
        known[first:end] = each.known
        speak: set[int] = set()
        for voice, track in zip(each.voice, each.track, strict=True):
            person = whose.get(int(track), NO_PERSON) if track else UNMATCHED
            claims[voices.index(int(voice)), first:end] = person
            if track:
                speak.add(person)
        for azimuth in each.azimuth[each.track == 0]:
            away = np.abs(wrap(scene.azimuth[:, image] - azimuth))
            away[[person for person in speak if person >= 0]] = np.inf
            speak.add(int(away.argmin()) if away.min() < NEAR else -2 - len(speak))
        found[[person for person in speak if person >= 0], first:end] = True
        nobody[first:end] = sum(person < 0 for person in speak)
    in_view = np.isfinite(scene.true_boxes[..., 0])
    images = np.minimum((grid * len(scene.frames) / (frames * STEP)).astype(int), len(scene.frames) - 1)
    quiet = ~scene.speaking.any(axis=0)
    return Score(
        speaking_counts(scene.speaking, found, nobody, STEP, 0.0),
        speaking_counts(scene.speaking, found, nobody, STEP, 0.25),
        match_counts(scene.speaking, in_view[images].T, claims, known, STEP),
        float((quiet & (found.any(axis=0) | (nobody > 0))).sum()),
        float(quiet.sum()),
        frames * STEP / 60,
    )


MEASURES: dict[str, Callable[[Sequence[Score]], float]] = {
    "F1": lambda s: added([x.speaking for x in s]).f1,
    "DER": lambda s: 100 * added([x.speaking for x in s]).der,
    "DER 250": lambda s: 100 * added([x.collar for x in s]).der,
    "right %": lambda s: 100 * added_matches([x.matches for x in s]).right_rate,
    "false %": lambda s: 100 * added_matches([x.matches for x in s]).false_rate,
    "time s": lambda s: added_matches([x.matches for x in s]).time_to_match,
    "switches": lambda s: added_matches([x.matches for x in s]).switches / sum(x.minutes for x in s),
    "alarms %": lambda s: 100 * sum(x.alarms for x in s) / max(1.0, sum(x.quiet for x in s)),
}


def with_interval(measure: Callable[[Sequence[Score]], float], scores: Sequence[Score], digits: int) -> str:
    """The value over all scenes, and the 95 % interval of 500 draws of as many scenes."""
    value, draw = measure(scores), np.random.default_rng(0)
    if np.isnan(value):
        return "-"
    with np.errstate(invalid="ignore"):
        drawn = [measure([scores[i] for i in draw.integers(0, len(scores), len(scores))]) for _ in range(500)]
        low, high = np.nanquantile(drawn, [0.025, 0.975], method="nearest")
    return f"{value:.{digits}f} [{low:.{digits}f} {high:.{digits}f}]"


def run(job: tuple[SceneConfig, int], data: Path, chains: Sequence[str]) -> dict[str, tuple[Score, float]]:
    """One scene through each chain: the score, and its processing time as a part of the time that the scene lasts."""
    scene, found = simulate(job[0], job[1], data), {}
    for name in chains:
        began = time.process_time()
        said = CHAINS[name](scene)
        found[name] = score(scene, said), (time.process_time() - began) / job[0].seconds
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("DVAE_DATA"), required="DVAE_DATA" not in os.environ
    )
    parser.add_argument("--quick", action="store_true", help="12 scenes of the goal, 2 of each other kind")
    parser.add_argument("--seeds", type=int, help="scenes of each kind (20)")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="NAME", help="; ".join(ROWS))
    parser.add_argument("--chains", nargs="+", choices=CHAINS, default=list(CHAINS))
    parser.add_argument("--tune", action="store_true", help="scenes to choose settings on: other speech, noise, rooms")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    use_one_thread()
    widths = {"F1": 18, "time s": 18}
    table = Table(
        "{scene:24}{chain:>9}" + "".join(f"{{{name}:>{widths.get(name, 20)}}}" for name in MEASURES) + "{RTF:7.3f}"
    )
    print(table.header, flush=True)
    goal: list[Score] = []
    work = partial(run, data=Path(arguments.data), chains=arguments.chains)
    with ProcessPoolExecutor(arguments.jobs, initializer=use_one_thread) as pool:
        for name in arguments.rows:
            number = arguments.seeds or ((12 if name == GOAL else 2) if arguments.quick else 20)
            config = replace(ROWS[name], part=TUNE) if arguments.tune else ROWS[name]
            seeds = range(arguments.first_seed, arguments.first_seed + number)
            jobs = pool.map(work, [(config, seed) for seed in seeds])
            results = list(tqdm(jobs, total=number, desc=name, leave=False, disable=None))
            for chain in arguments.chains:
                scores = [result[chain][0] for result in results]
                cells = [with_interval(f, scores, 2 if key in ("F1", "time s") else 1) for key, f in MEASURES.items()]
                print(table.row(name, chain, *cells, np.mean([result[chain][1] for result in results])), flush=True)
                if name == GOAL and chain == "ours":
                    goal = scores
    if goal:
        f1, right, false = (MEASURES[name](goal) for name in ("F1", "right %", "false %"))
        print(f"speaking F1 {f1:.3f}, right match {right:.1f} %, false match {false:.1f} %")


if __name__ == "__main__":
    main()
