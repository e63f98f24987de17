"""Whether tracks are still those of the same run of their tracker, which never uses an id again."""

from __future__ import annotations

from typing import Any


class TrackerRun:
    """Is shown each dvae_perception/TrackArray in turn."""

    def __init__(self) -> None:
        self._ages: dict[int, float] = {}  # of the tracks of the newest frame, by id
        self._largest = 0  # id so far

    def other_id(self, tracks: Any) -> int | None:
        """An id that was used before for somebody else: this is another run, the first frame of it. None: it is the
        same."""
        found = next((int(track.id) for track in tracks if self._is_other(int(track.id), float(track.age))), None)
        if found is not None:
            self._largest = 0
        self._ages = {int(track.id): float(track.age) for track in tracks}
        self._largest = max(self._largest, *self._ages, 0)
        return found

    def _is_other(self, number: int, age: float) -> bool:
        """An id that was gone, or of somebody who is younger than before."""
        return age < self._ages[number] if number in self._ages else number <= self._largest
