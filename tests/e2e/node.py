"""The node of the local cluster."""

from tests.kit.sync_client import SyncClient


def node_address(server: SyncClient) -> str:
    """At which pods reach this machine."""
    (node,) = server.read("/api/v1/nodes")["items"]
    return next(str(found["address"]) for found in node["status"]["addresses"] if found["type"] == "InternalIP")
