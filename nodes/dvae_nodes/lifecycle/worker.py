"""A thread that always takes the newest message, so that nothing else in the process waits for slow work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class NewestWorker:
    """Calls `work` with the newest message that was `put` since it was last free; older ones are dropped."""

    def __init__(self, name: str, work: Callable[[Any], None]) -> None:
        self._name, self._work = name, work
        self._newest: Any = None
        self._arrived = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Return when the message in work and the newest one are done."""
        with self._arrived:
            self._stopping = True
            self._arrived.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def put(self, message: Any) -> bool:
        """Leave a message for the worker -> whether another one, not yet begun, was dropped for it."""
        with self._arrived:
            dropped = self._newest is not None
            self._newest = message
            self._arrived.notify()
        return dropped

    def _run(self) -> None:
        while True:
            with self._arrived:
                self._arrived.wait_for(lambda: self._stopping or self._newest is not None)
                message, self._newest = self._newest, None
            if message is None:
                return
            self._work(message)
