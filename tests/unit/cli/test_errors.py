"""Errors of the client in the words of a shell, and their exit codes."""

import pytest

from mlendpoints.cli import errors
from mlendpoints.client import (
    ClientError,
    ConfigurationError,
    FailedError,
    NotFoundError,
    SharedError,
    UnreachableError,
    WaitInterruptedError,
    WaitTimeoutError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FailedError("x"), 1),
        (NotFoundError("x"), 1),
        (UnreachableError("x"), 1),
        (ClientError("x"), 1),
        (ConfigurationError("x"), 2),
        (errors.UsageError("x"), 2),
        (WaitTimeoutError("x", goal="Ready"), 3),
        (WaitInterruptedError("x"), 130),
        (BrokenPipeError(), 141),
    ],
)
def test_each_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert errors.exit_code(error) == code
    assert code in errors.EXIT_CODES


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("The edit would change them, too. shared=True allows that.", "--shared allows that."),
        ("No pod can answer: see explain().", "see `mlendpoints explain`."),
        ('Set KUBECONFIG, or pass kubeconfig="PATH".', "Set KUBECONFIG, or pass --kubeconfig PATH."),
        ('Pass its address: MLOpsClient(gateway="http://HOST:PORT").', "Pass its address: --gateway http://HOST:PORT."),
        ("pass content_type.", "pass --content-type."),
    ],
)
def test_messages_name_options_instead_of_python(message: str, said: str) -> None:
    assert errors.sentence(SharedError(message, endpoints=())).endswith(said)


def test_a_message_is_one_line_that_moves_no_cursor() -> None:
    assert errors.sentence(ClientError("a\nb\x1b[2Jc")) == "a b[2Jc"
