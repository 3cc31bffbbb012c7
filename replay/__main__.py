"""``python3 -m replay SOURCE... --target URL``: the report on standard output, and its judgment as exit code."""

import signal
import sys
from collections.abc import Sequence
from types import FrameType

from replay.failures import ReplayFailed
from replay.options import parse
from replay.report import as_json, as_text, without_values
from replay.session import replay

MATCHED, DIFFERENT, NO_RESULT = 0, 1, 2


def main(arguments: Sequence[str]) -> int:
    """The process's exit code."""
    options = parse(arguments)
    try:
        report = replay(options)
    except ReplayFailed as failure:
        sys.stderr.write(f"replay: {failure}\n")
        return NO_RESULT
    shown = report if options.with_values else without_values(report)
    sys.stdout.write((as_json(shown) if options.as_json else as_text(shown)) + "\n")
    if report.comparison.match_rate is None:
        return NO_RESULT
    return MATCHED if report.passed else DIFFERENT


def _stop(number: int, _frame: FrameType | None) -> None:
    """Exits cleanly, so that gor is stopped and the files are removed, even as process 1."""
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    sys.exit(main(sys.argv[1:]))
