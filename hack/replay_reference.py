"""The reference of a replay, from its command line."""

import argparse
from collections.abc import Iterator
from typing import Final

from replay.exchange import NotCompared, Skipped
from replay.options import EXIT_CODES, make_parser

HEAD: Final = """\
<!-- Made by `make generate` from replay/options.py; do not edit. -->
# Replay

Sends captured requests to a candidate with gor, and compares its responses with the recorded ones
([how to](../how-to/replay.md)). The image is `replay`, which `python3 -m images build replay` builds.

```
python3 -m replay SOURCE... --target URL [options]
```

`SOURCE` is a folder, a file or a URL (`s3://`, `gs://`, `az://`, `pvc://`, `http(s)://` of one object). All objects
below it that end with `.jsonl` (captured by the proxy) or `.gor` (captured by gor with
`--input-raw-track-response`) are read, with the credentials and blocked addresses of [model-init](model-init.md).
"""

SKIPPED: Final = {
    Skipped.MALFORMED: "the record cannot be read",
    Skipped.LINE_TOO_LONG: "the record is longer than four times `--max-body` and 1 MiB",
    Skipped.TORN: "the last line of an object has no end",
    Skipped.NO_INPUT: "the request was not captured (`endpointInput`)",
    Skipped.BODY_TOO_LARGE: "the request's body is larger than `--max-body`",
    Skipped.INVALID_BODY: "the request's body is not in the encoding that the record names",
    Skipped.INVALID_METHOD: "not a method of upper-case letters, or CONNECT or TRACE",
    Skipped.INVALID_PATH: "not a path with an optional query, in characters that URLs may contain",
    Skipped.INVALID_HEADER: "a header has an invalid name or value, or all have more than 128 KiB",
    Skipped.SEPARATOR: "the request contains the line by which gor separates requests",
    Skipped.REPLAYED: "the request was a replayed one",
    Skipped.OWN_SOURCE: "the target is the version that responded when the request was captured",
    Skipped.NO_REQUEST: "a response by gor whose request was not captured",
}

NOT_COMPARED: Final = {
    NotCompared.NO_RECORDED_OUTPUT: "the response was not captured (`endpointOutput`)",
    NotCompared.TOO_LARGE: "the response is larger than `--max-body`",
    NotCompared.ENCODED: "one of the responses has a `Content-Encoding`",
    NotCompared.UNREADABLE: "the response is not valid HTTP",
}

FIELDS: Final = {
    "passed": "whether the match rate is at least `--min-match`",
    "records": "`objects`, `ignored_objects`, `records`, `skipped` by reason, `beyond_limit`, `sent`, `responses`, "
    "`failed` by reason (`timed_out`, `refused`, `closed`, `other`, `unknown`)",
    "variants": "responses by the variant that the gateway named",
    "comparison": "`compared`, `matched`, `different`, `not_compared` by reason, `match_rate` (null if nothing was "
    "compared), `interval`, `confidence`, `min_match`, `places`: how many requests differ there",
    "latency": "`requests`; `recorded` and `replayed`: `p50`, `p90`, `p99`, `p100` in seconds",
    "differences": "of the first requests that differ: `name`, `method`, `path`, `body`, and `differences` with "
    "`where`, `general`, `recorded`, `replayed`",
}

NOTES: Final = """\
## What is sent

Method, path and query, body and headers are those of the record. Not sent are headers of the connection
(`Connection` and what it names, `TE`, `Upgrade`, `Expect`, ...), of the call (`X-Request-Id`, `traceparent`,
`X-Forwarded-*`, `X-Envoy-*`, `X-B3-*`), secrets (headers whose name contains a word for a credential, such as
`Authorization`, `Cookie` or `X-Api-Key`, and all that the capture has redacted), the forced variant and
`X-Mlendpoints-*`. Added are `Host`, `Accept-Encoding: identity`,
`X-Mlendpoints-Replay: 1`, and `--header`. Records of the proxy have no query. gor writes header names in its own case
(`Content-Type`) and order, and adds a `User-Agent` if there is none. Redirects are not followed, and proxies of the
environment not used.

## What its own source is

Nothing is sent to the version that responded when the record was captured, unless `--allow-same-target` is set:

- The target is a version's Service: it responds to a ping with the name of its instance, which is that of the record.
- The target is a gateway: the record's instance responds to a ping through it, so it is in service, and
  `--variant` is the record's or not set.
- The record names no instance (by gor): its `Host` is the one that is sent, and `--variant` is the one that
  responded or not set.

## What is compared

- The status, and the content type without parameters.
- JSON (`application/json`, `*+json`, JSON lines): values by their place. Numbers are equal within `--tolerance` or
  `--relative-tolerance`; `1` and `1.0` are the same, `1` and `true` are not. A recorded string `[REDACTED]` matches
  anything.
- `text/csv`: cells by row and column (`$[0][2]`), as numbers where both are.
- Anything else, and what cannot be parsed: bytes.

`--ignore` takes places of the form `$.predictions[*].id`: `.name`, `['any name']`, `[0]`, and `.*` or `[*]` for all
names and indexes. It applies to the place with all below it.

The match rate is matching responses by compared ones. A request without a response counts as different. The interval
is Wilson's score interval. Recorded latencies are those of the pod's proxy; replayed ones are gor's, so they include
the network, the gateway, and for more than two `--connections` new TCP connections.

## Report

Text, or with `--json` one object:

@fields@

The report contains values of requests and responses. `--no-values` leaves them out.

## Limits

Records are kept on disk (`--max-disk`). Memory grows by 0.2 KiB for each record. gor is fed up to 1,000 requests or
64 MiB ahead, of which it waits for responses; it reads a response as a whole, so a target that responds with gigabytes
exceeds the memory limit of the Job.

gor does not make up for the time that it takes to send: paces of hundreds of requests per second are reached in part
(340 of 500 per second on two busy cores).
"""


def make_replay_reference() -> str:
    """The whole page, in Markdown."""
    parser = make_parser()
    return "\n".join(
        [
            HEAD,
            *_options(parser),
            f"{EXIT_CODES[0].upper()}{EXIT_CODES[1:]}\n",
            "## Records that are not replayed\n",
            *_table({reason.value: text for reason, text in SKIPPED.items()}),
            "\n## Responses that are not compared\n",
            *_table({reason.value: text for reason, text in NOT_COMPARED.items()}),
            "\n" + NOTES.replace("@fields@", "\n".join(_table(FIELDS, "field"))),
        ]
    )


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield "## Options\n\n| option | what |\n|---|---|"
    for group in parser._action_groups[2:]:  # noqa: SLF001 - argparse has no other way to them
        for action in group._group_actions:  # noqa: SLF001 - the same
            name = " ".join(filter(None, (action.option_strings[-1], _value(action))))
            yield f"| `{name}` | {action.help} |"
    yield ""


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    return str(action.metavar or action.dest.upper())


def _table(rows: dict[str, str], head: str = "reason") -> Iterator[str]:
    yield f"| {head} | |\n|---|---|"
    for name, what in rows.items():
        yield f"| `{name}` | {what} |"
