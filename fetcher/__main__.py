"""``python3 -m fetcher --artifact URL --volume FOLDER``: the order of the steps, the attempts, the exit codes.

Exit codes: 0 the model is there; 2 wrong command line; 10 not fetched; 11 wrong
digest; 12 not to be unpacked.
"""

import errno
import signal
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import FrameType

import structlog

from fetcher.download import download
from fetcher.failures import DigestMismatch, DownloadFailed, Failure, Interrupted, Invalid, public
from fetcher.install import install
from fetcher.report import progress, set_up_logs, write_termination_message
from fetcher.settings import Settings, parse
from fetcher.stream import Source
from fetcher.tree import Tree
from fetcher.unpack import unpack

LOG = structlog.get_logger()


def main(arguments: Sequence[str]) -> int:
    """The process's exit code."""
    set_up_logs()
    settings = parse(arguments)
    try:
        _install(settings)
    except Failure as failure:
        LOG.error("Could not install the artifact", reason=failure.reason, message=str(failure))  # noqa: TRY400 - no traceback for a user's mistake
        write_termination_message(settings.termination_log, failure)
        return failure.exit_code
    return 0


def _install(settings: Settings) -> None:
    for attempt in count(1):
        try:
            made = install(settings, lambda staging: _fill(staging, settings))
        except Interrupted as failure:
            if attempt >= settings.attempts:
                raise
            LOG.warning("Lost an attempt", attempt=attempt, message=str(failure))
            time.sleep(settings.pause_seconds * 2 ** (attempt - 1))
        except OSError as error:
            raise DownloadFailed(f"{public(settings.artifact)} could not be installed: {_advice(error)}") from error
        else:
            LOG.info("Installed the artifact" if made else "Found the artifact installed", path=str(settings.model))
            return


def _advice(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the volume is full; give the variant more `size`"
    return str(error)


def _fill(staging: Path, settings: Settings) -> str:
    """Unpacks into the folder and returns the digest; raises a ``Failure``."""
    with download(settings) as response:
        LOG.info("Began to fetch", artifact=public(settings.artifact), bytes=response.length)
        source = Source(progress(response), settings.limit_bytes)
        try:
            unpack(source, settings, Tree(staging))
        except Invalid as failure:
            _check_digest(source, settings)
            raise Invalid(f"{public(settings.artifact)} {failure}") from failure
        _check_digest(source, settings)
        LOG.info("Unpacked", bytes=source.count, digest=source.digest)
        return source.digest


def _check_digest(source: Source, settings: Settings) -> None:
    """Judged before what may be wrong inside: bytes that nobody asked for need no further explanation."""
    if not settings.digest:
        return
    source.drain()
    if source.digest != settings.digest:
        raise DigestMismatch(
            f"{public(settings.artifact)} has the digest {source.digest}, not {settings.digest}: "
            "the artifact was changed, or the model's artifactDigest is that of another"
        )


def _stop(number: int, _frame: FrameType | None) -> None:
    """Ends in order, so that the hidden folder is removed, also as process 1, for which SIGTERM has no default."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(main(sys.argv[1:]))
