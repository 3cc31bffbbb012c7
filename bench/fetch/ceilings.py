"""What the machine can do at most, each part of the work alone, measured here and now."""

import hashlib
import os
import socket
import struct
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from isal import isal_zlib

from bench.fetch.artifact import SHARD, Artifact, emptied
from bench.fetch.figures import Work

BLOCK = 1024 * 1024
BEHIND = 16 * BLOCK
"""Bytes after which a second thread begins to bring a file down to the disk."""
_LOCAL_HEADER = struct.Struct("<26xHH")
_NO_HEADER = -15


def measured(work: Callable[[], object]) -> Work:
    """How long it takes, and what it takes of the processors."""
    begun, used = time.monotonic(), time.process_time()
    work()
    return Work(time.monotonic() - begun, time.process_time() - used)


def network(port: int, artifact: Artifact) -> Work:
    """Reads it from the origin into one buffer, on one connection."""
    return measured(partial(_read, port, artifact))


def inflate(artifact: Artifact) -> Work:
    """Inflates it out of the page cache and drops what comes; nothing where nothing is deflated."""
    if artifact.path.name.endswith(".gz"):
        return measured(partial(_inflate_gzip, artifact.path))
    return measured(partial(_inflate_zip, artifact.path)) if artifact.path.suffix == ".zip" else Work(0, 0)


def sha256(artifact: Artifact) -> Work:
    """Hashes it out of the page cache."""
    return measured(lambda: _each_block(artifact.path, hashlib.sha256().update))


def beside(artifact: Artifact) -> Work:
    """Inflates and hashes at the same time, on two threads: shows how much busy processors slow each other."""
    with ThreadPoolExecutor() as threads:
        return measured(lambda: list(threads.map(lambda part: part(artifact), (inflate, sha256))))


def disk(folder: Path, artifact: Artifact) -> Work:
    """Writes as many bytes, in files as large, and brings them down: at once or behind the writer, what is quicker."""
    return min(
        (
            measured(partial(_write, emptied(folder), artifact.unpacked, behind=behind))
            for behind in (artifact.unpacked, BEHIND)
        ),
        key=lambda work: work.seconds,
    )


def _read(port: int, artifact: Artifact) -> None:
    buffer, left = memoryview(bytearray(BLOCK)), artifact.packed
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET /{artifact.path.name} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        head = bytearray()
        while b"\r\n\r\n" not in head:
            head += connection.recv(BLOCK)
        left -= len(head) - head.index(b"\r\n\r\n") - 4
        while left and (count := connection.recv_into(buffer)):
            left -= count
    if left:
        raise ConnectionError(f"{left} bytes did not come")


def _each_block(path: Path, use: Callable[[bytes], object]) -> None:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            use(block)


def _inflate_gzip(path: Path) -> None:
    _each_block(path, isal_zlib.decompressobj(wbits=31).decompress)


def _inflate_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        for item in archive.infolist():
            file.seek(item.header_offset)
            file.seek(sum(_LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))), os.SEEK_CUR)
            inflater = isal_zlib.decompressobj(wbits=_NO_HEADER)
            for block in _blocks_of(file.read, item.compress_size):
                inflater.decompress(block)


def _blocks_of(read: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (block := read(min(BLOCK, size))):
        size -= len(block)
        yield block


def _write(folder: Path, size: int, *, behind: int) -> None:
    block, syncs = os.urandom(BLOCK), list[threading.Thread]()
    for number, start in enumerate(range(0, size, SHARD)):
        with (folder / f"{number}").open("wb", buffering=0) as file:
            end = min(SHARD, size - start)
            for begin in range(0, end, BLOCK):
                file.write(memoryview(block)[: end - begin])
                if (begin + BLOCK) % behind == 0:
                    syncs.append(_began(os.dup(file.fileno())))
            syncs.append(_began(os.dup(file.fileno())))
    for each in syncs:
        each.join()


def _began(file: int) -> threading.Thread:
    thread = threading.Thread(target=_sync, args=(file,))
    thread.start()
    return thread


def _sync(file: int) -> None:
    os.fsync(file)
    os.close(file)
