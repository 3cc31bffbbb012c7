"""A network namespace of its own: a cluster in it and the machine's own do not notice each other."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
IPTABLES = ("iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy")


@dataclass(frozen=True)
class Sandbox:
    """`holder` keeps the namespace open; `state` is the state folder of the cluster in it."""

    holder: int
    state: Path

    def inside(self, *command: str) -> list[str]:
        return ["nsenter", f"--target={self.holder}", "--net", "--", *command]

    def cluster(self, *arguments: str) -> list[str]:
        return self.inside(sys.executable, "-m", "cluster", *arguments)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "MLENDPOINTS_STATE": str(self.state)}

    def run(self, command: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT, env={**self.environment, **environment}, capture_output=True, text=True, check=False
        )

    def output(self, *command: str) -> str:
        done = self.run(self.inside(*command))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.cluster(*arguments),
            cwd=ROOT,
            env=self.environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )


@contextmanager
def a_sandbox(state: Path) -> Iterator[Sandbox]:
    holder = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec sleep infinity"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    sandbox = Sandbox(holder.pid, state)
    try:
        yield sandbox
    finally:
        sandbox.run(sandbox.cluster("down"))
        holder.kill()
        holder.wait()
        holder.stdout.close()


@dataclass(frozen=True)
class Traces:
    """All that a cluster may leave behind on a machine, each as a set of descriptions."""

    processes: frozenset[str]
    mounts: frozenset[str]
    links: frozenset[str]
    namespaces: frozenset[str]
    rules: frozenset[str]
    control_groups: frozenset[str]
    files: frozenset[str]


def traces(sandbox: Sandbox) -> Traces:
    return Traces(
        processes=frozenset(_processes(sandbox)),
        mounts=frozenset(line for line in Path("/proc/mounts").read_text().splitlines() if str(sandbox.state) in line),
        links=frozenset(re.findall(r"^\d+: ([^:@]+)", sandbox.output("ip", "-oneline", "link"), flags=re.MULTILINE)),
        namespaces=frozenset(sandbox.output("ip", "netns", "list").splitlines()),
        rules=frozenset(_rules(sandbox)),
        control_groups=frozenset(_control_groups()),
        files=frozenset(_files(sandbox)),
    )


def _processes(sandbox: Sandbox) -> Iterator[str]:
    """Those in the sandbox's network, and those that mention its state folder."""
    network = _network_of(sandbox.holder)
    for pid in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()):
        words = _read(pid, "cmdline") + _read(pid, "environ")
        test_itself = pid == os.getpid()
        if not test_itself and (_network_of(pid) == network or str(sandbox.state).encode() in words):
            yield f"{pid} {_read(pid, 'cmdline').decode()}"


def _network_of(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _rules(sandbox: Sandbox) -> Iterator[str]:
    """Rules and chains; the built-in chains of a table are no trace, nor are packet counts."""
    for tool in IPTABLES:
        for line in sandbox.output(f"{tool}-save").splitlines():
            if line.startswith("-A") or re.match(r":\S+ -", line):
                yield f"{tool} {line.split('[')[0]}"


def _files(sandbox: Sandbox) -> Iterator[str]:
    """The state folder, and what the CNI plugins remember of its pods."""
    yield from (str(path) for path in sandbox.state.parent.iterdir())
    for result in Path("/var/lib/cni/results").glob("*"):
        if str(sandbox.state) in result.read_text():
            yield str(result)


def _control_groups() -> Iterator[str]:
    root = Path("/sys/fs/cgroup")
    return (str(path) for pattern in ("mlendpoints-*", "*/mlendpoints-*") for path in root.glob(pattern))
