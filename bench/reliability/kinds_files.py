"""Folders and files as users have them, one check for each kind of trouble."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import samples
import soundfile
from outcome import checks
from programs import Run, run
from storm_files import SIZE

SECONDS = 60.0
BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)


def enhance(folder: Path, source: object, target: object) -> Run:
    """dvae-enhance; never a traceback."""
    ended = run("dvae-enhance", [source, target], folder, SECONDS)
    assert not ended.wrong(), ended.wrong()
    return ended


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def sound(path: Path) -> Path:
    soundfile.write(path, samples.speech(0.2), 16000)
    return path


def one_bad(folder: Path) -> str:
    """Whatever is wrong with one, the others are done and it is named."""
    bad: dict[str, Callable[[Path], object]] = {
        "broken.wav": lambda path: path.write_bytes(b"RIFF nothing"),
        "empty.wav": lambda path: path.write_bytes(b""),
        "nan.wav": lambda path: soundfile.write(path, np.full(900, np.nan), 16000, subtype="FLOAT"),
        "link.wav": lambda path: path.symlink_to("nowhere.wav"),
        "text.flac": lambda path: path.write_text("no sound"),
    }
    source, target = fresh(folder / "in"), folder / "out"
    shutil.rmtree(target, ignore_errors=True)
    for name in ("a.wav", "z.wav"):
        sound(source / name)
    (source / "._a.wav").write_bytes(b"\0\5\x16\7")
    (source / "folder.wav").mkdir()
    for name, make in bad.items():
        make(source / name)
    ended = enhance(folder, source, target)
    assert ended.status == 1, f"expected exit status 1, got {ended.status}"
    assert all((target / name).is_file() for name in ("a.wav", "z.wav")), "the good ones are not done"
    assert all(name in ended.error for name in bad), f"not named: {[n for n in bad if n not in ended.error]}"
    return f"{len(bad)} bad ones named, the good ones done, exit status 1"


def every_format(folder: Path) -> str:
    source, target = fresh(folder / "in"), fresh(folder / "out")
    made = samples.audio_files(source)
    ended = enhance(folder, source, target)
    assert ended.status == 0, ended.error
    written = list(target.iterdir())
    assert len(written) == len(made), f"{len(written)} of {len(made)}"
    return f"{len(made)} kinds"


def linked_folder(folder: Path) -> str:
    source, target = fresh(folder / "in"), fresh(folder / "out")
    sound(fresh(folder / "elsewhere") / "a.wav")
    (source / "link").symlink_to(folder / "elsewhere")
    ended = enhance(folder, source, target)
    assert (target / "link" / "a.wav").is_file() or "link" in ended.error, "left out without a word"
    return "done, or said"


def out_inside_in(folder: Path) -> str:
    source = fresh(folder / "in")
    sound(source / "a.wav")
    for _ in range(2):
        ended = enhance(folder, source, source / "out")
    assert not (source / "out" / "out").exists(), "enhanced twice"
    return "refused" if ended.status else "once"


def out_is_in(folder: Path) -> str:
    """Neither by the same name, nor by a link, nor by a folder."""
    place = fresh(folder / "same")
    path = sound(place / "a.wav")
    (place / "link.wav").symlink_to("a.wav")
    (place / "det.txt").write_text(samples.detections_text(20))
    before = {each: each.read_bytes() for each in (path, place / "det.txt")}
    ends = [enhance(folder, path, path), enhance(folder, path, place / "link.wav"), enhance(folder, place, place)]
    ends.append(run("dvae-track", [place / "det.txt", place / "det.txt", *SIZE], folder, SECONDS))
    assert all(each.read_bytes() == data for each, data in before.items()), "an input was overwritten"
    assert all(end.status for end in ends), [end.status for end in ends]
    return "refused"


def cannot_write(folder: Path) -> str:
    place = fresh(folder / "write")
    path = sound(place / "a.wav")
    many = np.tile(samples.speech(0.1)[:, None], 16)
    soundfile.write(place / "many.wav", many, 16000)
    (place / "full.wav").symlink_to("/dev/full")
    ends = [enhance(folder, path, "/proc/a.wav"), enhance(folder, path, place / "full.wav")]
    ends.append(enhance(folder, place / "many.wav", place / "many.flac"))
    (place / "det.txt").write_text(samples.detections_text(20))
    ends += [run("dvae-track", [place / "det.txt", out, *SIZE], folder, SECONDS) for out in ("/proc/t", "/dev/full")]
    for end in ends:
        assert end.status, f"exit status 0: {end.out}"
        assert not end.wrong(), end.wrong()
    return "/proc, /dev/full, 16 channels to FLAC: one line each"


def yaml_of_any_kind(folder: Path) -> str:
    place = folder / "model"
    shutil.rmtree(place, ignore_errors=True)
    samples.copy_model("motion_srnn", place)
    (folder / "det.txt").write_text(samples.detections_text(20))
    texts = [BOMB, "[" * 5000, "class: TrajectorySRNN\nconfig: [1]\nsha256: a\n", "- a\n- b\n", "", "\x00", "a: b: c"]
    for text in [*texts, "class: TrajectorySRNN\nconfig: {1: 2}\nsha256: a\n"]:
        (place / "model.yaml").write_text(text)
        ended = run("dvae-track", [folder / "det.txt", folder / "o.txt", *SIZE, "--model", place], folder, SECONDS)
        assert ended.status == 2, (text[:40], ended.status)
        assert not ended.wrong(), (text[:40], ended.wrong())
    return "a bomb, 5,000 brackets, lists for maps: one line each"


def killed_recorder(folder: Path) -> str:
    """A header that says 0 bytes, or all that there could be, before a second of sound."""
    path = sound(fresh(folder / "killed") / "a.wav")
    soundfile.write(path, samples.speech(1.0), 16000)
    whole = path.read_bytes()
    for number, (riff, data) in enumerate([(0, 0), (2**32 - 1, 2**32 - 1), (36, 0)]):
        broken = whole[:4] + struct.pack("<I", riff) + whole[8:40] + struct.pack("<I", data) + whole[44:]
        (path.parent / f"{number}.wav").write_bytes(broken)
        ended = enhance(folder, path.parent / f"{number}.wav", path.parent / f"{number}_out.wav")
        assert ended.status == 0, ended.error
        found = soundfile.info(path.parent / f"{number}_out.wav").frames
        assert found == 16000, f"expected 16000 samples, got {found}"
    return "a whole second"


CHECKS = checks(
    "files",
    {
        "a folder with broken, empty, NaN, hidden files, links": one_bad,
        "a folder of every format": every_format,
        "a linked folder": linked_folder,
        "OUT inside IN, twice": out_inside_in,
        "OUT = IN": out_is_in,
        "where nothing can be written": cannot_write,
        "YAML of any kind": yaml_of_any_kind,
        "WAV whose recorder was killed": killed_recorder,
    },
)
