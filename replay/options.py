"""The command line, as one frozen value. It must not touch the disk or the network."""

import argparse
import math
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from replay.compare.paths import Pattern, parse_pattern
from replay.compare.values import Rules
from replay.exchange import Headers
from replay.outgoing import HOP_BY_HOP, TOKEN, VALUE, VARIANT_HEADER
from replay.own_source import Target

Group = argparse._ArgumentGroup  # noqa: SLF001 - has no public name
MIB = 1024 * 1024
MAX = "max"
VARIANT = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
MOST_RECORDS = 1_000_000
ALLOWED_VARIABLE = "ALLOWED_ADDRESSES"
DESCRIPTION = "Sends captured requests to a candidate, and compares its responses with the recorded ones."
EXIT_CODES = """\
exit codes: 0 if at least --min-match of the compared responses match, 1 if fewer do, 2 for a wrong command line,
unreadable records, an unreachable target, a failed gor, or nothing to compare."""


@dataclass(frozen=True)
class Options:
    """What to replay, where to, how, and what counts as equal."""

    sources: tuple[str, ...]
    target: Target
    headers: Headers
    speed: float | None
    rate: float | None
    limit: int
    connections: int
    timeout_seconds: float
    largest_body: int
    largest_disk: int
    rules: Rules
    min_match: float
    most_shown: int
    with_values: bool
    as_json: bool
    allow_same_target: bool
    credentials: Path | None
    claims: Path
    allowed_addresses: tuple[IPv4Network | IPv6Network, ...]
    gor: str
    folder: Path


def parse(arguments: Sequence[str]) -> Options:
    """Exits with code 2 and a message on stderr for a wrong command line."""
    parser = make_parser()
    given = vars(parser.parse_args(arguments))
    variant, url = given.pop("variant") or "", given.pop("target")
    headers = dict(given.pop("headers"))
    if variant:
        headers[VARIANT_HEADER] = variant
    target = Target(url, given.pop("host") or urlsplit(url).netloc, variant)
    rules = Rules(given.pop("tolerance"), given.pop("relative_tolerance"), tuple(given.pop("ignored")))
    if given["rate"] is not None and given["speed"] != 1.0:
        parser.error("--rate and --speed exclude each other")
    given |= {name: int(given[name] * MIB) for name in ("largest_body", "largest_disk")}
    given["sources"] = tuple(given["sources"])
    return Options(target=target, headers=tuple(headers.items()), rules=rules, **given)


def make_parser() -> argparse.ArgumentParser:
    """The options, from which the reference is generated."""
    parser = argparse.ArgumentParser(
        prog="replay", description=DESCRIPTION, epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = "folder, file or URL (s3, gs, az, http, https, pvc) with captured traffic: all *.jsonl and *.gor below it"
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help=what)
    _add_target(parser)
    _add_pace(parser)
    _add_comparison(parser)
    _add_report(parser)
    _add_limits(parser)
    _add_program(add_access(parser))
    return parser


def _add_target(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("target")
    group.add_argument("--target", type=_url, required=True, metavar="URL", help="http(s)://HOST[:PORT] to send to")
    group.add_argument("--host", type=_host, metavar="NAME", help="Host header; default: the target's")
    help_ = f"variant that is to respond, by the header {VARIANT_HEADER}"
    group.add_argument("--variant", type=_variant, metavar="NAME", help=help_)
    group.add_argument(
        "--header",
        dest="headers",
        type=_header,
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="header to add to each request, in place of a recorded one; repeatable",
    )
    same = "also send requests to the pods that responded when they were captured"
    group.add_argument("--allow-same-target", action="store_true", help=same)


def _add_pace(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("pace")
    speed = "1.0 is as recorded, 2 twice as fast, max without pauses (default: 1.0)"
    group.add_argument("--speed", type=_speed, default=1.0, metavar="FACTOR", help=speed)
    group.add_argument("--rate", type=_rate, metavar="N", help="requests per second, evenly spaced, instead of --speed")
    group.add_argument(
        "--limit", type=_count(1, MOST_RECORDS), default=100_000, metavar="N", help="requests at most (default: 100000)"
    )
    most = "concurrent requests at most (default: 10)"
    group.add_argument("--connections", type=_count(1, 1000), default=10, metavar="N", help=most)
    group.add_argument(
        "--timeout",
        dest="timeout_seconds",
        type=_within(0.1, 3600),
        default=60.0,
        metavar="SECONDS",
        help="for each response (default: 60)",
    )


def _add_comparison(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("comparison")
    absolute = "largest difference of two equal numbers (default: 0)"
    group.add_argument("--tolerance", type=_within(0, math.inf), default=0.0, metavar="X", help=absolute)
    relative = "the same, relative to the larger one (default: 1e-9)"
    group.add_argument("--relative-tolerance", type=_within(0, 1), default=1e-9, metavar="X", help=relative)
    group.add_argument(
        "--ignore",
        dest="ignored",
        type=_pattern,
        action="append",
        default=[],
        metavar="PATH",
        help="place in JSON or CSV that is not compared, such as $.predictions[*].id; repeatable",
    )
    rate = "match rate from which on the exit code is 0 (default: 1.0)"
    group.add_argument("--min-match", type=_within(0, 1), default=1.0, metavar="RATE", help=rate)


def _add_report(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("report")
    group.add_argument("--json", dest="as_json", action="store_true", help="write the report as JSON")
    group.add_argument(
        "--differences",
        dest="most_shown",
        type=_count(0, 10_000),
        default=10,
        metavar="N",
        help="requests whose differences are shown (default: 10)",
    )
    group.add_argument(
        "--no-values", dest="with_values", action="store_false", help="show where responses differ, but no values"
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits")
    body = "largest request or response body in MiB (default: 1)"
    group.add_argument(
        "--max-body", dest="largest_body", type=_within(0.001, 64), default=1.0, metavar="MIB", help=body
    )
    disk = "disk for the records in MiB (default: 4096)"
    group.add_argument(
        "--max-disk", dest="largest_disk", type=_within(1, 1e7), default=4096.0, metavar="MIB", help=disk
    )
    folder = Path(tempfile.gettempdir())
    group.add_argument(
        "--folder",
        type=Path,
        default=folder,
        metavar="FOLDER",
        help="for temporary files (default: $TMPDIR, else /tmp)",
    )


def add_access(parser: argparse.ArgumentParser) -> Group:
    """How sources are reached."""
    group = parser.add_argument_group("access")
    keys = "mounted Secret for the sources: a file for each key, as in an artifactSecret"
    group.add_argument("--credentials", type=Path, default=_path("CREDENTIALS"), metavar="FOLDER", help=keys)
    claims = "folder of the mounted claims of pvc:// URLs (default: /claims)"
    group.add_argument("--claims", type=Path, default=Path("/claims"), metavar="FOLDER", help=claims)
    group.add_argument(
        "--allow-address",
        dest="allowed_addresses",
        type=ip_network,
        action=_Appended,
        default=_networks(os.environ.get(ALLOWED_VARIABLE, "")),
        metavar="NETWORK",
        help=f"address or network of a source, allowed although it is loopback or link-local; {ALLOWED_VARIABLE}",
    )
    return group


def _add_program(group: Group) -> None:
    gor = shutil.which("gor") or "gor"
    group.add_argument("--gor", default=gor, metavar="PROGRAM", help="the program gor 1.3.2 (default: from $PATH)")


class _Appended(argparse.Action):
    """Appends to a tuple, after the values from the environment."""

    def __call__(self, _parser: object, namespace: argparse.Namespace, value: object, _option: object = None) -> None:
        setattr(namespace, self.dest, (*getattr(namespace, self.dest), value))


def _path(variable: str) -> Path | None:
    return Path(os.environ[variable]) if os.environ.get(variable) else None


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())
    except ValueError as error:
        raise SystemExit(f"{ALLOWED_VARIABLE}: {error}") from error


def _url(text: str) -> str:
    """Without a path: each request has its own."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"invalid URL: {error}") from error
    plain = not (parts.path.strip("/") or parts.query or parts.fragment or parts.username)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not plain or "|" in text:
        raise argparse.ArgumentTypeError("expected http://HOST[:PORT] or https://HOST[:PORT]")
    return f"{parts.scheme}://{parts.netloc}"


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:\[\]_-]{1,255}", text):
        raise argparse.ArgumentTypeError("expected a host name, with a port or without")
    return text


def _variant(text: str) -> str:
    if not VARIANT.fullmatch(text):
        raise argparse.ArgumentTypeError("expected the name of a variant")
    return text


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not TOKEN.fullmatch(name) or not VALUE.fullmatch(value) or name.lower() in HOP_BY_HOP:
        raise argparse.ArgumentTypeError("expected NAME:VALUE, and none of the headers that concern the connection")
    return name, value.strip()


def _speed(text: str) -> float | None:
    return None if text == MAX else _within(0.01, 1000)(text)


def _rate(text: str) -> float:
    return _within(0.001, 1e6)(text)


def _pattern(text: str) -> Pattern:
    try:
        return parse_pattern(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


class _within:  # noqa: N801 - used as a type of argparse
    """A number from ``low`` to ``high``."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high

    def __call__(self, text: str) -> float:
        message = f"expected a number from {self._low:g} to {self._high:g}"
        try:
            number = float(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(message) from error
        if not self._low <= number <= self._high or math.isinf(number):
            raise argparse.ArgumentTypeError(message)
        return number


class _count(_within):  # noqa: N801 - used as a type of argparse
    """A whole number from ``low`` to ``high``."""

    def __call__(self, text: str) -> int:
        number = super().__call__(text)
        if not number.is_integer():
            raise argparse.ArgumentTypeError("expected a whole number")
        return int(number)
