"""The report of a replay, as a value, as text and as JSON. No I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from replay.compare.values import Difference
from replay.figures import CONFIDENCE, percentiles, wilson
from replay.own_source import Target
from replay.tally import Differing, Tally

HIDDEN = "(hidden)"


@dataclass
class Account:
    """Counts of records, and of requests without a response, by reason."""

    objects: int = 0
    ignored_objects: int = 0
    records: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    beyond_limit: bool = False
    sent: int = 0
    responses: int = 0
    failed: dict[str, int] = field(default_factory=dict)


class Comparison(msgspec.Struct, frozen=True):
    """The match rate, and what it is made of."""

    compared: int
    matched: int
    different: int
    not_compared: Mapping[str, int]
    match_rate: float | None
    interval: tuple[float, float]
    confidence: float
    min_match: float
    places: Mapping[str, int]


class Latency(msgspec.Struct, frozen=True):
    """Percentiles in seconds, of the same requests."""

    requests: int
    recorded: Mapping[str, float]
    replayed: Mapping[str, float]


class Report(msgspec.Struct, frozen=True):
    """All that a replay found."""

    target: str
    host: str
    variant: str
    passed: bool
    records: Account
    variants: Mapping[str, int]
    comparison: Comparison
    latency: Latency
    differences: tuple[Differing, ...]


def make_report(tally: Tally, account: Account, *, target: Target, min_match: float) -> Report:
    """What the counts amount to."""
    rate = tally.matched / tally.compared if tally.compared else None
    comparison = Comparison(
        compared=tally.compared,
        matched=tally.matched,
        different=tally.different,
        not_compared={reason.value: count for reason, count in sorted(tally.not_compared.items())},
        match_rate=rate,
        interval=wilson(tally.matched, tally.compared),
        confidence=CONFIDENCE,
        min_match=min_match,
        places=dict(tally.places.most_common()),
    )
    recorded, replayed = percentiles(tally.recorded_seconds), percentiles(tally.replayed_seconds)
    return Report(
        target=target.url,
        host=target.host,
        variant=target.variant,
        passed=rate is not None and rate >= min_match,
        records=account,
        variants=dict(tally.variants.most_common()),
        comparison=comparison,
        latency=Latency(len(tally.recorded_seconds), recorded, replayed),
        differences=tuple(each for _, each in tally.first),
    )


def without_values(report: Report) -> Report:
    """The report without what was captured but names, paths and places."""
    hidden = tuple(
        replace(each, body=HIDDEN, differences=tuple(map(_hidden, each.differences))) for each in report.differences
    )
    return msgspec.structs.replace(report, differences=hidden)


def _hidden(found: Difference) -> Difference:
    return replace(found, recorded=HIDDEN, replayed=HIDDEN)


def as_json(report: Report) -> str:
    """One object, indented."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def as_text(report: Report) -> str:
    """For a person."""
    return "\n".join(
        [*_counts(report), *_comparison(report.comparison), *_latency(report.latency), *_differences(report)]
    )


def _counts(report: Report) -> Iterable[str]:
    account = report.records
    where = report.target + (f", host {report.host}" if report.host not in report.target else "")
    yield f"target    {where}" + (f", variant {report.variant}" if report.variant else "")
    yield f"records   {account.records} in {account.objects} objects{_reasons('skipped', account.skipped)}"
    if account.beyond_limit:
        yield "          there are more: see --limit"
    if account.ignored_objects:
        yield f"          {account.ignored_objects} objects were ignored: their names end with neither .jsonl nor .gor"
    yield f"requests  {account.sent} sent, {account.responses} with a response{_reasons('without', account.failed)}"
    if report.variants:
        yield "          responses by variant: " + _listed(report.variants)


def _reasons(word: str, counts: Mapping[str, int]) -> str:
    return f"; {sum(counts.values())} {word} ({_listed(counts)})" if counts else ""


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def _comparison(found: Comparison) -> Iterable[str]:
    yield f"compared  {found.compared}{_reasons('not compared', found.not_compared)}"
    if found.match_rate is None:
        yield "matched   nothing could be compared"
        return
    low, high = found.interval
    word = "at least" if found.match_rate >= found.min_match else "less than"
    yield (
        f"matched   {found.matched} ({found.match_rate:.2%}; {found.confidence:.0%} confidence interval"
        f" {low:.2%} to {high:.2%}), {word} the required {found.min_match:.2%}"
    )


def _latency(latency: Latency) -> Iterable[str]:
    if not latency.requests:
        return
    yield f"latency   of {latency.requests} requests, in ms"
    yield "          " + "".join(f"{name:>10}" for name in latency.recorded)
    for name, values in (("recorded", latency.recorded), ("replayed", latency.replayed)):
        yield f"{name:<10}" + "".join(f"{1000 * value:>10.1f}" for value in values.values())


def _differences(report: Report) -> Iterable[str]:
    if not report.comparison.places:
        return
    yield "differences, by place: " + _listed(report.comparison.places)
    for each in report.differences:
        yield f"  {each.name} {each.method} {each.path} {each.body}"
        for found in each.differences:
            yield f"    {found.where}: {found.recorded} -> {found.replayed}"
    if report.comparison.different > len(report.differences):
        yield f"  and {report.comparison.different - len(report.differences)} more requests: see --differences"
