"""What the operator's routes may say: the part of its admission policy about Istio's kinds.

A Gateway configures where proxies that all tenants share listen, a
DestinationRule how the whole mesh connects. So their fields are those that the
operator writes, down to the ports and TLS credentials that the administrator has
configured. What users have added to a route may stay as long as it does not
change.
"""

from typing import Final

from mlendpoints.api.meta import API_VERSION
from mlendpoints.api.model import Model
from mlendpoints.api.policy import Manifest, deny_unless

# Replaced by the chart: httpPort, and httpsPort with each of the tlsCredentials, as PORT/CREDENTIAL.
LISTENERS: Final = ("80/",)
SELECTOR: Final = {"istio": "ingressgateway"}

_RULE: Final = ("name", "match", "directResponse", "rewrite", "route", "timeout", "retries", "headers")
_LISTENER: Final = (
    "string(server.?port.?number.orValue(0)) + '/' + server.?tls.?credentialName.orValue('')"  # PORT/CREDENTIAL
)
VARIABLES: Final = {
    "listeners": str(list(LISTENERS)),
    "selector": str(SELECTOR),  # replaced by the chart: the labels of the gateway pods
    "routed": "variables.writes && (oldObject == null || object.spec != oldObject.spec)",
    "specBefore": "oldObject == null ? {} : oldObject.?spec.orValue({})",
    "listenersBefore": f"variables.specBefore.?servers.orValue([]).map(server, {_LISTENER})",
}


def make_validations() -> list[Manifest]:
    """The checks of Istio's kinds."""
    return [*_names(), *_virtual_services(), *_gateways(), *_destination_rules()]


def _names() -> list[Manifest]:
    return [
        deny_unless(
            "!variables.writes || !(variables.kind in ['virtualservices', 'gateways', 'destinationrules']) || "
            "!object.metadata.name.contains('.')",
            "writes no routes with a dot in their name, which would mean another namespace",
        )
    ]


def _virtual_services() -> list[Manifest]:
    others = "variables.kind != 'virtualservices' || !variables.routed || "
    near = "!target.destination.host.contains('.')"
    return [
        deny_unless(
            f"{others}object.spec.?gateways.orValue([]) == [object.metadata.name == 'mesh' ? variables.place + "
            "'/mesh' : object.metadata.name] && object.spec.?http.orValue([]).all(rule, "
            f"rule.?match.orValue([]).all(each, {_only('each', 'uri', 'headers')}) && "
            f"rule.?route.orValue([]).all(target, {_only('target', 'destination', 'weight', 'headers')} && "
            f"{_only('target.destination', 'host', 'port')} && {near}))",
            "writes VirtualServices of their own Gateway, to Services of their own namespace",
        ),
        deny_unless(
            f"{others}{_only('object.spec', 'hosts', 'gateways', 'http', before='')} && "
            f"{_one_host('object.spec.?hosts.orValue([])')} && object.spec.?http.orValue([]).all(rule, "
            f"{_only('rule', *_RULE)} && {_only('rule.?rewrite.orValue({})', 'uri')})",
            f"writes VirtualServices of one host whose routes have these fields only: {', '.join(_RULE)}",
        ),
    ]


def _gateways() -> list[Manifest]:
    others = "variables.kind != 'gateways' || !variables.routed || "
    tls = (
        f"server.port.protocol == 'HTTPS' && {_only('server.tls', 'mode', 'credentialName')} && "
        "server.tls.?mode.orValue('') == 'SIMPLE' && server.tls.?credentialName.orValue('') != ''"
    )
    return [
        deny_unless(
            f"{others}{_only('object.spec', 'selector', 'servers', before='')} && "
            "object.spec.servers.all(server, server.hosts.all(host, host.startsWith('./'))) && "
            "(object.spec.?selector.orValue({}) == variables.selector || "
            "object.spec.?selector == variables.specBefore.?selector)",
            "writes Gateways of the gateway's pods, for routes of their own namespace",
        ),
        deny_unless(
            f"{others}object.spec.servers.all(server, {_only('server', 'hosts', 'port', 'tls')} && "
            f"{_one_host('server.hosts')} && {_only('server.port', 'name', 'number', 'protocol')} && "
            f"(has(server.tls) ? {tls} : server.port.protocol == 'HTTP'))",
            "writes Gateways whose servers are for one host each, by HTTP or by HTTPS with mode SIMPLE",
        ),
        deny_unless(
            f"{others}object.spec.servers.all(server, {_LISTENER} in variables.listeners || "
            f"{_LISTENER} in variables.listenersBefore)",
            "writes Gateways at the ports, and with the TLS credentials, of its settings",
        ),
    ]


def _destination_rules() -> list[Manifest]:
    policy, pool = ".?trafficPolicy", ".?trafficPolicy.?connectionPool"
    balancer, http = f"{policy}.?loadBalancer", f"{pool}.?http"
    fields = [
        _only("object.spec", "host", "trafficPolicy", before=""),
        _only(_map(policy), "loadBalancer", "connectionPool", before=policy),
        _only(_map(balancer), "simple", before=balancer),
        _only(_map(pool), "http", before=pool),
        _only(_map(http), "idleTimeout", before=http),
        _is(f"{balancer}.?simple", "LEAST_REQUEST"),
        _is(f"{http}.?idleTimeout", "30s"),
    ]
    return [
        deny_unless(
            "variables.kind != 'destinationrules' || !variables.routed || object.spec.host == object.metadata.name && "
            + " && ".join(fields),
            "writes DestinationRules of the Service that they are named after, with a load balancer LEAST_REQUEST "
            "and an idleTimeout of 30s only",
        ),
        deny_unless(
            "variables.kind != 'destinationrules' || !variables.writes || "
            "object.metadata.?ownerReferences.orValue([]).exists(owner, owner.?controller.orValue(false) && "
            f"owner.apiVersion == '{API_VERSION}' && owner.kind == '{Model.KIND}' && "
            "owner.name == object.metadata.name)",
            "writes DestinationRules of instances, after which they are named",
        ),
    ]


def _one_host(hosts: str) -> str:
    return f"size({hosts}) == 1 && {hosts}.all(host, !host.contains('*'))"


def _only(fields: str, *known: str, before: str | None = None) -> str:
    """Whether these fields have only the known names, or are unchanged at the path ``before`` of the spec."""
    kept = "" if before is None else f" || variables.specBefore{before}[?key] == optional.of({fields}[key])"
    return f"{fields}.all(key, key in {list(known)}{kept})"


def _map(path: str) -> str:
    return f"object.spec{path}.orValue({{}})"


def _is(path: str, value: str) -> str:
    """Whether a field is absent, has this value or is unchanged."""
    return f"(object.spec{path}.orValue('{value}') == '{value}' || object.spec{path} == variables.specBefore{path})"
