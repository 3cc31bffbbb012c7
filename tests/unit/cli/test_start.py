"""What the command line loads before it knows what is requested."""

import subprocess
import sys

import pytest

SLOW = ("aiohttp", "lightkube", "httpx2", "yaml", "rich", "pydantic", "asyncio", "msgspec")
PROGRAM = """
import sys
from mlendpoints.cli.main import run
sys.argv = ["mlendpoints", *{arguments!r}]
try:
    run()
except SystemExit as end:
    print(end.code, *sorted(set({slow!r}) & sys.modules.keys()), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["get", "--help"], 0),
        (["--version"], 0),
        (["gte"], 2),
        (["weights", "titanic", "blue"], 2),
        (["plan"], 2),
        (["plan", "-f", "/nowhere.yaml"], 2),
        (["install", "--help"], 0),
        (["capture", "tail", "--help"], 0),
        (["capture", "tial"], 2),
        (["replay", "titanic", "--option", "x"], 2),
    ],
)
def test_help_and_errors_of_usage_load_nothing_slow(arguments: list[str], code: int) -> None:
    program = PROGRAM.format(arguments=arguments, slow=SLOW)
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert found.stderr.splitlines()[-1] == str(code)


def test_a_missing_library_is_named_with_the_way_to_install_it() -> None:
    program = "import sys; sys.modules['typer'] = None; from mlendpoints.cli.__main__ import main; main()"
    found = subprocess.run([sys.executable, "-c", program, "get"], check=False, capture_output=True, text=True)
    assert found.stderr.endswith('pip install "mlendpoints[cli]"\n')
    assert found.returncode == 1
