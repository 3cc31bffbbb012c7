"""``python -m tests.reintroduced``: puts faults that were fixed back in, one by one, and shows that tests fail of each.

Faults of the decision have their place in ``tests/model/bugs.py``, those of the operator as a whole in
``tests/sweep/seeds.py``; these here lie around both. Each is a piece of source that is replaced in a copy of the
project, where its tests run then.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent
_LEFT_OUT = (".git", ".venv", ".tools", ".*_cache", "__pycache__")
_FAILED = 1  # pytest: tests were collected, and some failed


class Fault(Struct, frozen=True, kw_only=True):
    """What stands in the source, what stood there before or might, and the tests that must fail then."""

    what: str
    file: str
    good: str
    bad: str
    tests: str


_PROBES = "tests/edge/test_probes.py"
_HOSTILE = f"{_PROBES}::test_a_hostile_answer_costs_little_and_is_told"

FAULTS = {
    "token-follows": Fault(
        what="a Secret's headers go along with a redirect to another server",
        file="outbound/credentials.py",
        good="return self.headers if wanted.origin == self.origin else {}",
        bad="return self.headers",
        tests="tests/unit/fetcher/test_fetcher_guard.py::test_secrets_do_not_go_along_to_another_server",
    ),
    "partial-claim": Fault(
        what="a folder of a claim that cannot be read is passed over",
        file="fetcher/volume/pvc.py",
        good="""    with _readable(path):
        folder = os.open(path.rpartition(b"/")[2], FOLDER, dir_fd=parent)
""",
        bad="""    try:
        folder = os.open(path.rpartition(b"/")[2], FOLDER, dir_fd=parent)
    except PermissionError:
        return
""",
        tests="tests/unit/fetcher/test_fetcher_claims.py::test_a_folder_that_cannot_be_read_fails_the_whole",
    ),
    "no-turns": Fault(
        what="workers leave the event loop to nobody while keys wait",
        file="src/mlendpoints/edge/reconcile/worker.py",
        good="            await asyncio.sleep(0)\n",
        bad="",
        tests="tests/edge/test_worker.py::test_reconciles_that_never_wait_leave_the_loop_to_others_after_each_key[1-at_once]",
    ),
    "whole-answers": Fault(
        what="an answer to a probe is read to its end",
        file="src/mlendpoints/edge/poll/requests.py",
        good="        if len(body) > longest:\n            break\n",
        bad="",
        tests=f"{_HOSTILE}[endless]",
    ),
    "slow-answers": Fault(
        what="an answer to a probe may take as long as it likes",
        file="src/mlendpoints/edge/poll/requests.py",
        good="asyncio.timeout(TIMEOUT)",
        bad="asyncio.timeout(None)",
        tests=f"{_HOSTILE}[drip]",
    ),
    "no-share": Fault(
        what="one namespace's probes may take all places",
        file="src/mlendpoints/edge/poll/probes.py",
        good="Slots(total=_AT_ONCE, each=_OF_NAMESPACE)",
        bad="Slots(total=_AT_ONCE, each=_AT_ONCE)",
        tests=f"{_PROBES}::test_endpoints_whose_probes_never_end_hold_up_no_other_namespace",
    ),
    "owners-anywhere": Fault(
        what="an object is a child of an endpoint in another namespace",
        file="src/mlendpoints/edge/observe/indexers.py",
        good='return ("controller", namespace, uid)',
        bad='return ("controller", uid)',
        tests="tests/edge/test_hostile_objects.py::test_a_child_counts_in_the_namespace_of_its_owner_only",
    ),
    "no-json": Fault(
        what="an answer of the API server that cannot be read ends whoever asked",
        file="src/mlendpoints/edge/kube/responses.py",
        good='    except UNREADABLE as error:\n        raise UnavailableError(f"The API',
        bad='    except ZeroDivisionError as error:\n        raise UnavailableError(f"The API',
        tests="tests/edge/test_client.py::test_an_answer_that_cannot_be_read_is_an_error_that_can_be_tried_again",
    ),
    "large-templates": Fault(
        what="a template may be as large as an object may be",
        file="deploy/crds/machinelearningmodels.yaml",
        good=".sum() : 0) <= 65536",
        bad=".sum() : 0) <= 6553600",
        tests="tests/apiserver/api/test_accepted.py::"
        "test_more_than_64_kib_of_environment_and_arguments_are_rejected[mlm]",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what came of each; 1 if a fault was not seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.reintroduced", description=__doc__)
    parser.add_argument("fault", nargs="*", choices=[*FAULTS, []], help="these only")
    chosen = parser.parse_args(arguments).fault or list(FAULTS)
    unseen = [name for name in chosen if not _is_seen(name, FAULTS[name])]
    sys.stdout.write(f"{len(chosen)} faults, not seen: {', '.join(unseen) or 'none'}\n")
    return 1 if unseen else 0


def _is_seen(name: str, fault: Fault) -> bool:
    with _copied(fault) as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", fault.tests]
        environment = os.environ | {"PYTHONPATH": str(folder / "src")}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    last = (done.stdout.strip() or done.stderr.strip()).rpartition("\n")[2]
    seen = done.returncode == _FAILED and " failed" in last  # an error alone shows nothing
    sys.stdout.write(f"{name}: {fault.what}: {'seen' if seen else 'NOT SEEN'}: {last}\n")
    sys.stdout.flush()
    return seen


@contextmanager
def _copied(fault: Fault) -> Iterator[Path]:
    """The project with the fault, for a while."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        source = folder / fault.file
        source.write_text(with_fault(source.read_text(), fault))
        yield folder


def with_fault(source: str, fault: Fault) -> str:
    """The source with the fault in its one place; ``ValueError`` if there is no such place."""
    before, found, after = source.partition(fault.good)
    if not found or fault.good in after:
        raise ValueError(f"{fault.file} does not have this once: {fault.good!r}")
    return before + fault.bad + after


if __name__ == "__main__":
    sys.exit(main())
