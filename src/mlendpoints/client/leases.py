"""Who leads, by the Lease of an installed operator."""

from msgspec import Struct

from mlendpoints.client.connection import Connection
from mlendpoints.client.installed import Installed
from mlendpoints.edge.kube.errors import NotFoundError as NoLeaseError
from mlendpoints.edge.kube.responses import parse_response


class LeaseFacts(Struct, frozen=True, kw_only=True):
    """Who leads, by the Lease of one operator; times are by the leader's clock."""

    name: str  # NAMESPACE/NAME
    holder: str = ""
    renewed: str = ""
    seconds: int = 15  # for which a renewal is valid; 0 if it does not say


class _Spec(Struct, frozen=True, rename="camel"):
    holder_identity: str | None = ""
    lease_duration_seconds: int | None = 15
    renew_time: str | None = None


class _Lease(Struct, frozen=True):
    spec: _Spec = _Spec()


async def read_lease(connection: Connection, installed: Installed) -> LeaseFacts:
    """The operator's Lease, without a holder if there is none; raises a ``ClientError``."""
    ref = installed.lease
    name = f"{ref.namespace}/{ref.name}"
    with connection.translating(ref):
        try:
            spec = parse_response(await connection.api.get(ref), _Lease).spec
        except NoLeaseError:
            return LeaseFacts(name=name)
    return LeaseFacts(
        name=name,
        holder=spec.holder_identity or "",
        renewed=spec.renew_time or "",
        seconds=spec.lease_duration_seconds or 0,
    )
