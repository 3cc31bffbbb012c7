"""Prints what was measured, with the aims beside it."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean, median

from bench.fetch.artifact import Artifact
from bench.fetch.contestants import KSERVE, LEAN, OURS, TIGHT
from bench.fetch.figures import Round, Spread, spread, usual_lowest
from bench.fetch.kills import Loss
from bench.fetch.origin import Link
from bench.fetch.watch import Peaks
from fetcher.artifact import PIECE

SHARE_AIM = 0.9
FASTER_AIM = 1.8
DISK_AIM = 0.02
MEMORY_AIM = 64.0  # MiB
OPENING = 1
"""Bytes by which a run learns what it is about to fetch."""
_MIB = 2**20


def link_lines(link: Link, rounds: Sequence[Round], cores: int) -> Iterator[str]:
    """Everything about one link: the ceilings, then who came how near to the lowest."""
    ceilings = (f"{name} {_seconds(name, rounds)}" for name in rounds[0].ceilings)
    together = spread(rounds, lambda each: each.together(cores))
    yield f"\n{shown(link)}; seconds: {', '.join(ceilings)}; the lowest is {usual_lowest(rounds)}"
    cpu = spread(rounds, lambda each: each.cpu).middle
    yield f"  with SHA-256, all of it takes {cpu:.2f} processor seconds, and {cores} cores at least {together.shown()}"
    yield f"  inflation and SHA-256: {_side_by_side(rounds)}"
    yield f"  the hypervisor took {percent(spread(rounds, lambda each: each.stolen))} of the processors for others"
    yield f"  {'':<20}{'seconds':<20}{'cpu s':<8}{'of the lowest':<26}as fast as kserve-storage"
    for name in rounds[0].fetches:
        yield fetch_line(name, rounds)


def _seconds(name: str, rounds: Sequence[Round]) -> str:
    return spread(rounds, lambda each: each.ceilings[name].seconds).shown()


def _side_by_side(rounds: Sequence[Round]) -> str:
    seconds = spread(rounds, lambda each: each.beside.seconds).shown()
    both = spread(rounds, lambda each: each.beside.cpu).middle
    alone = spread(rounds, lambda each: each.one_after_the_other).middle
    return f"{seconds} seconds at the same time, {both:.2f} processor seconds for {alone:.2f} one after the other"


def fetch_line(name: str, rounds: Sequence[Round]) -> str:
    """One contestant: seconds, share of the lowest ceiling, and how many times as fast as kserve-storage it is."""
    took = spread(rounds, lambda each: each.fetches[name].seconds).shown()
    used = spread(rounds, lambda each: each.fetches[name].cpu)
    share = spread(rounds, lambda each: each.share(name))
    faster = spread(rounds, lambda each: each.faster(name)) if KSERVE in rounds[0].fetches else None
    is_ours = name in {OURS, LEAN}
    reached = verdict(share, SHARE_AIM) if is_ours else ""
    ratio = f"{faster.shown()} {verdict(faster, FASTER_AIM) if is_ours else ''}" if faster and name != KSERVE else ""
    return f"  {name:<20}{took:<20}{used.middle:<8.2f}{percent(share):<18}{reached:<8}{ratio}".rstrip()


def percent(share: Spread) -> str:
    """Such as ``93 % (91-95)``."""
    return f"{share.middle:.0%} ({min(share.values) * 100:.0f}-{max(share.values) * 100:.0f})".replace("%", " %")


def verdict(found: Spread, least: float) -> str:
    """By the median."""
    return "met" if found.middle >= least else "missed"


def peak_lines(artifact: Artifact, peaks: Mapping[str, Peaks], starts: Mapping[str, Sequence[float]]) -> Iterator[str]:
    """Memory and disk of everybody, and what it takes them to begin."""
    heads = f"{'':<22}{'memory, MiB':<14}{'extra disk':<14}{'to begin, s':<14}"
    yield f"\n{heads}aims: {MEMORY_AIM:.0f} MiB, {DISK_AIM:.0%}".replace("%", " %")
    for name, peak in peaks.items():
        extra = extra_disk(artifact, peak)
        begin = f"{median(starts[name]):.2f}" if name in starts else ""
        shown_extra = f"{extra * 100:.1f} %"
        line = f"  {name:<20}{peak.memory / _MIB:<14.1f}{shown_extra:<14}{begin:<14}"
        yield f"{line}{_within(name, peak, extra)}".rstrip()


def extra_disk(artifact: Artifact, peak: Peaks) -> float:
    """Beyond what the model itself takes, as a part of that."""
    return max(0, peak.disk - artifact.unpacked) / artifact.unpacked


def _within(name: str, peak: Peaks, extra: float) -> str:
    if name not in {OURS, LEAN, TIGHT}:
        return ""
    memory = "met" if peak.memory <= MEMORY_AIM * _MIB else "missed"
    return f"{memory}, {'met' if extra <= DISK_AIM else 'missed'}"


def loss_lines(losses: Sequence[Loss], streams: int) -> Iterator[str]:
    """What kills cost, in pieces."""
    pieces = [(loss.bytes - OPENING) / PIECE for loss in losses]
    most, within = max(pieces), sum(each <= streams for each in pieces)
    yield f"\n{len(losses)} kills with up to {streams} streams; every download ended, and with the right files"
    yield (
        f"  fetched twice for each, MiB: mean {mean(pieces):.1f}, median {median(pieces):.1f}, most {most:.1f}; "
        f"aim: at most {streams}, {'met' if within == len(pieces) else f'missed by {len(pieces) - within}'}"
    )


def shown(link: Link) -> str:
    """Such as ``200 MB/s, 10 ms``."""
    rate = f"{link.rate / 1e6:.0f} MB/s" if link.rate else "no limit"
    return f"{rate}, {link.latency * 1000:.0f} ms"


def artifact_line(artifact: Artifact) -> str:
    """What everybody fetches."""
    return f"{artifact.path.name}: {artifact.packed / 1e6:.0f} MB packed, {artifact.unpacked / 1e6:.0f} MB unpacked"
