"""Places in a response, such as ``$.predictions[0].label``, and patterns of them. No I/O."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

ANY = "*"
Step = str | int
Place = tuple[Step, ...]
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
STEP = re.compile(r"\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*|\*)|\[(?P<index>[0-9]{1,9}|\*)\]|\['(?P<quoted>[^']{1,200})'\]")
LONGEST = 200


@dataclass(frozen=True)
class Pattern:
    """Steps of which each is a name, an index, or any; it covers a place and everything below."""

    steps: tuple[Step, ...]
    any_at: frozenset[int]

    def covers(self, place: Place) -> bool:
        """Whether the pattern ends at exactly this place."""
        return len(place) == len(self.steps) and all(
            number in self.any_at or step == wanted
            for number, (step, wanted) in enumerate(zip(place, self.steps, strict=True))
        )


def parse_pattern(text: str) -> Pattern:
    """Reads ``$.name[0][*]['any name'].*``; raises ``ValueError``."""
    if not text.startswith("$"):
        raise ValueError(f"{text!a} must start with $")
    steps: list[Step] = []
    position = 1
    while position < len(text):
        found = STEP.match(text, position)
        if not found:
            raise ValueError(f"{text!a} has no valid step at position {position}; expected .name, [0], [*] or ['name']")
        steps.append(found["quoted"] or found["name"] or _index(found["index"]))
        position = found.end()
        if ANY in {found["name"], found["index"]}:
            steps[-1] = ANY
    named_so = _quoted_stars(text)
    any_at = frozenset(number for number, step in enumerate(steps) if step == ANY and number not in named_so)
    return Pattern(tuple(steps), any_at)


def _index(text: str) -> Step:
    return text if text == ANY else int(text)


def _quoted_stars(text: str) -> set[int]:
    """Steps that are written as ``['*']``: a key of this name."""
    return {number for number, found in enumerate(STEP.finditer(text, 1)) if found["quoted"] == ANY}


def shown(place: Place, *, general: bool = False) -> str:
    """The place in the notation of patterns; ``general``: with ``[*]`` for each index."""
    steps = "".join(_shown(step, general=general) for step in place[:50])
    return f"${steps}"[:LONGEST]


def _shown(step: Step, *, general: bool) -> str:
    if isinstance(step, int):
        return "[*]" if general else f"[{step}]"
    return f".{step}" if PLAIN.fullmatch(step) else f"[{step[:100]!a}]"


def covered(place: Place, patterns: Iterable[Pattern]) -> bool:
    """Whether a pattern ends at this place."""
    return any(pattern.covers(place) for pattern in patterns)
