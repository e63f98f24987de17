"""The demo's speakers against their truth, and the four microphones in its bag."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from make_bag import MICROPHONES, START, audio_types, sound_messages
from who_speaks import STEP, Truth, gather, read_truth, scores

from dvae.arrays.positions import parse_positions
from dvae.signal.audio_file import write_audio
from dvae_nodes.wire.audio import decode_portaudio


def message(frame: int, **fields: Any) -> SimpleNamespace:
    stamp = START + round(frame * STEP * 1e9)
    header = SimpleNamespace(stamp=SimpleNamespace(sec=stamp // 10**9, nanosec=stamp % 10**9))
    return SimpleNamespace(header=header, **fields)


def scene(truth: Truth, ids: tuple[int, int]) -> tuple[list[Any], list[Any]]:
    """What would be published if all were found, the first person as ids[0]."""
    tracks, speakers = [], []
    for frame in range(truth.speaks.shape[1]):
        people = [p for p in (0, 1) if np.isfinite(truth.boxes[p, frame, 0])]
        boxes = [SimpleNamespace(id=ids[p], box=truth.boxes[p, frame], state=1) for p in people]
        said = [SimpleNamespace(track_id=ids[p], voice_id=p + 1, speaking=bool(truth.speaks[p, frame])) for p in (0, 1)]
        tracks.append(message(frame, tracks=boxes))
        speakers.append(message(frame, speakers=said))
    return tracks, speakers


def test_all_that_is_right_scores_one() -> None:
    truth = read_truth()
    assert truth.speaks.any(axis=1).all()
    found = gather(truth, *scene(truth, (7, 9)))
    speaking, matches = scores(truth, found)
    assert speaking.f1 == 1.0
    assert (matches.right_rate, matches.false_rate) == (1.0, 0.0)
    assert found.ids == [{7}, {9}]


def test_a_voice_of_the_other_person_is_wrong() -> None:
    truth = read_truth()
    tracks, speakers = scene(truth, (7, 9))
    for each in speakers:
        for one in each.speakers:
            one.track_id = 16 - one.track_id
    speaking, matches = scores(truth, gather(truth, tracks, speakers))
    assert speaking.f1 < 0.3
    assert matches.false_rate > 0.5


def test_all_microphones_are_in_the_messages(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (4, 1024)).astype(np.float32)
    write_audio(tmp_path / "array.flac", samples, 16000)
    messages = sound_messages(audio_types(True), "/array", tmp_path / "array.flac", "microphones", 1.0)
    found = [decode_portaudio(chunk.audio) for _, _, _, chunk in messages]
    assert np.allclose(np.concatenate([part for part, _ in found], axis=1), samples, atol=1e-4)
    assert len(parse_positions(MICROPHONES)) == found[0][1].channels == 4
