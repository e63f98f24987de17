"""Mutated files of every kind through the command lines: success, or one line that says what is wrong."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np
import odd
import samples
import soundfile
import yaml
from outcome import Effort, Outcome
from programs import Run, run
from rosbags.highlevel import AnyReader
from tqdm import tqdm

MAX_SECONDS = 20.0
NUMBERS = [b"nan", b"inf", b"-inf", b"1e308", b"1e-300", b"-1", b"0", b"1700000000", b"1e9", b"0x10", b"9" * 400]
TEXT = [
    *NUMBERS, b",", b",,,,", b"\n", b"\r\n", b"\r", b"\x00", b"\xff", b"\xef\xbb\xbf", b"frame,id,x,y,w,h,conf\n", b"#",
    b" ", b";",
]  # fmt: skip
YAML = [
    *NUMBERS, b": ", b"- ", b"[", b"{", b"&a ", b"*a", b"!!python/object:os.system ", b"null", b"~", b"'", b'"', b"|\n",
    b"\t", b"\xff", b"[" * 3000, b"{" * 3000, b"? ", b"<<: *a", b"!!binary x", b"2024-01-01", b"true", b"1_000",
    b"1:30:00",
]  # fmt: skip
BINARY = [
    b"\xff" * 8, b"\x00" * 8, b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"RIFF", b"data", b"fLaC", b"OggS",
    b"\x89MCAP0\r\n",
]  # fmt: skip


class Kind(NamedTuple):
    """Files that are mutated: `make` gives the program's arguments from the good folder's copy."""

    name: str
    program: str
    files: tuple[str, ...]  # which ones are mutated
    tokens: list[bytes]
    arguments: Callable[[Path], list[object]]
    output: str
    mend: Callable[[Path], None] | None = None  # so that what is behind a checksum is reached too


def rehash(folder: Path) -> None:
    """Make the hash in model.yaml that of the weights, if the file can still be read."""
    path = folder / "model.yaml"
    try:
        description = yaml.safe_load(path.read_text())
        description["sha256"] = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
        path.write_text(yaml.safe_dump(description, sort_keys=False))
    except Exception:
        return


SIZE = ["--image-size", 1920, 1080, "--fps", 30]
RECIPE = "speech_enhancer.yaml"


def track(folder: Path) -> list[object]:
    return [folder / "det.txt", folder / "out.txt", *SIZE]


def track_camera(folder: Path) -> list[object]:
    return [*track(folder), "--camera", folder / "gmc.txt", "--lag", 5]


def track_model(folder: Path) -> list[object]:
    return [*track(folder), "--model", folder]


def enhance_model(folder: Path) -> list[object]:
    return [folder / "in.wav", folder / "out.wav", "--model", folder]


def enhance_folder(folder: Path) -> list[object]:
    return [folder / "in", folder / "out"]


def replay(folder: Path) -> list[object]:
    return [folder / "bag", folder / "out", "--results-only"]


def replay_file(folder: Path) -> list[object]:
    return [next((folder / "bag").glob("bag.*")), folder / "out"]


def train(folder: Path) -> list[object]:
    return [folder / "recipe.yaml", "--data", folder / "none", "--output", folder / "out", "--work", folder / "work"]


def settings_from(folder: Path) -> list[object]:
    lines = (folder / "settings.txt").read_text(errors="surrogateescape").splitlines()
    return [*track(folder), *(part for line in lines for part in ("--set", line.replace("\x00", "")))]


KINDS = [
    Kind("det.txt", "dvae-track", ("det.txt",), TEXT, track, "out.txt"),
    Kind("camera maps", "dvae-track", ("gmc.txt",), TEXT, track_camera, "out.txt"),
    Kind("settings NAME=VALUE", "dvae-track", ("settings.txt",), [*TEXT, *YAML], settings_from, "out.txt"),
    Kind("model of motion", "dvae-track", ("model.safetensors", "model.yaml"), YAML, track_model, "out.txt"),
    Kind("its weights, hash made right", "dvae-track", ("model.safetensors",), BINARY, track_model, "out.txt", rehash),
    Kind("its model.yaml, hash made right", "dvae-track", ("model.yaml",), YAML, track_model, "out.txt", rehash),
    Kind("model of speech, hash made right", "dvae-enhance", ("model.*",), YAML, enhance_model, "out.wav", rehash),
    Kind("wav, flac, ogg, aiff, mp3", "dvae-enhance", ("in/*",), BINARY, enhance_folder, "out"),
    Kind("mcap", "dvae-replay", ("bag/bag.mcap",), BINARY, replay, "out"),
    Kind("mcap without its metadata", "dvae-replay", ("bag/bag.mcap",), BINARY, replay_file, "out"),
    Kind("db3", "dvae-replay", ("bag/bag.db3",), BINARY, replay, "out"),
    Kind("metadata.yaml", "dvae-replay", ("bag/metadata.yaml",), YAML, replay, "out"),
    Kind("recipe", "dvae-train", ("recipe.yaml",), YAML, train, "out"),
]  # fmt: skip


def good_files(kind: Kind, folder: Path) -> None:
    """What the program reads, unharmed."""
    folder.mkdir(parents=True)
    name = kind.files[0]
    if kind.program == "dvae-track":
        (folder / "det.txt").write_text(samples.detections_text(12))
        (folder / "gmc.txt").write_text(samples.camera_text(12))
        (folder / "settings.txt").write_text("confirm_hits=2\nmin_score=0.2\ncamera_motion=false\n")
    if name.startswith("model"):
        model = "motion_srnn" if kind.program == "dvae-track" else "speech_enhancer_low_latency"
        for path in (samples.REPOSITORY / "models" / model).glob("model.*"):
            shutil.copy(path, folder)
        soundfile.write(folder / "in.wav", samples.speech(0.2), 16000)
    if name == "in/*":
        (folder / "in").mkdir()
        samples.audio_files(folder / "in", 0.15)
    if name.startswith("bag"):
        samples.write_bag(folder / "bag", sqlite=name.endswith("db3"))
    if name == "recipe.yaml":
        shutil.copy(samples.REPOSITORY / "config" / "train" / "shipped" / RECIPE, folder / "recipe.yaml")


def mutate(kind: Kind, folder: Path, rng: odd.Rng) -> list[Path]:
    """Change one of the files, or several of a folder."""
    paths = [path for pattern in kind.files for path in sorted(folder.glob(pattern))]
    chosen = [odd.pick(rng, paths)] if kind.files[0] != "in/*" else [p for p in paths if rng.random() < 0.4]
    for path in chosen:
        change = odd.mutated_text if path.suffix in (".txt", ".yaml") else odd.mutated
        path.write_bytes(change(path.read_bytes(), rng, kind.tokens))
    if kind.mend:
        kind.mend(folder)
    return chosen


def wrong_output(kind: Kind, folder: Path, ended: Run) -> str:
    """What a run that succeeded should have left, or what is wrong with what a failed one left."""
    path = folder / kind.output
    try:
        if kind.program == "dvae-replay" and path.exists():
            with AnyReader([path]) as reader:
                for _ in reader.messages():
                    pass
        elif kind.program == "dvae-track" and path.exists():
            rows = np.loadtxt(path, delimiter=",", ndmin=2)
            assert np.isfinite(rows).all(), "numbers that are not finite"
        elif kind.program == "dvae-enhance":
            for written in [path] if path.is_file() else sorted(path.rglob("*.*")) if path.exists() else []:
                values, _ = soundfile.read(written)
                assert np.isfinite(values).all(), f"{written.name}: samples that are not finite"
        if ended.status == 0 and not path.exists() and kind.program != "dvae-train":
            return "exit status 0 and no output"
    except Exception as error:
        return f"the output cannot be read: {type(error).__name__}: {error}"
    return ""


def through(effort: Effort, kind: Kind, count: int) -> Outcome:
    """Mutations of one kind of file."""
    began, failed = time.perf_counter(), 0
    number = KINDS.index(kind)
    good, work = effort.folder / "good" / str(number), effort.folder / "mutated"
    shutil.rmtree(good, ignore_errors=True)
    good_files(kind, good)
    ends: Counter[str] = Counter()
    for index in tqdm(range(count), desc=kind.name, unit="file"):
        rng = np.random.default_rng([effort.seed, 4, number, index])
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(good, work)
        changed = mutate(kind, work, rng)
        ended = run(kind.program, kind.arguments(work), effort.folder, MAX_SECONDS)
        wrong = ended.wrong() or wrong_output(kind, work, ended)
        ends[{0: "read", None: "without end"}.get(ended.status, "refused")] += 1
        if wrong:
            failed += 1
            files = {path.name.replace(".", "__"): path.read_bytes() for path in changed}
            text = f"{kind.program}, mutation {index} of {kind.name}\n{ended.error[-3000:]}\n{wrong}"
            effort.fail(f"files {kind.name}", text, **files)
    facts = ", ".join(f"{count} {name}" for name, count in sorted(ends.items()))
    what = f"mutated {kind.name} through {kind.program}"
    return Outcome("mutated", what, count, failed, facts, time.perf_counter() - began)


def failures(seed: int, folder: Path, kind: Kind, count: int) -> list[str]:
    """What fails of some mutations of one kind; for a process of its own, without threads that a fork would lose."""
    effort = Effort(seed, True, folder)
    through(effort, kind, count)
    return effort.failures


def warm_up(training: bool = True) -> None:
    """Import once what every fork needs."""
    import torch

    from dvae.enhancement.streaming import StreamingEnhancer

    torch.set_num_threads(1)
    StreamingEnhancer.load("low_latency").feed(np.zeros(1600, dtype=np.float32))
    if training:
        import_module("dvae.training.fit")


def outcomes(effort: Effort) -> Iterator[Outcome]:
    """Every kind of file."""
    warm_up()
    for kind in KINDS:
        yield through(effort, kind, effort.count(10_400, 260) // len(KINDS))
