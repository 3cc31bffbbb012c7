"""The sentence and the exit code for each error. Pure, and loads no client."""

import re

AS_REQUESTED, FAILED, USAGE, TIMED_OUT = range(4)
INTERRUPTED = 130  # 128 and SIGINT, as shells count
PIPE_CLOSED = 141  # 128 and SIGPIPE

EXIT_CODES = {
    AS_REQUESTED: "as requested",
    FAILED: "failed, or cannot be done",
    USAGE: "wrong arguments, options or kubeconfig: nothing was sent",
    TIMED_OUT: "timed out; what was requested continues in the cluster",
    INTERRUPTED: "interrupted by Ctrl-C; what was requested continues in the cluster",
    PIPE_CLOSED: "the program that reads the output has ended",
}

# What messages of the client say in Python, as it is said in a shell.
_WORDS = (
    (re.compile(r"shared=True"), "--shared"),
    (re.compile(r"see explain\(\)"), "see `mlendpoints explain`"),
    (re.compile(r", or pass kubeconfig=\"PATH\""), ", or pass --kubeconfig PATH"),
    (re.compile(r"MLOpsClient\(gateway=\"([^\"]+)\"\)"), r"--gateway \1"),
    (re.compile(r"pass content_type\b"), "pass --content-type"),
    (re.compile(r"use stream\(\)"), "pass --stream"),
    (re.compile(r"wait again, or undo the edit"), "follow it with `mlendpoints status --watch`, or undo the edit"),
    (
        re.compile(r'Pass either model="NAME" or fields of its spec, such as image or artifact'),
        "Pass --model or --image or --artifact",
    ),
)


class UsageError(Exception):
    """Wrong arguments: nothing was sent."""


def sentence(error: BaseException) -> str:
    """The error in one line, in the words of the command line.

    >>> sentence(UsageError("Pass shared=True."))
    'Pass --shared.'
    """
    text = " ".join(str(error).split())
    for pattern, words in _WORDS:
        text = pattern.sub(words, text)
    return "".join(character for character in text if character.isprintable()) or type(error).__name__


def exit_code(error: BaseException) -> int:
    """The exit code for an error of this package or of the client.

    >>> exit_code(UsageError("no such kind"))
    2
    """
    match type(error).__name__:
        case "UsageError" | "ConfigurationError":
            return USAGE
        case "WaitTimeoutError":
            return TIMED_OUT
        case "WaitInterruptedError" | "KeyboardInterrupt":
            return INTERRUPTED
        case "BrokenPipeError":
            return PIPE_CLOSED
    return FAILED


def interruption(error: BaseException) -> str:
    """What Ctrl-C leaves: what continues in the cluster, where something does."""
    return sentence(error) if str(error) else "Interrupted."
