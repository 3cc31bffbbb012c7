"""Probes every gateway pod for the routes of a plan (route propagation), until each has answered as expected.

An answer counts only for its probe, pod and address, and only while the plan
still wants the probe. Answers may come from a tenant's model: their size and
time are bounded, and only whether they are as expected is kept. Makes no
decision: answers become part of the world.
"""

import asyncio
from collections.abc import Callable, Iterator

import structlog
from msgspec import Struct, field

from mlendpoints.core.world import GatewayPod, Probe, Ref
from mlendpoints.edge.fairness import Slots
from mlendpoints.edge.observe.answers import Answers
from mlendpoints.edge.poll.requests import open_transport, send_probe

FIRST_PAUSE = 0.015  # seconds; istiod debounces changes for 0.1 s, then a gateway has them within milliseconds
GROWTH = 1.1  # back-off factor; an answer is noticed late by at most a fifth of the time it took
LAST_PAUSE = 1.0
_AT_ONCE = 64  # requests
_OF_NAMESPACE = 16
_OF_ENDPOINT = 4

log = structlog.get_logger()


def _ignore(_expected: bool) -> None:  # noqa: FBT001 - a callback's only value
    """Counts nothing."""


class _Question(Struct):
    """One probe of one pod: whether it was answered as expected, else how, and the task that probes."""

    answered: bool = False
    unexpected: str = ""
    task: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()


class _Round(Struct):
    """The probes of one endpoint."""

    questions: dict[tuple[Probe, GatewayPod], _Question] = field(default_factory=dict)
    at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_OF_ENDPOINT))


class Prober:
    """Probes in the background; calls ``wake`` with the key when there are new answers.

    Every request uses a new connection: only that shows which route new callers
    get. Certificates are not verified: a probe checks the route, not the
    identity of the server.
    """

    def __init__(self, wake: Callable[[Ref], None], *, count: Callable[[bool], None] = _ignore) -> None:
        """``count`` is called after each probe: whether the answer was the expected one."""
        self._wake, self._count = wake, count
        self._rounds: dict[Ref, _Round] = {}
        self._slots = Slots(total=_AT_ONCE, each=_OF_NAMESPACE)
        self._transport = open_transport()

    def want(self, key: Ref, probes: tuple[Probe, ...], pods: tuple[GatewayPod, ...]) -> None:
        """From now on sends exactly these probes to these pods for ``key``."""
        current = self._rounds.pop(key, None) or _Round()
        wanted = [(probe, pod) for probe in probes for pod in pods]
        for question in current.questions.keys() - set(wanted):
            current.questions.pop(question).cancel()
        for probe, pod in wanted:
            self._start(key, current, probe, pod)
        if probes:
            self._rounds[key] = current

    def probing(self) -> tuple[Ref, ...]:
        """The keys that want probes, whether or not there is a gateway pod."""
        return tuple(self._rounds)

    def answers(self, key: Ref) -> Answers:
        """The answers to the probes of ``key``."""
        current = self._rounds.get(key)
        if current is None:
            return Answers()
        expected: dict[Probe, set[GatewayPod]] = {}
        unexpected: dict[Probe, dict[GatewayPod, str]] = {}
        for (probe, pod), question in current.questions.items():
            if question.answered:
                expected.setdefault(probe, set()).add(pod)
            elif question.unexpected:
                unexpected.setdefault(probe, {})[pod] = question.unexpected
        return Answers({probe: frozenset(pods) for probe, pods in expected.items()}, unexpected)

    def forget(self, key: Ref) -> None:
        """Stops probing for ``key``."""
        self.want(key, (), ())

    def clear(self) -> None:
        """Stops all probing and drops all answers: from now on another operator may change the routes.

        Wakes the keys that waited for answers: their plans have to request them again in the next term.
        """
        for key in list(self._rounds):
            self.forget(key)
            self._wake(key)

    async def close(self) -> None:
        """Stops all probing for good and waits until all requests have ended."""
        questions = (question for current in self._rounds.values() for question in current.questions.values())
        tasks = [question.task for question in questions if question.task is not None]
        self.clear()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._transport.aclose()

    def _start(self, key: Ref, current: _Round, probe: Probe, pod: GatewayPod) -> None:
        question = current.questions.setdefault((probe, pod), _Question())
        if not question.answered and (question.task is None or question.task.done()):
            question.task = asyncio.create_task(self._poll(key, current, probe, pod))

    async def _poll(self, key: Ref, current: _Round, probe: Probe, pod: GatewayPod) -> None:
        question, reported = current.questions[(probe, pod)], ""
        for pause in _pauses():
            async with current.at_once, self._slots.one(key.namespace):
                question.unexpected = await send_probe(self._transport, probe, pod)
            self._count(not question.unexpected)
            if not question.unexpected:
                question.answered = True
                self._wake(key)
                return
            if pause >= LAST_PAUSE and question.unexpected != reported:  # not a passing state: worth reporting
                reported = question.unexpected
                log.debug("Gateway pod did not answer as expected", pod=pod.name, host=probe.host, answer=reported)
                self._wake(key)
            await asyncio.sleep(pause)


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(GROWTH * pause, LAST_PAUSE)
