"""Frames in the protocol ``v4.channel.k8s.io``: the number of a channel, then its bytes. Pure.

Of a forwarded port, as kubelets speak it (``pkg/kubelet/cri/streaming/portforward/websocket.go`` of Kubernetes):
channel 0 carries the data in both directions, channel 1 what went wrong. The first frame of each has the port, in two
bytes, little-endian. Of a program in a container: stdin, stdout, stderr, and how it has ended, as a ``Status``.
"""

import json

from mlendpoints.client.errors import UnreachableError

DATA, ERROR = 0, 1
_SHOWN = 500  # characters of what went wrong


class Channels:
    """The channels of one connection with one port."""

    def __init__(self, port: int) -> None:
        self._port = port.to_bytes(2, "little")
        self._new = {DATA, ERROR}

    def received(self, frame: bytes) -> bytes:
        r"""The data in a frame, if any; raises ``UnreachableError`` if the connection has failed.

        >>> channels = Channels(8080)
        >>> [channels.received(frame) for frame in (b"\x00\x90\x1f", b"\x01\x90\x1f", b"\x00HTTP")]
        [b'', b'', b'HTTP']
        >>> channels.received(b"\x01connection refused")
        Traceback (most recent call last):
        mlendpoints.client.errors.UnreachableError: connection refused
        """
        if not frame or frame[0] not in (DATA, ERROR):
            raise UnreachableError("The API server sent a frame of an unknown channel.")
        channel, content = frame[0], frame[1:]
        if channel in self._new:
            self._begin(channel, content)
            return b""
        if channel == ERROR and content:
            raise UnreachableError(" ".join(content[: 4 * _SHOWN].decode(errors="replace").split())[:_SHOWN])
        return content

    def _begin(self, channel: int, content: bytes) -> None:
        if content != self._port:
            raise UnreachableError("The API server did not confirm the port that is to be forwarded.")
        self._new.remove(channel)


def sent(data: bytes) -> bytes:
    r"""The frame that carries data.

    >>> sent(b"POST")
    b'\x00POST'
    """
    return bytes((DATA,)) + data


STDOUT, STDERR, ENDED = 1, 2, 3


class Output:
    """What a program in a container writes, and how it has ended."""

    def __init__(self) -> None:
        self.said = b""  # the end of stderr
        self.failure = ""
        self.has_ended = False

    def received(self, frame: bytes) -> bytes:
        r"""What a frame has of stdout; ``failure`` says how the program has failed.

        >>> output = Output()
        >>> [output.received(frame) for frame in (b"\x01one", b"\x02no such file", b'\x03{"status": "Failure"}')]
        [b'one', b'', b'']
        >>> output.failure
        'no such file'
        """
        channel, content = frame[:1], frame[1:]
        if channel == bytes((STDERR,)):
            self.said = (self.said + content)[-4 * _SHOWN :]
        elif channel == bytes((ENDED,)):
            self._end(content)
        return content if channel == bytes((STDOUT,)) else b""

    def _end(self, content: bytes) -> None:
        self.has_ended = True
        try:
            status = json.loads(content)
        except (ValueError, RecursionError):
            status = {}
        if not isinstance(status, dict) or status.get("status") != "Success":
            told = self.said.decode(errors="replace") or str(
                status.get("message", "") if isinstance(status, dict) else ""
            )
            self.failure = " ".join(told.split())[-_SHOWN:] or "it failed"
