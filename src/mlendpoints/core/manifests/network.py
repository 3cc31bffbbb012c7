"""How our own containers reach stores: proxies, trusted certificates, allowed addresses, in their environment."""

from mlendpoints.api.model import Model, Network
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.metadata import instance_of

CREDENTIALS = "/credentials"  # where a Secret is mounted
AUTHORITIES = "/authorities"  # and the operator's ConfigMap


def authorities(instance: Model) -> str:
    """The ConfigMap with the certificates that are trusted; empty: those of the image."""
    network = instance_of(instance).network
    return network.ca_config_map if network else ""


def network_environment(network: Network | None, *, addresses: str) -> list[Manifest]:
    """The variables that are set; ``addresses`` is the name of that with the allowed addresses."""
    if network is None:
        return []
    values = {
        addresses: ",".join(network.allowed_addresses),
        "http_proxy": network.http_proxy,
        "https_proxy": network.https_proxy,
        "no_proxy": network.no_proxy,
        "SSL_CERT_FILE": f"{AUTHORITIES}/ca.crt" if network.ca_config_map else "",
    }
    return [{"name": name, "value": literal(value)} for name, value in values.items() if value]


def literal(value: str) -> str:
    """The kubelet replaces ``$(NAME)`` in arguments and variables, and ``$$`` by ``$``."""
    return value.replace("$", "$$")
