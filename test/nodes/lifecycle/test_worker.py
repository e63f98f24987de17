"""The worker takes the newest message, drops older ones, and finishes what it has."""

from __future__ import annotations

import threading

from dvae_nodes.lifecycle.worker import NewestWorker


def test_the_newest_is_taken_older_ones_are_dropped_and_the_last_is_finished() -> None:
    begun, free, done = threading.Event(), threading.Event(), list[int]()

    def work(message: int) -> None:
        begun.set()
        assert free.wait(10)
        done.append(message)

    worker = NewestWorker("worker", work)
    worker.start()
    assert not worker.put(1)
    assert begun.wait(10)  # 1 is in work
    assert [worker.put(number) for number in (2, 3, 4)] == [False, True, True]
    free.set()
    worker.stop()
    assert done == [1, 4]
    worker.start()  # again, as a node that is activated again
    worker.put(5)
    worker.stop()
    assert done == [1, 4, 5]
