"""kill -9 at random moments: what is left can be read or is not there, and the work can go on."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import samples
import soundfile
import yaml
from outcome import Effort, Outcome
from programs import Run, finish, run, start
from rosbags.highlevel import AnyReader
from storm_files import warm_up
from tqdm import tqdm

from dvae.models.store.checkpoint import load_as
from dvae.models.trajectory_srnn import TrajectorySRNN

PATIENCE = 120.0  # s for one run
NUM_FILES, FILE_SECONDS = 8, 6.0
RECIPE = {
    "name": "small_motion", "task": "motion", "summary": "for a check", "model": {},
    "data": {"num_train": 64, "num_valid": 32, "max_noise": 0.1, "max_wander": 0.01, "wander_tails": 4.0,
             "observation_ratio": 0.06, "max_speed": 2.0, "max_step": 0.4},
    "optimisation": {"epochs": 5, "batch_size": 32, "num_frames": 16, "kl_warmup_epochs": 2, "learning_rate": 0.01,
                     "sampling_start_epoch": 0, "sampling_end_epoch": 2},
    "card": {"licence": "Apache-2.0"},
}  # fmt: skip


class Victim(NamedTuple):
    """A program that is killed: its input, its arguments, and what must hold after the kill and after going on."""

    program: str
    prepare: Callable[[Path], None]
    arguments: Callable[[Path], list[object]]
    left: Callable[[Path, float], str]  # after the kill; seconds it ran -> what was left, or an AssertionError
    go_on: Callable[[Path], list[object]]
    done: Callable[[Path], None]


def prepare_training(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))


def training(folder: Path) -> list[object]:
    return [folder / "recipe.yaml", "--output", folder / "model", "--work", folder / "work", "--device", "cpu"]


def resumed(folder: Path) -> list[object]:
    return [*training(folder), "--resume"]


def model_left(folder: Path, _: float) -> str:
    """A model that loads, or none."""
    if not (folder / "model" / "model.yaml").exists():
        return "no model yet"
    load_as(TrajectorySRNN, folder / "model")
    return "a model"


def model_done(folder: Path) -> None:
    assert model_left(folder, 0.0) == "a model"


def prepare_bag(folder: Path) -> None:
    samples.write_bag(folder / "in", frames=900, seconds=14.0)


def replaying(folder: Path) -> list[object]:
    return [folder / "in", folder / "out"]


def bag_left(folder: Path, seconds: float) -> str:
    """A bag that dvae-replay reads, without its index; what was written more than two seconds ago is in it."""
    left = folder / "out"
    if not left.exists():
        return "no bag yet"
    ended = run("dvae-replay", [left, folder / "again", "--results-only"], folder, PATIENCE)
    assert not ended.wrong(), ended.wrong()
    if seconds > 3.0:
        assert ended.status == 0, f"what is left after {seconds:.1f} s cannot be read: {ended.error[-200:]}"
        assert "nothing to do" not in ended.out, f"nothing is left after {seconds:.1f} s"
    shutil.rmtree(folder / "again", ignore_errors=True)
    return "a bag that can be read" if ended.status == 0 else "a bag without messages"


def replaying_anew(folder: Path) -> list[object]:
    shutil.rmtree(folder / "out", ignore_errors=True)
    return replaying(folder)


def bag_done(folder: Path) -> None:
    with AnyReader([folder / "out"]) as reader:
        count = sum(connection.topic == "/cam/tracks" for connection, _, _ in reader.messages())
    assert count == 900, f"expected 900 results, got {count}"


def prepare_speech(folder: Path) -> None:
    (folder / "in").mkdir()
    for number in range(NUM_FILES):
        suffix = "flac" if number % 2 else "wav"
        soundfile.write(folder / "in" / f"{number}.{suffix}", samples.speech(FILE_SECONDS), 16000)


def enhancing(folder: Path) -> list[object]:
    return [folder / "in", folder / "out"]


def speech_left(folder: Path, _: float) -> str:
    """Whole files; what is half done has no name of a sound that was asked for."""
    asked = {path.name for path in (folder / "in").iterdir()}
    found = [path for path in folder.glob("out/*") if path.name in asked]
    for path in found:
        frames = soundfile.info(path).frames
        assert frames == int(16000 * FILE_SECONDS), f"{path.name}: expected a whole file, got {frames} samples"
    return f"{len(found)} files" if found else "no file yet"


def speech_done(folder: Path) -> None:
    assert speech_left(folder, 0.0) == f"{NUM_FILES} files"
    others = [path.name for path in folder.glob("out/*") if path.suffix not in (".wav", ".flac")]
    assert not others, f"left behind: {others}"


VICTIMS = [
    Victim("dvae-train", prepare_training, training, model_left, resumed, model_done),
    Victim("dvae-replay", prepare_bag, replaying, bag_left, replaying_anew, bag_done),
    Victim("dvae-enhance", prepare_speech, enhancing, speech_left, enhancing, speech_done),
]


def whole_run(victim: Victim, folder: Path) -> Run:
    """One that nobody kills, for its length."""
    ended = run(victim.program, victim.arguments(folder), folder, PATIENCE)
    assert ended.status == 0, f"{victim.program}: {ended.error[-500:]}"
    victim.done(folder)
    return ended


def fresh_copy(source: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(source, target))


def killed(victim: Victim, folder: Path, seconds: float) -> str:
    """Kill a run after so many seconds, look at what is left, go on to the end; returns what was left."""
    started = start(victim.program, victim.arguments(folder), folder)
    time.sleep(seconds)
    os.kill(started.child, signal.SIGKILL)
    ended = finish(started)
    found = victim.left(folder, seconds)
    ended = run(victim.program, victim.go_on(folder), folder, PATIENCE)
    if victim.program == "dvae-train" and ended.status == 2:  # nothing to resume from yet
        assert not ended.wrong(), ended.wrong()
        ended = run(victim.program, victim.arguments(folder), folder, PATIENCE)
    assert ended.status == 0, f"going on: {ended.error[-500:]}"
    assert not ended.wrong(), f"going on: {ended.wrong()}"
    victim.done(folder)
    return found


def kills(effort: Effort, victim: Victim, count: int) -> Outcome:
    """So many kills of one program."""
    began, failed, number = time.perf_counter(), 0, VICTIMS.index(victim)
    source = effort.folder / "victims" / victim.program
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    victim.prepare(source)
    work, left = effort.folder / "killed", dict[str, int]()
    length = whole_run(victim, fresh_copy(source, work)).seconds
    for index in tqdm(range(count), desc=f"kill -9 {victim.program}", unit="run"):
        seconds = float(np.random.default_rng([effort.seed, 5, number, index]).uniform(0.0, length))
        try:
            found = killed(victim, fresh_copy(source, work), seconds)
            left[found] = left.get(found, 0) + 1
        except Exception as error:
            failed += 1
            effort.fail(f"kill {victim.program}", f"killed after {seconds:.2f} s of {length:.2f} s\n{error}")
    facts = "left: " + ", ".join(f"{times} x {what}" for what, times in sorted(left.items()))
    what = f"kill -9 of {victim.program} at random moments of {length:.1f} s, then to its end"
    return Outcome("kills", what, count, failed, facts, time.perf_counter() - began)


def outcomes(effort: Effort) -> Iterator[Outcome]:
    """All three programs."""
    warm_up()
    for victim in VICTIMS:
        yield kills(effort, victim, effort.count(20, 2))
