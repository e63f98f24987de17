"""One thread for linear algebra: the products here are too small for more, which then only wait for one another."""

from __future__ import annotations

from threadpoolctl import threadpool_limits


def use_one_thread() -> None:
    """For this process, from now on (OpenBLAS, MKL, OpenMP as they are loaded now)."""
    threadpool_limits(1)
