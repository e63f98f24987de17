"""Machine code of numba functions, kept on disk where that can be: a home that is not there or cannot be written, a
full disk or a damaged cache cost the time to compile and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher

logger = logging.getLogger(__name__)
Function = TypeVar("Function")


class TolerantCache(FunctionCache):
    """numba's cache of one function on disk, which may fail."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code for this signature, or None when it has to be compiled."""
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:  # damaged, whatever its unpickling makes of it: begin anew
            with contextlib.suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code, if that can be."""
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except Exception as error:  # no room, or what is there is damaged and could not be flushed
            logger.info("%s: compiled, but not kept: %s", self._name, error)


@cache
def say_once() -> None:
    """A word in the log, for all functions together."""
    logger.warning(
        "compiled code cannot be kept, so that each start takes half a minute more: neither the installation nor the "
        "home folder can be written; NUMBA_CACHE_DIR can name another"
    )


def kept_on_disk(function: Function, path: str | None = None) -> Function:
    """A numba function whose machine code is kept between processes, or made anew where there is no place for it.

    path: a file, in which functions are that it calls: the code is made anew also when that one changes. numba looks
    at the file of the function alone, and would go on with what those were.
    """
    if not isinstance(function, Dispatcher):  # with NUMBA_DISABLE_JIT
        return function
    try:
        kept: Any = TolerantCache(function.py_func)  # type: ignore[no-untyped-call]
    except (RuntimeError, OSError):  # numba found no place
        say_once()
        return function
    if path is not None:
        index = kept._cache_file
        index._source_stamp = (index._source_stamp, hashlib.sha256(Path(path).read_bytes()).hexdigest())
    function._cache = kept  # type: ignore[attr-defined]
    return function
