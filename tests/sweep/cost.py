"""What a scenario cost: the operator's calls against the objects that differ, lease and watches left out.

A unit is an object or its status subresource. It differs if it was made,
changed or removed between two acts of a user; events are objects, too. What
users and the fake workloads write is none of the operator's.
"""

from collections import Counter
from collections.abc import Iterable

from tests.sweep.run import Outcome


def table(outcomes: Iterable[Outcome]) -> str:
    """A line for each scenario: its calls by verb and kind."""
    return "".join(_line(outcome) for outcome in outcomes)


def _line(outcome: Outcome) -> str:
    calls = Counter(str(call) for call in outcome.calls)
    return f"{outcome.scenario}: {calls.total()} calls: {', '.join(f'{n} {c}' for c, n in sorted(calls.items()))}\n"
