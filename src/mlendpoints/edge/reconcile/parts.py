"""The dependencies of a reconciler: the plans, as pure functions, and its collaborators."""

from collections.abc import Callable

from msgspec import Struct

from mlendpoints.api.endpointconfig import EndpointConfig, EndpointConfigStatus
from mlendpoints.api.model import Model, ModelStatus
from mlendpoints.core.endpoint.template_status import TemplateWorld
from mlendpoints.core.plan import MLModelPlan, Plan
from mlendpoints.core.world import MLModelWorld, Settings, World
from mlendpoints.edge.events import Recorder
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.poll.pollers import Pollers
from mlendpoints.edge.reconcile.debounce import Debounce
from mlendpoints.edge.reconcile.expectations import Expectations
from mlendpoints.edge.reconcile.queue import Queue
from mlendpoints.edge.reconcile.rejections import Rejections
from mlendpoints.edge.reconcile.writes import Writer


class Plans(Struct, frozen=True, kw_only=True):
    """The plans, as pure functions."""

    endpoint: Callable[[World], Plan]
    config: Callable[[TemplateWorld[EndpointConfig]], EndpointConfigStatus | None]
    model: Callable[[TemplateWorld[Model]], ModelStatus | None]
    mlmodel: Callable[[MLModelWorld], MLModelPlan]


class Parts(Struct, frozen=True, kw_only=True):
    """The dependencies of a reconciler."""

    cache: Cache
    queue: Queue
    writer: Writer
    recorder: Recorder
    pollers: Pollers
    expectations: Expectations
    rejections: Rejections
    debounce: Debounce
    metrics: Metrics
    settings: Settings
    plans: Plans
    clock: Callable[[], float]  # seconds since the epoch
