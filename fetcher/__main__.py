"""``python3 -m fetcher --artifact URL --volume FOLDER``: attempts, exit codes, termination message.

Exit codes: 0 installed; 1 bug in model-init; 2 wrong command line; 10 download failed; 11 digest mismatch;
12 archive rejected; 13 too large.
"""

import errno
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from types import FrameType

from fetcher.failures import DownloadFailed, Failure, TooLarge, Unexpected, words
from fetcher.fetch import Attempt
from fetcher.report import Progress, write_failure, write_success
from fetcher.settings import Settings, parse
from fetcher.volume.install import install
from outbound import log
from outbound.failures import Interrupted, RequestFailed, public

FULL = {errno.ENOSPC, errno.EDQUOT}


def main(arguments: Sequence[str]) -> int:
    """The process's exit code."""
    settings = parse(arguments)
    progress = Progress()
    try:
        _install(settings, progress)
    except Failure as failure:
        return _failed(settings, failure, progress)
    except Exception as error:  # noqa: BLE001 - a traceback could reveal part of a Secret
        return _failed(settings, Unexpected(error), progress)
    return 0


def _failed(settings: Settings, failure: Failure, progress: Progress) -> int:
    log.error("Failed to install the artifact", reason=failure.reason, message=str(failure))
    write_failure(settings.termination_log, failure, progress)
    return failure.exit_code


def _install(settings: Settings, progress: Progress) -> None:
    for attempt in count(1):
        try:
            made = install(settings, Attempt(settings, progress).fill)
        except Interrupted as failure:
            if attempt >= settings.attempts:
                raise _named(settings, failure) from failure
            pause = max(failure.pause, settings.pause_seconds * 2 ** (attempt - 1))
            log.warning("Attempt failed; retrying", attempt=attempt, retry_after_seconds=pause, message=words(failure))
            time.sleep(pause)
        except RequestFailed as failure:
            raise _named(settings, failure) from failure
        except OSError as error:
            if error.errno not in FULL or not settings.keep_partial:
                raise _full_or_broken(settings, error) from error
            log.warning("Volume is full; retrying without caching the partial download")
            settings = replace(settings, keep_partial=False)
        else:
            log.info("Artifact installed" if made else "Artifact is already installed", path=str(settings.model))
            if made:
                write_success(settings.termination_log, progress)
            return


def _named(settings: Settings, failure: RequestFailed) -> DownloadFailed:
    return DownloadFailed(f"{public(settings.artifact)} could not be fetched: {words(failure)}")


def _full_or_broken(settings: Settings, error: OSError) -> Failure:
    if error.errno in FULL:
        return TooLarge(f"{public(settings.artifact)} could not be installed: the volume is full; increase `size`")
    return DownloadFailed(f"{public(settings.artifact)} could not be installed: {error}")


def _stop(number: int, _frame: FrameType | None) -> None:
    """Exits cleanly, so that the hidden folder is removed, even as process 1, for which SIGTERM has no default."""
    sys.exit(128 + number)


def _without_traceback(ended: threading.ExceptHookArgs) -> None:
    """A thread that ends unexpectedly; a traceback could reveal part of a Secret."""
    log.error("Thread failed unexpectedly", kind=ended.exc_type.__name__)


if __name__ == "__main__":
    threading.excepthook = _without_traceback
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(main(sys.argv[1:]))
