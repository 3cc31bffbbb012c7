"""Certificates that servers of tests show."""

import ssl
import subprocess
from pathlib import Path


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate of a name that nobody asks for; made once in a folder."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    if not certificate.exists():
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        files = ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=somebody.else"]
        subprocess.run([*command, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def signed(folder: Path, authority: Path) -> ssl.SSLContext:
    """A server's context with a certificate for 127.0.0.1; ``authority`` is the folder of ``ca.crt`` and ``ca.key``."""
    key, request, certificate, names = (
        folder / name for name in ("kubelet.key", "kubelet.csr", "kubelet.crt", "names")
    )
    names.write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    by = ["-CA", str(authority / "ca.crt"), "-CAkey", str(authority / "ca.key"), "-CAcreateserial", "-CAserial"]
    for command in (
        ["openssl", "req", "-new", *new, "-subj", "/CN=kubelet", "-out", str(request)],
        [
            *["openssl", "x509", "-req", "-in", str(request), *by, str(folder / "serial")],
            *["-extfile", str(names), "-days", "1", "-out", str(certificate)],
        ],
    ):
        subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
