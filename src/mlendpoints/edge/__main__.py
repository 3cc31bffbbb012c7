"""``python -m mlendpoints.edge``: the operator's entry point: settings, logging and signals."""

import asyncio
import logging
import signal
import socket
import sys
import uuid

import structlog
from lightkube.core.exceptions import ConfigError

from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.endpoint.template_status import plan_config, plan_model
from mlendpoints.core.mlmodel.plan import plan_mlmodel
from mlendpoints.edge.engine import Process
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.operator import Operator
from mlendpoints.edge.reconcile.parts import Plans
from mlendpoints.edge.settings import Settings, SettingsError, read_settings


def main() -> int:
    """Runs until SIGTERM or SIGINT; returns 2 for invalid settings."""
    try:
        settings = read_settings()
        configure_logs(settings.log_level)
        asyncio.run(run(settings))
    except (SettingsError, ConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def configure_logs(level: str) -> None:
    """JSON lines on standard output, without httpx2's line for each request."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
    )


async def run(settings: Settings) -> None:
    """Runs one operator with the real plans; the first signal stops it."""
    metrics = Metrics()
    operator = Operator(
        settings=settings,
        plans=Plans(endpoint=plan_endpoint, config=plan_config, model=plan_model, mlmodel=plan_mlmodel),
        process=Process(identity=f"{socket.gethostname()}_{uuid.uuid4()}"),
        api=Api.connect(impersonate=settings.impersonate, observer=metrics.request),
        metrics=metrics,
    )
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, operator.stop)
    await operator.run()


if __name__ == "__main__":
    sys.exit(main())
