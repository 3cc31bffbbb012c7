"""How a pod leaves: the preStop hooks of the proxy and of the model, and the order in which these may be stopped."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.images.processes import Running, nginx, until
from tests.images.upstream import Upstream, upstream

pytestmark = pytest.mark.usefixtures("_base_unpacked")


@contextmanager
def pod(folder: Path) -> Iterator[tuple[Upstream, Running, Callable[[str], "Future[int]"]]]:
    """A model, its proxy, and how to run a hook; whatever is held is let go in the end."""
    with upstream() as model, ThreadPoolExecutor(8) as callers, nginx(folder, MODEL_PORT=str(model.port)) as proxy:

        def hook(path: str) -> "Future[int]":
            address = f"http://127.0.0.1:{proxy.monitoring}{path}"
            return callers.submit(lambda: httpx2.get(address, trust_env=False, timeout=30).status_code)

        try:
            yield model, proxy, hook
        finally:
            model.go_on.set()


def held(model: Upstream, proxy: Running) -> "Future[bytes]":
    """An invocation whose answer has begun, and ends when the test wants it to."""
    call = ThreadPoolExecutor(1).submit(lambda: proxy.ask("GET", "/hold").body)
    until(model.held.is_set)
    return call


def test_the_model_may_stop_once_its_proxy_has_drained_and_nothing_is_in_flight(tmp_path: Path) -> None:
    with pod(tmp_path) as (model, proxy, hook):
        call = held(model, proxy)
        drain, drained = hook("/drain?seconds=1"), hook("/drained?seconds=1")
        assert drain.result() == 200
        proxy.process.send_signal(signal.SIGQUIT)
        with pytest.raises(TimeoutError):
            drained.result(timeout=2)  # nobody else makes it end
        model.go_on.set()
        assert call.result() == b"first second"
        assert drained.result() == 200
        assert proxy.process.wait() == 0


def test_a_proxy_that_drains_serves_on(tmp_path: Path) -> None:
    with pod(tmp_path) as (_, proxy, hook):
        drain = hook("/drain?seconds=2")
        assert proxy.ask("GET", "/predict").status == 200
        assert not drain.done()
        assert drain.result() == 200


def test_the_model_outlives_its_proxy_where_pods_get_no_time_to_drain(tmp_path: Path) -> None:
    with pod(tmp_path) as (model, proxy, hook):
        call = held(model, proxy)
        drain, drained = hook("/drain?seconds=0"), hook("/drained?seconds=0")
        assert drain.result() == 200
        assert not drained.done()
        model.go_on.set()
        assert (call.result(), drained.result()) == (b"first second", 200)


def test_a_model_that_is_restarted_alone_does_not_wait_for_what_is_in_flight(tmp_path: Path) -> None:
    with pod(tmp_path) as (model, proxy, hook):
        call = held(model, proxy)
        assert hook("/drained?seconds=600").result() == 200
        assert not call.done()


def test_the_hooks_are_not_for_callers(tmp_path: Path) -> None:
    with pod(tmp_path) as (model, proxy, _):
        assert proxy.ask("GET", "/drain?seconds=600").body == b"ok"  # the model's own answer
        assert len(model.requests) == 1
