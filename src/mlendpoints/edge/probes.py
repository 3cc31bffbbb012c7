"""Asks every gateway pod the questions of a plan, until each has answered as expected.

An answer counts only for the question it was given to, and only as long as
the plan still asks. Decides nothing: answers go back into the world.
"""

import asyncio
from collections.abc import Callable

import httpx2
import structlog
from msgspec import Struct, field

from mlendpoints.core.world import GatewayPod, Probe, Ref

FIRST_PAUSE = 0.015  # seconds; istiod waits 0.1 s for further changes, and then a gateway has it within some ms
GROWTH = 1.1  # of the pause: an answer is found late by a fifth of the time it took, at most
LAST_PAUSE = 1.0
_TIMEOUT = 2.0
_AT_ONCE = 64  # requests

log = structlog.get_logger()


class _Question(Struct):
    """One probe: whom to ask, who has answered, who is asking."""

    pods: tuple[GatewayPod, ...] = ()
    answered: set[GatewayPod] = field(default_factory=set)
    task: asyncio.Task[None] | None = None

    @property
    def pending(self) -> list[GatewayPod]:
        return [pod for pod in self.pods if pod not in self.answered]

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


class Prober:
    """Asks; calls ``wake`` with the key whenever there are new answers.

    Every request has a connection of its own: only a new connection shows what
    new callers get. Certificates are not verified: what is asked is which
    route stands, not who stands behind it.
    """

    def __init__(self, wake: Callable[[Ref], None]) -> None:
        self._wake = wake
        self._questions: dict[Ref, dict[Probe, _Question]] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._http = httpx2.AsyncClient(limits=limits, timeout=_TIMEOUT, verify=False, trust_env=False)

    def want(self, key: Ref, probes: tuple[Probe, ...], pods: tuple[GatewayPod, ...]) -> None:
        """From now on asks exactly these questions for ``key``."""
        questions = self._questions.pop(key, {})
        for probe in questions.keys() - set(probes):
            questions.pop(probe).cancel()
        for probe in probes:
            self._ask(key, probe, questions.setdefault(probe, _Question()), pods)
        if questions:
            self._questions[key] = questions

    def answers(self, key: Ref) -> dict[Probe, tuple[str, ...]]:
        """Names of the pods that have answered each question of ``key`` as expected."""
        questions = self._questions.get(key, {})
        return {probe: tuple(sorted(pod.name for pod in question.answered)) for probe, question in questions.items()}

    def forget(self, key: Ref) -> None:
        """Asks nothing more for ``key``."""
        self.want(key, (), ())

    async def close(self) -> None:
        """Asks nothing more at all."""
        for key in list(self._questions):
            self.forget(key)
        await self._http.aclose()

    def _ask(self, key: Ref, probe: Probe, question: _Question, pods: tuple[GatewayPod, ...]) -> None:
        question.pods = pods
        if question.pending and (question.task is None or question.task.done()):
            question.task = asyncio.create_task(self._insist(key, probe, question))

    async def _insist(self, key: Ref, probe: Probe, question: _Question) -> None:
        pause = FIRST_PAUSE
        while pending := question.pending:
            answers = await asyncio.gather(*(self._is_answered(probe, pod) for pod in pending))
            new = {pod for pod, answered in zip(pending, answers, strict=True) if answered}
            if new:
                question.answered |= new
                self._wake(key)
            if len(new) < len(pending):
                await asyncio.sleep(pause)
                pause = min(GROWTH * pause, LAST_PAUSE)

    async def _is_answered(self, probe: Probe, pod: GatewayPod) -> bool:
        try:
            async with self._at_once:
                response = await self._http.get(_url(probe, pod), headers={"Host": probe.host}, extensions=_sni(probe))
        except httpx2.HTTPError as error:
            log.debug("Gateway pod did not answer", pod=pod.name, host=probe.host, error=repr(error))
            return False
        return response.status_code == probe.status and probe.body in ("", response.text)


def _url(probe: Probe, pod: GatewayPod) -> str:
    address = f"[{pod.address}]" if ":" in pod.address else pod.address
    return f"{'https' if probe.tls else 'http'}://{address}:{pod.port}{probe.path}"


def _sni(probe: Probe) -> dict[str, str]:
    return {"sni_hostname": probe.host} if probe.tls else {}
