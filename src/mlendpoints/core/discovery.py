"""Discovery: how Prometheus finds the pods of an endpoint or MLModel, and where people see its metrics.

By a PodMonitor where the Prometheus operator is installed, else by annotations
of the headless Service; never by both, since every pod would be scraped twice.
Nothing that serves depends on it.
"""

from collections.abc import Iterator

from mlendpoints.api.monitoring import METRICS_PATH, METRICS_PORT, POD_MONITOR
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.monitoring import Root, make_monitoring_service, make_pod_monitor, metrics_name
from mlendpoints.core.world import MLModelWorld, Ref, Rejection, World

AnyWorld = World | MLModelWorld

SERVICE = "Service"


def root_of(world: AnyWorld) -> Root:
    """The endpoint or MLModel."""
    return world.endpoint if isinstance(world, World) else world.model


def discovery_refs(world: AnyWorld) -> tuple[Ref, ...]:
    """The objects that are wanted for it."""
    service, monitor = _refs(world)
    return (service, monitor) if world.settings.pod_monitors == "auto" else (service,)


def monitoring_service(world: AnyWorld) -> Manifest:
    """The headless Service; it is not to be scraped before a PodMonitor that is not wanted is deleted."""
    _, monitor = _refs(world)
    return make_monitoring_service(root_of(world), scraped=not (_monitored(world) or monitor in world.children))


def pod_monitors(world: AnyWorld) -> Iterator[Manifest]:
    """The PodMonitor, where it is wanted: to be written last, so that nothing else waits for its API."""
    if _monitored(world):
        yield make_pod_monitor(root_of(world), world.settings)


def monitoring_url(world: AnyWorld) -> str:
    """Where people see its metrics; by default where Prometheus does, inside the cluster.

    Names of objects need no escape in a URL: the API allows only characters that RFC 3986 leaves unreserved.
    """
    metadata, template = root_of(world).metadata, world.settings.monitoring_url
    if template:
        return template.replace("{namespace}", metadata.namespace).replace("{name}", metadata.name)
    service, _ = _refs(world)
    if service in world.rejections:
        return ""
    return f"http://{service.name}.{service.namespace}.svc:{METRICS_PORT}{METRICS_PATH}"


def describe_undiscovered(world: AnyWorld) -> str:
    """Rejected writes of discovery as further sentences; empty if there are none."""
    service, monitor = _refs(world)
    lost = "Its metrics have no Service" if world.settings.monitoring_url else "There is no monitoringUrl"
    texts = ((lost, world.rejections.get(service)), ("It has no PodMonitor", world.rejections.get(monitor)))
    return "".join(f" {text}: {rejection.message}" for text, rejection in texts if rejection is not None)


def essential_rejections(world: AnyWorld) -> list[Rejection]:
    """The other rejections, by name."""
    return [rejection for ref, rejection in sorted(world.rejections.items()) if ref not in _refs(world)]


def _monitored(world: AnyWorld) -> bool:
    return world.settings.pod_monitors == "auto" and POD_MONITOR in world.installed


def _refs(world: AnyWorld) -> tuple[Ref, Ref]:
    root = root_of(world)
    namespace, name = root.metadata.namespace, metrics_name(root)
    return Ref(SERVICE, namespace, name), Ref(POD_MONITOR, namespace, name)
