"""The installed operator: its settings, its user and its Lease, as its Deployment says."""

from collections.abc import Mapping

from msgspec import Struct

from mlendpoints.client.connection import Connection
from mlendpoints.client.errors import ClientError, ConfigurationError, ForbiddenError, NotInstalledError
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.decoding import read
from mlendpoints.edge.kube.kinds import DEPLOYMENT, LEASE, Watch
from mlendpoints.edge.settings import PREFIX, Settings, SettingsError, read_settings

NAMESPACE = "machine-learning"  # where it is by default
_SELECTOR = "app.kubernetes.io/name=mlendpoints,app.kubernetes.io/component=operator"
_CONTAINER = "operator"


class _FieldRef(Struct, frozen=True, rename="camel"):
    field_path: str = ""


class _Source(Struct, frozen=True, rename="camel"):
    field_ref: _FieldRef | None = None


class _Variable(Struct, frozen=True, rename="camel"):
    name: str
    value: str = ""
    value_from: _Source | None = None


class _Container(Struct, frozen=True):
    name: str
    env: tuple[_Variable, ...] = ()


class _PodSpec(Struct, frozen=True, rename="camel"):
    containers: tuple[_Container, ...]
    service_account_name: str = "default"


class _Template(Struct, frozen=True):
    spec: _PodSpec


class _Spec(Struct, frozen=True):
    template: _Template


class _Metadata(Struct, frozen=True):
    name: str
    namespace: str


class _Deployment(Struct, frozen=True):
    metadata: _Metadata
    spec: _Spec


class Installed(Struct, frozen=True, kw_only=True):
    """The operator that serves a namespace."""

    settings: Settings
    user: str  # its ServiceAccount's
    account: str  # NAMESPACE/NAME of its ServiceAccount

    @property
    def lease(self) -> Ref:
        """Its Lease."""
        return Ref(LEASE.name, self.settings.lease_namespace, self.settings.lease_name)


async def find_operators(connection: Connection) -> list[Installed]:
    """All operators; raises a ``ClientError``."""
    return [_installed(deployment) for deployment in await _deployments(connection)]


async def find_operator(connection: Connection, namespace: str) -> Installed:
    """The operator that serves ``namespace``; raises a ``ClientError``."""
    found = await find_operators(connection)
    serving = [each for each in found if namespace in (each.settings.namespaces or (namespace,))]
    own = [each for each in serving if each.settings.namespaces] or serving
    if len(own) == 1:
        return own[0]
    if own:
        names = ", ".join(sorted(each.settings.lease_namespace for each in own))
        raise ConfigurationError(f"Several operators serve namespace {namespace}, in: {names}. Remove all but one.")
    raise NotInstalledError(
        f"No operator serves namespace {namespace}: there is no Deployment with the labels {_SELECTOR} that does."
        " Install mlendpoints, or use another context."
    )


async def _deployments(connection: Connection) -> list[_Deployment]:
    try:
        return await _list(connection, "")
    except ForbiddenError:
        return await _list(connection, NAMESPACE)


async def _list(connection: Connection, namespace: str) -> list[_Deployment]:
    watch = Watch(kind=DEPLOYMENT, namespace=namespace, label_selector=_SELECTOR)
    try:
        pages = connection.pages(watch, Ref(DEPLOYMENT.name, namespace, ""))
        return [read(item, _Deployment) async for page in pages for item in page.items]
    except ForbiddenError as error:
        raise ForbiddenError(
            f"{str(error).partition('. ')[0]}. The operator's settings are read from its Deployment: ask an"
            f" administrator for the right to list deployments.apps in namespace {NAMESPACE}."
        ) from None


def _installed(deployment: _Deployment) -> Installed:
    namespace, pod = deployment.metadata.namespace, deployment.spec.template.spec
    container = next((each for each in pod.containers if each.name == _CONTAINER), None)
    if container is None:
        raise ClientError(f"Deployment {namespace}/{deployment.metadata.name} has no container {_CONTAINER}.")
    try:
        settings = read_settings(_environment(container, namespace))
    except SettingsError as error:
        raise ClientError(
            f"The settings of Deployment {namespace}/{deployment.metadata.name} cannot be read: {error}."
            " Is this release of mlendpoints the operator's?"
        ) from None
    account = pod.service_account_name
    user = f"system:serviceaccount:{namespace}:{account}"
    return Installed(settings=settings, user=user, account=f"{namespace}/{account}")


def _environment(container: _Container, namespace: str) -> Mapping[str, str]:
    known = [variable for variable in container.env if variable.name.startswith(PREFIX)]
    return {variable.name: _value(variable, namespace) for variable in known}


def _value(variable: _Variable, namespace: str) -> str:
    if variable.value_from is None:
        return variable.value
    if variable.value_from.field_ref == _FieldRef("metadata.namespace"):
        return namespace
    raise ClientError(f"The operator's {variable.name} is taken from elsewhere than its Deployment, which is not read.")
