"""A proxy whose pod has Fluent Bit, which a test's exporter stands in for; and what is said of processes there."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.images.exporter import Exporter, Process, exporter, text
from tests.images.metered import DECLARED, metrics
from tests.images.processes import Running, started, until
from tests.kit.model_proxy import entrypoint, put_proxy
from tests.kit.ports import free_port

CPU = "mlendpoints_process_cpu_seconds_total"
MEMORY = "mlendpoints_process_memory_bytes"
READ = "mlendpoints_process_read_bytes_total"
WRITTEN = "mlendpoints_process_written_bytes_total"
THREADS = "mlendpoints_process_threads"
FILES = "mlendpoints_process_open_files"
UP = "mlendpoints_process_metrics_up"
NAMES = {each["name"] for each in DECLARED["metrics"] if each.get("only") == "fluent-bit"}
Samples = dict[tuple[str, ...], float]


@contextmanager
def watched(folder: Path, *, interval: str = "50ms") -> Iterator[tuple[Exporter, Running]]:
    """Both, until the block ends; the proxy looks 20 times a second instead of each 5 seconds."""
    with exporter() as fluent_bit, watching(folder, fluent_bit.port, interval=interval) as proxy:
        yield fluent_bit, proxy


@contextmanager
def watching(folder: Path, exported: int, *, interval: str = "50ms") -> Iterator[Running]:
    port, monitoring = free_port(), free_port()
    settings = put_proxy(folder, port=port, monitoring=monitoring) | {"PROCESS_METRICS_PORT": str(exported)}
    template = entrypoint(folder).with_name("nginx.conf.template")
    usual = template.read_text()
    assert "interval=5s jitter=500ms" in usual
    template.write_text(usual.replace("interval=5s jitter=500ms", f"interval={interval}"))
    command = ["sh", str(entrypoint(folder))]
    with started(command, port=port, monitoring=monitoring, output=folder / "log", env=settings) as running:
        yield running


def samples(proxy: Running, name: str) -> Samples:
    """By the values of the labels that are not the pod's."""
    family = metrics(proxy).get(name)
    if family is None:
        return {}
    (declared,) = [each for each in DECLARED["metrics"] if each["name"] == name]
    labels = declared.get("labels", [])
    return {tuple(sample.labels[label] for label in labels): sample.value for sample in family.samples}


def is_up(proxy: Running) -> bool:
    return samples(proxy, UP) == {(): 1}


def until_said(fluent_bit: Exporter, proxy: Running, *processes: Process, others: str = "") -> Mapping[str, Samples]:
    """All samples, once the proxy has read this, and has looked again: nothing of it is new any more."""
    fluent_bit.says(text(*processes) + others)
    fluent_bit.until_asked(3)
    until(lambda: is_up(proxy) or None)
    return {name: samples(proxy, name) for name in NAMES}


@contextmanager
def a_process(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """One that rests, of the user of the tests."""
    with subprocess.Popen(command or ("sleep", "1000000")) as process:
        try:
            yield process
        finally:
            process.kill()
