"""Another run of the tracker is seen by its ids, however the first one ended."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dvae_nodes.pipelines.tracker_run import TrackerRun


def frame(**ages: float) -> list[SimpleNamespace]:
    return [SimpleNamespace(id=int(name[1:]), age=age) for name, age in ages.items()]


@pytest.mark.parametrize(
    ("frames", "others"),
    [
        ([frame(t1=0.0), frame(t1=0.1, t2=0.0), frame(t2=0.1), frame(), frame(t3=0.0)], []),  # people come and go
        ([frame(t1=0.0), frame(t4=0.1, t5=0.0), frame(t5=0.1, t6=0.0)], []),  # frames between were lost
        ([frame(t1=0.0), frame(t1=0.1), frame(t1=0.0)], [2]),
        ([frame(t1=4.0, t2=2.0), frame(), frame(t1=0.0), frame(t1=0.1, t2=0.0), frame(t2=0.1)], [2]),
        ([frame(t8=4.0), frame(t3=0.0), frame(t3=0.1, t4=0.0), frame(t3=0.0)], [1, 3]),
        ([frame(), frame()], []),
    ],
)
def test_ids_that_are_used_again(frames: list[list[SimpleNamespace]], others: list[int]) -> None:
    run = TrackerRun()
    found = [run.other_id(each) for each in frames]
    assert [i for i, number in enumerate(found) if number is not None] == others
