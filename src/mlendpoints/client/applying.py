"""Applies plans where no operator leads: as the operator's user, under its Lease, with its own engine.

The only module of the client that needs the extra ``[operator]``; it imports it when called.
"""

import logging
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct

from mlendpoints.client.connection import Connection
from mlendpoints.client.errors import ConfigurationError, ForbiddenError
from mlendpoints.client.installed import Installed
from mlendpoints.client.objects import AnyObject
from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.endpoint.template_status import plan_config, plan_model
from mlendpoints.core.mlmodel.plan import plan_mlmodel
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import NotFoundError, RejectedError
from mlendpoints.edge.kube.kinds import LEASE
from mlendpoints.edge.kube.session import open_session

Objects = Callable[[Ref], AnyObject | None]
"""The endpoint, MLModel or template of this name as it is now; None if it does not exist."""

_READS = frozenset({"get", "list", "watch"})


class Job(Struct, frozen=True, kw_only=True):
    """What to apply: these keys, and then, if given, until ``ended``."""

    keys: tuple[Ref, ...]
    ended: Callable[[Objects], bool] | None = None


class _Writes:
    """Counts the writes of an engine, but for its lease."""

    def __init__(self) -> None:
        self.count = 0

    def note(self, verb: str, kind: str, _code: int) -> None:
        self.count += verb not in _READS and kind not in (LEASE.name, "Event")


async def apply(connection: Connection, installed: Installed, job: Job) -> None:
    """Does what an operator would do for the job's keys; raises a ``ClientError``."""
    try:
        import mlendpoints.edge.terms  # noqa: PLC0415 - needs the extra
    except ImportError as error:
        raise ConfigurationError(
            f"No operator leads, and applying without one needs what the extra installs ({error.name} is missing):"
            ' pip install "mlendpoints[operator]". The dry run works without it.'
        ) from None
    assert mlendpoints.edge.terms  # noqa: S101 - it is there
    writes = _Writes()
    with connection.translating(installed.lease), _quiet():
        api = Api(open_session(connection.config, impersonate=installed.user), observer=writes.note)
        try:
            await _check(api, installed)
        except BaseException:
            await api.close()
            raise
        await _run(api, installed, job, writes)


async def _check(api: Api, installed: Installed) -> None:
    """Whether the user may act as the operator, and the operator may read its Lease."""
    try:
        await api.get(installed.lease)
    except NotFoundError:
        return
    except RejectedError as error:
        if error.status.code != 403:
            raise
        namespace, _, name = installed.account.partition("/")
        raise ForbiddenError(
            f"No operator leads, and you may not act in its place ({error}). It needs the permission to impersonate"
            f" (verb impersonate) the ServiceAccount {name} in namespace {namespace}, which holds the Lease"
            f" {installed.lease.namespace}/{installed.lease.name}. Start the operator, or ask an administrator for"
            " that Role; the dry run works without it."
        ) from None


async def _run(api: Api, installed: Installed, job: Job, writes: _Writes) -> None:
    from mlendpoints.edge.engine import Engine, Process  # noqa: PLC0415 - needs the extra
    from mlendpoints.edge.lease import Lease  # noqa: PLC0415 - the same
    from mlendpoints.edge.reconcile.parts import Plans  # noqa: PLC0415 - the same
    from mlendpoints.edge.terms import Terms  # noqa: PLC0415 - the same

    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    lease = Lease(api=api, ref=installed.lease, identity=identity)
    engine = Engine(
        api=api,
        settings=installed.settings,
        plans=Plans(endpoint=plan_endpoint, config=plan_config, model=plan_model, mlmodel=plan_mlmodel),
        process=Process(identity=identity, may_write=lambda: lease.is_held),
    )

    def object_of(ref: Ref) -> AnyObject | None:
        entry = engine.cache.entry(ref)
        return entry.facts if entry is not None and isinstance(entry.facts, AnyObject) else None

    async with engine:
        await engine.synced()
        terms = Terms(engine=engine, lease=lease, written=lambda: writes.count)
        await terms.reconcile(job.keys)
        if job.ended is not None:
            ended = job.ended
            await terms.reconcile_until(lambda: ended(object_of), job.keys)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the operator's log lines, unless the program has configured where they go."""
    import structlog  # noqa: PLC0415 - needs the extra

    if structlog.is_configured():
        yield
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.reset_defaults()
