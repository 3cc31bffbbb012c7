"""The operator's settings, from environment variables ``MLENDPOINTS_*``.

Read once, at startup. On an invalid value the operator exits with an error
message that names the variable.
"""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from mlendpoints.api.pod_settings import Quantity
from mlendpoints.core.directories import overlapping
from mlendpoints.core.world import HostGrant
from mlendpoints.core.world import Settings as CoreSettings

PREFIX = "MLENDPOINTS_"
SUFFIX = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LISTS = frozenset({"namespaces"})
_PLACEHOLDER = re.compile(r"\{(namespace|name)\}")
_URL = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*")  # RFC 3986
_PREFIX = re.compile("([a-z0-9]([-a-z0-9]*[a-z0-9])?=)?/[^/].*")
_NETWORKS = frozenset({"fetch_allowed_addresses"})

Port = Annotated[int, Meta(ge=1, le=65535)]
Selector = Mapping[str, str]
Proxy = Annotated[str, Meta(pattern="^http://[^/]+/?$")]  # model-init speaks plain HTTP to proxies
# Kubernetes' rules of labels. The operator's own come from the same names and are not to be replaced.
_WORD = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LabelName = Annotated[str, Meta(pattern=rf"^(?!mlendpoints\.dev/|app\.kubernetes\.io/)({SUFFIX}/)?{_WORD}$")]
_LabelValue = Annotated[str, Meta(pattern=f"^({_WORD})?$")]
Names = Annotated[tuple[Annotated[str, Meta(pattern=r"^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$")], ...], Meta(min_length=1)]
Suffixes = Annotated[tuple[Annotated[str, Meta(pattern=rf"^(\*|{SUFFIX})$")], ...], Meta(min_length=1)]


class _Grant(Struct, frozen=True, forbid_unknown_fields=True):
    namespaces: Names
    suffixes: Suffixes


class _Resources(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    requests: Mapping[str, Quantity] = {}
    limits: Mapping[str, Quantity] = {}


_OBJECTS: Mapping[str, Any] = {
    "gateway_selector": dict[str, str],
    "tls_credentials": dict[str, str],
    "pod_monitor_labels": dict[_LabelName, _LabelValue],
    "gateway_hosts": tuple[_Grant, ...],
    "nginx_resources": _Resources,
    "metrics_from": tuple[dict[str, Any], ...],
    "model_init_resources": _Resources,
    "fluent_bit_resources": _Resources,
}


class SettingsError(ValueError):
    """An environment variable has an invalid value; the message says which and why."""


class Settings(Struct, frozen=True, kw_only=True):
    """Each field is read from ``MLENDPOINTS_`` + its name in upper case.

    Lists are comma-separated; objects are JSON.
    """

    # Sidecar and init images of model pods
    model_init_image: str = "localhost/mlendpoints/model-init:dev"
    nginx_image: str = "localhost/mlendpoints/nginx:dev"
    shipper_image: str = "localhost/mlendpoints/shipper:dev"
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    nginx_resources: Mapping[str, Mapping[str, str]] = msgspec.field(default_factory=dict)
    model_init_resources: Mapping[str, Mapping[str, str]] = msgspec.field(default_factory=dict)

    # Fluent Bit of model pods, which measures their processes; no image: none
    fluent_bit_image: Annotated[str, Meta(max_length=1024)] = ""
    fluent_bit_resources: Mapping[str, Mapping[str, str]] = msgspec.field(default_factory=dict)

    # What captures with gor; no image: that engine is not available
    recorder_image: Annotated[str, Meta(max_length=1024)] = ""

    # Watched namespaces; empty: all
    namespaces: tuple[str, ...] = ()

    # The ingress gateway: pod labels, Service (namespace/name), ports of that Service, port shown in URLs
    gateway_selector: Selector = msgspec.field(default_factory=lambda: {"istio": "ingressgateway"})
    gateway_service: Annotated[str, Meta(pattern="^[^/]+/[^/]+$")] = "istio-ingress/istio-ingressgateway"
    # Which hosts a namespace may use: {namespace}.{domain} below the cluster's domain, and what is granted besides
    gateway_domain: Annotated[str, Meta(pattern=f"^({SUFFIX})?$", max_length=134)] = ""
    gateway_hosts: tuple[HostGrant, ...] = (HostGrant(),)
    host_grace_seconds: Annotated[float, Meta(ge=0, le=3600)] = 60.0

    http_port: Port = 80
    https_port: Port = 443
    url_port: Port | None = None
    tls_credentials: Selector = msgspec.field(default_factory=dict)  # host suffix -> credentialName

    # How routes are proven: by probing every gateway pod, or by waiting proof_seconds
    proof: Literal["required", "timed"] = "required"
    proof_seconds: Annotated[float, Meta(ge=0)] = 12.0

    # Seconds for which a terminating pod still accepts requests
    drain_seconds: Annotated[int, Meta(ge=0, le=600)] = 15

    # Retries of a request that has reached no model; 0 in loss tests
    retry_attempts: Annotated[int, Meta(ge=0, le=10)] = 5

    # Node directories that a variant's path may lie in, NAMESPACE=/DIRECTORY for one namespace; none by default
    allowed_path_prefixes: tuple[str, ...] = ()

    # NetworkPolicies for the pods of endpoints: not managed, one for each, or removed; and who may scrape the pods'
    # metrics, as in a NetworkPolicy's `from`
    network_policies: Literal["ignore", "write", "remove"] = "ignore"
    metrics_from: tuple[Mapping[str, Any], ...] = ()

    # Where people see the metrics of an endpoint or MLModel, with {namespace} and {name}; and how the Prometheus
    # operator, where it is installed, is to scrape their pods
    monitoring_url: Annotated[str, Meta(max_length=1024)] = ""
    pod_monitors: Literal["auto", "never"] = "auto"
    pod_monitor_labels: Selector = msgspec.field(default_factory=dict)
    scrape_seconds: Annotated[int, Meta(ge=1, le=300)] | None = None  # default: a third of drain_seconds, at most 30

    # How model-init reaches stores: exceptions from the blocked addresses, proxies, and the ConfigMap
    # (in each namespace with models) whose ca.crt is trusted
    fetch_allowed_addresses: tuple[str, ...] = ()
    fetch_http_proxy: Proxy = ""
    fetch_https_proxy: Proxy = ""
    fetch_no_proxy: str = ""
    fetch_ca_config_map: str = ""

    # The process itself
    lease_namespace: str = "machine-learning"
    lease_name: str = "mlendpoints-operator"
    impersonate: str = ""  # act as this user: lets `make run` write instances as the operator's ServiceAccount
    workers: Annotated[int, Meta(ge=1, le=256)] = 16
    address: str = "0.0.0.0"  # noqa: S104 - the kubelet and Prometheus connect from outside the pod
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080  # /healthz, /readyz, /metrics; 0: any free port
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def core(self) -> CoreSettings:
        """The part that decisions depend on."""
        return CoreSettings(**{name: getattr(self, name) for name in CoreSettings.__struct_fields__})


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings from environment variables; an empty one counts as unset. Raises ``SettingsError``."""
    given = {name: environment.get(PREFIX + name.upper(), "") for name in Settings.__struct_fields__}
    try:
        values = {name: _value(name, text) for name, text in given.items() if text}
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.MsgspecError as error:
        raise SettingsError(f"{_variable(str(error))}: {error}") from error


def _value(name: str, text: str) -> object:
    if name in _LISTS:
        return _parts(text)
    if name == "allowed_path_prefixes":
        return _prefixes(name, _parts(text))
    if name in _NETWORKS:
        return tuple(_network(name, part) for part in _parts(text))
    if name in _OBJECTS:
        return _object(name, text)
    if name == "monitoring_url":
        return _url(name, text)
    return text


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _prefixes(name: str, entries: tuple[str, ...]) -> tuple[str, ...]:
    for entry in entries:
        if not _PREFIX.fullmatch(entry):
            raise msgspec.ValidationError(f"{entry!r} is neither /DIRECTORY nor NAMESPACE=/DIRECTORY - at `$.{name}`")
    for outer, inner in overlapping(entries):
        raise msgspec.ValidationError(f"{inner} lies in {outer}; name one of them only - at `$.{name}`")
    return entries


def _network(name: str, text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise msgspec.ValidationError(f"{error} - at `$.{name}`") from error


def _url(name: str, text: str) -> str:
    """A URL that is shown in statuses: to be opened as it is, and without a password, which anyone could read there."""
    try:
        url = urlsplit(_PLACEHOLDER.sub("x", text))
        valid = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0 and url.username is None
    except ValueError:
        valid = False
    if not valid or not _URL.fullmatch(_PLACEHOLDER.sub("", text)):
        raise msgspec.ValidationError(
            "Expected an http:// or https:// URL without a user, in which {namespace} and {name} are the only braces"
            f" - at `$.{name}`"
        )
    return text


def _object(name: str, text: str) -> object:
    try:
        return msgspec.to_builtins(msgspec.json.decode(text, type=_OBJECTS[name]))
    except msgspec.MsgspecError as error:
        raise msgspec.ValidationError(f"{error} - at `$.{name}`") from error


def _variable(error: str) -> str:
    """The variable whose path msgspec's message ends with."""
    path = error.rpartition("$.")[2].rstrip("`")
    return PREFIX + path.split("[")[0].split(".")[0].upper()
