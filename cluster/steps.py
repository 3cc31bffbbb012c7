"""Telling what is being done and how long it took, and waiting for conditions."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cluster.errors import ClusterError


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print `title`, run the block, print its duration in seconds. To stderr: stdout is for results."""
    begun = time.monotonic()
    print(f"{title} ... ", end="", file=sys.stderr, flush=True)
    try:
        yield
    except BaseException:
        print(f"failed after {time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)
        raise
    print(f"{time.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)


def wait_until(condition: Callable[[], bool], *, what: str, seconds: float) -> None:
    """Poll `condition` until it holds; ClusterError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(f"Gave up after {seconds:.0f} s waiting for {what}.")
        time.sleep(0.05)
