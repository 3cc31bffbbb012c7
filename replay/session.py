"""One replay: reads, spools, sends, compares. Its files are in a folder that is removed at the end."""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import msgspec

from fetcher.settings import Settings
from replay.exchange import Exchange, NotCompared, Origin, Skipped, Unusable
from replay.failures import ReplayFailed
from replay.gor import engine
from replay.gor import format as gor
from replay.gor.http import Unreadable
from replay.gor.messages import read_response
from replay.gor.responses import arrived, name_of
from replay.options import Options
from replay.outgoing import checked, encoded
from replay.own_source import own_source
from replay.reading.records import Seen, records
from replay.report import Account, Report, make_report
from replay.spool import Spool
from replay.tally import Tally

HEAD = 256 * 1024
"""Room for the head of a message beside its body."""
MOST_OBJECTS = 1_000_000
SECOND = 1_000_000_000
MOST_WAITING = 1000
WAITING_BYTES = 64 * 1024 * 1024
"""Of requests that gor has in memory."""


def replay(options: Options) -> Report:
    """Raises ``ReplayFailed``."""
    account, tally = Account(), Tally(options.rules, options.most_shown)
    with (
        tempfile.TemporaryDirectory(prefix="replay-", dir=options.folder) as folder,
        Spool(Path(folder), options.largest_disk) as spool,
    ):
        _fill(spool, options, account)
        _send(spool, Path(folder), options=options, account=account, tally=tally)
    return make_report(tally, account, target=options.target, min_match=options.min_match)


def _fill(spool: Spool, options: Options, account: Account) -> None:
    """Spools what can be replayed, up to the limit; counts the rest by reason."""
    is_own = _any_target if options.allow_same_target else own_source(options.target)
    seen, skipped = Seen(), Counter[str]()
    for found in _found(options, seen):
        if len(spool) == options.limit:
            account.beyond_limit = True
            break
        account.records += 1
        try:
            spool.append(_replayable(found, options.largest_body, is_own))
        except Unusable as unusable:
            skipped[unusable.reason.value] += 1
    account.objects, account.ignored_objects, account.skipped = (
        seen.objects,
        seen.ignored,
        dict(sorted(skipped.items())),
    )
    if not len(spool):
        raise ReplayFailed(
            f"none of {account.records} records in {seen.objects} objects can be replayed{_why(skipped)}"
        )
    spool.settle()
    _say(f"{len(spool)} of {account.records} records are replayed against {options.target.url}")


def _why(skipped: Mapping[str, int]) -> str:
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(skipped.items()))
    hint = "; --allow-same-target sends them nevertheless" if Skipped.OWN_SOURCE in skipped else ""
    return f": {reasons}{hint}" if reasons else "; their names have to end with .jsonl or .gor"


def _any_target(_origin: Origin) -> bool:
    return False


def _found(options: Options, seen: Seen) -> Iterator[Exchange | Skipped]:
    longest = 4 * options.largest_body + 4 * HEAD
    for where in options.sources:
        settings = Settings(
            artifact=where,
            volume=options.folder,
            credentials=options.credentials,
            claims=options.claims,
            allowed_addresses=options.allowed_addresses,
            limit_entries=MOST_OBJECTS,
        )
        yield from records(where, settings, longest, seen)


def _replayable(found: Exchange | Skipped, largest_body: int, is_own: Callable[[Origin], bool]) -> Exchange:
    if isinstance(found, Skipped):
        raise Unusable(found)
    request = checked(found.request, largest_body)
    if not gor.fits(encoded(request, "host", ())):
        raise Unusable(Skipped.SEPARATOR)
    if is_own(found.origin):
        raise Unusable(Skipped.OWN_SOURCE)
    return msgspec.structs.replace(found, request=request)


def _moments(spool: Spool, options: Options) -> Iterator[tuple[int, int]]:
    """Number and time of each request. gor waits as long between two as their times differ, divided by its speed."""
    first = None
    for place, (number, moment) in enumerate(spool.by_time()):
        first = moment if first is None else first
        if options.rate is not None:
            yield number, int(place * SECOND / options.rate)
        else:
            yield number, moment - first if options.speed is not None else 0


def _payloads(spool: Spool, options: Options) -> Iterator[bytes]:
    for number, since in _moments(spool, options):
        message = encoded(spool.get(number).request, options.target.host, options.headers)
        yield gor.written(gor.Record(gor.REQUEST, name_of(number), SECOND + since, 0, message))


def _send(spool: Spool, folder: Path, *, options: Options, account: Account, tally: Tally) -> None:
    judge = Judge(spool, tally, options.largest_body)
    outcome = engine.run(folder, _sending(spool, options), _payloads(spool, options), judge.take)
    account.sent, account.responses = len(spool), judge.taken
    account.failed = dict(outcome.failed)
    if missing := len(spool) - judge.taken - outcome.failures:
        account.failed["unknown"] = missing
    judge.take_missing()


def _sending(spool: Spool, options: Options) -> engine.Sending:
    percent = round(100 * (options.speed or 1.0)) if options.rate is None else 100
    moments = [moment for _, moment in _moments(spool, options)]
    pause = max((after - before for before, after in pairwise(moments)), default=0)
    return engine.Sending(
        gor=options.gor,
        target=options.target.url,
        percent=percent,
        connections=options.connections,
        timeout_seconds=options.timeout_seconds,
        largest_message=options.largest_body + HEAD,
        window=max(2, min(MOST_WAITING, WAITING_BYTES // spool.largest)),
        longest_pause=pause / SECOND * 100 / percent,
    )


class Judge:
    """Takes the responses of the target, each once."""

    def __init__(self, spool: Spool, tally: Tally, largest_body: int) -> None:
        self._spool, self._tally, self._largest = spool, tally, largest_body
        self._seen = bytearray(len(spool))
        self.taken = 0

    def take(self, line: bytes) -> bool:
        """A line of the tap; False if it is no response that was missing."""
        response = arrived(line)
        if response is None or response.number >= len(self._seen) or self._seen[response.number]:
            return False
        self._seen[response.number] = 1
        self.taken += 1
        exchange = self._spool.get(response.number)
        self._tally.time(exchange.seconds, response.seconds)
        self._judge(response.number, exchange, response.message)
        return True

    def take_missing(self) -> None:
        """Requests that have had no response."""
        for number in range(len(self._seen)):
            if not self._seen[number]:
                self._tally.unanswered(number, self._spool.get(number))

    def _judge(self, number: int, exchange: Exchange, message: bytes | None) -> None:
        if message is None:
            self._tally.skip(NotCompared.TOO_LARGE)
            return
        try:
            response, variant = read_response(message, exchange.request.method)
        except Unreadable:
            self._tally.skip(NotCompared.UNREADABLE)
            return
        self._tally.answered_by(variant)
        if len(response.body or b"") > self._largest:
            self._tally.skip(NotCompared.TOO_LARGE)
        else:
            self._tally.compare(number, exchange, response)


def _say(words: str) -> None:
    sys.stderr.write(f"replay: {words}\n")
    sys.stderr.flush()
