"""``python3 -m server serve``: loads the model, then listens until SIGTERM.

uvicorn with starlette: both pure Python, among the most used and best kept of
their kind; uvicorn's stop is the drain that the contract needs (it stops
accepting, lets the requests in flight finish, then closes).
"""

import argparse
import logging
import signal
import sys
from pathlib import Path

import structlog
import uvicorn

from .app import make_app
from .model import Model

LOG = structlog.get_logger()
IDLE_SECONDS = 75
"""Idle connections are kept longer than the proxy in front keeps them (20 s), so that none closes as it is used."""
DRAIN_SECONDS = 60
"""The longest invocation that SageMaker allows."""


def arguments() -> argparse.Namespace:
    """What the command line says; SageMaker's contract needs ``serve`` alone."""
    parser = argparse.ArgumentParser(prog="server", description="Serves a Titanic model by SageMaker's contract.")
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("--model", type=Path, default=Path("/opt/ml/model"), help="folder of the unpacked artifact")
    parser.add_argument("--port", type=int, default=8080)
    return parser.parse_args()


def main() -> int:
    """Exit code: 0 after a drain, 1 when the model could not be loaded."""
    _set_up_logs()
    settings = arguments()
    try:
        model = Model(settings.model)
    except Exception as error:  # noqa: BLE001 - onnxruntime raises its own kinds, without a common base
        LOG.error("Could not load the model", folder=str(settings.model), error=repr(error))  # noqa: TRY400 - one line
        return 1
    LOG.info("Loaded the model", model=model.description.name, port=settings.port)
    _serve(model, settings.port)
    LOG.info("Drained and stopped")
    return 0


def _serve(model: Model, port: int) -> None:
    # uvicorn raises the signal again once it has drained; without a handler that would end the process as killed.
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    uvicorn.run(
        make_app(model),
        host="0.0.0.0",  # noqa: S104 - a container's only address is the pod's
        port=port,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="off",
    )


def _set_up_logs() -> None:
    processors: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(processors=processors, logger_factory=structlog.PrintLoggerFactory(sys.stdout))
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
