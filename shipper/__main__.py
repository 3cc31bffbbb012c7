"""``python3 -m shipper``: settings from the environment; runs until SIGTERM.

Exit codes: 0 stopped; 1 bug in the shipper; 2 a variable or the spool is missing or invalid.
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping

from outbound import log
from shipper.account import Account, Damaged, decode
from shipper.backlog import Backlog
from shipper.courier import Books, Courier
from shipper.ledger import Ledger
from shipper.settings import InvalidSettings, Settings, parse
from shipper.shipping import Shipping
from shipper.sinks.opening import open_sink
from shipper.spool import Spool


def main(environment: Mapping[str, str]) -> int:
    """The process's exit code."""
    try:
        settings = parse(environment)
        shipping = assemble(settings)
    except (InvalidSettings, OSError) as error:
        log.error("Failed to start", message=str(error))
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: shipping.stop())
    log.info("Shipper started", endpoint=settings.place.endpoint, variant=settings.place.variant)
    try:
        shipping.run()
    except Exception as error:  # noqa: BLE001 - a traceback could reveal part of a Secret
        log.error("Shipper failed unexpectedly; please report this", kind=type(error).__name__)
        return 1
    return 0


def assemble(settings: Settings) -> Shipping:
    """Continues the ledger's account; raises ``OSError``."""
    spool, ledger = Spool(settings.spool), Ledger(settings.spool)
    ledger.reserve()
    backlog = Backlog(spool)
    books = Books(_account(ledger), ledger, spool, backlog)
    courier = Courier(settings.place, spool, lambda: open_sink(settings))
    return Shipping(settings, courier, books, backlog)


def _account(ledger: Ledger) -> Account:
    try:
        text = ledger.load()
        return decode(text) if text is not None else Account()
    except (Damaged, OSError) as error:
        log.warning("Ledger cannot be read; the account starts again", kind=type(error).__name__)
        return Account()


def _without_traceback(ended: threading.ExceptHookArgs) -> None:
    """A thread that ends unexpectedly; a traceback could reveal part of a Secret."""
    log.error("Thread failed unexpectedly", kind=ended.exc_type.__name__)


if __name__ == "__main__":
    threading.excepthook = _without_traceback
    os.umask(0o002)  # folders on a claim are shared with the shippers of other pods
    sys.exit(main(os.environ))
