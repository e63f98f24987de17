"""Scores of who spoke when and of matches, against counts by hand."""

from __future__ import annotations

import numpy as np

from dvae.evaluation.metrics.speaking import (
    NO_PERSON,
    SILENT,
    UNMATCHED,
    added,
    added_matches,
    match_counts,
    runs,
    speaking_counts,
)

STEP = 0.1


def flags(*rows: str) -> np.ndarray:
    return np.array([[c == "x" for c in row] for row in rows])


def test_errors_of_speaking_are_counted_as_by_hand() -> None:
    truth = flags("..xxxx....", "......xxxx")
    found = flags("...xxxxx..", "..........")
    nobody = np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    counts = speaking_counts(truth, found, nobody, STEP, 0.0)
    assert counts[:3] == (3, 5, 3)
    assert counts.f1 == 2 * 3 / (6 + 5 + 3)
    assert counts[3:] == (8, 3, 1, 2)  # frames 2, 8 and 9 missed; 0 a false alarm; 6 and 7 the wrong person
    assert counts.der == 6 / 8
    assert added([counts, counts]).der == counts.der


def test_the_collar_takes_frames_around_true_changes_out() -> None:
    truth, found = flags("....xxxxxxxx...."), flags("..xxxx.xxxxx....")
    nobody = np.zeros(16, dtype=int)
    all_frames = speaking_counts(truth, found, nobody, STEP, 0.0)
    scored = speaking_counts(truth, found, nobody, STEP, 0.2)
    assert all_frames[3:] == (8, 1, 2, 0)
    assert scored[3:] == (4, 1, 0, 0)  # changes at 4 and 12: frames 2 to 5 and 10 to 13 are out
    assert scored[:3] == all_frames[:3]


def test_speech_from_the_first_to_the_last_frame_has_a_collar_there() -> None:
    everything = flags("xxxxxxxx")
    scored = speaking_counts(everything, ~everything, np.zeros(8, dtype=int), STEP, 0.2)
    assert scored[3:] == (4, 4, 0, 0)


def test_a_match_is_right_near_the_speech_of_its_person() -> None:
    truth = flags("." * 10 + "x" * 20 + "." * 30)
    truth = np.concatenate([truth, flags("." * 40 + "x" * 15 + "." * 5)])
    in_view = np.ones_like(truth)
    claims = np.full((2, 60), SILENT)
    claims[0, 12:16], claims[0, 16:34] = UNMATCHED, 0
    claims[0, 41:44], claims[1, 44:50], claims[1, 50:52] = 0, 1, NO_PERSON
    known = STEP * np.arange(60) + 0.3
    counts = match_counts(truth, in_view, claims, known, STEP)
    assert counts.all_heard == 4 + 18 + 3 + 6 + 2
    assert counts.right == 18 + 6  # also the 0.4 s after the person stopped
    assert counts.wrong == 3 + 2
    assert counts.heard == counts.all_heard
    assert np.allclose(counts.delays, [0.6 + 0.3, 0.4 + 0.3])
    assert counts.switches == 0
    hidden = match_counts(truth, np.zeros_like(truth), claims, known, STEP)
    assert hidden.heard == 0
    assert hidden.wrong == counts.wrong
    assert hidden.delays == ()
    assert np.isnan(hidden.time_to_match)
    assert added_matches([counts, hidden])[:5] == (33, 66, 24, 10, 0)


def test_another_voice_of_the_same_person_is_a_switch_and_a_turn_without_match_takes_forever() -> None:
    truth = flags("x" * 40, "x" * 40)
    claims = np.full((3, 40), SILENT)
    claims[0, :10], claims[1, 10:20], claims[0, 30:] = 0, 0, 0
    counts = match_counts(truth, np.ones_like(truth), claims, STEP * np.arange(40), STEP)
    assert counts.switches == 2
    assert counts.delays == (0.0, np.inf)


def test_only_turns_of_a_second_and_more_have_a_time_to_match() -> None:
    truth = flags("x" * 9 + "." * 5 + "x" * 10)
    claims = np.zeros((1, 24), dtype=int)
    assert match_counts(truth, np.ones_like(truth), claims, STEP * np.arange(24), STEP).delays == (0.0,)


def test_runs_are_first_and_end() -> None:
    assert runs(flags("xx..x.xx")[0]) == [(0, 2), (4, 5), (6, 8)]
    assert runs(flags("....")[0]) == []
