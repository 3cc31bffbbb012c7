"""The cluster's certificates and keys, made by openssl once per state folder."""

from dataclasses import dataclass
from pathlib import Path

from cluster.commands import run

DAYS = "3650"
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Certificates:
    """A folder with an authority (`ca`), a key that signs tokens (`sa.key`), and each party's certificate and key."""

    folder: Path

    def certificate(self, name: str) -> Path:
        """Path of a certificate."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Path of a private key."""
        return self.folder / f"{name}.key"


def ensure_authority(folder: Path) -> Certificates:
    """The authority and the key that signs service account tokens."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Certificates(folder)
    if not made.certificate("ca").exists():
        _request(
            made,
            "ca",
            subject="/CN=mlendpoints-cluster",
            options=("-addext", "keyUsage=critical,keyCertSign,digitalSignature"),
        )
    if not made.key("sa").exists():
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", made.key("sa"))
    return made


def ensure_certificate(made: Certificates, name: str, *, subject: str, addresses: tuple[str, ...] = ()) -> None:
    """A certificate for clients and, with `addresses` (`IP:…`, `DNS:…`), for a server; kept if it exists."""
    if made.certificate(name).exists():
        return
    names = ("-addext", f"subjectAltName={','.join(addresses)}") if addresses else ()
    usage = ("-addext", "extendedKeyUsage=clientAuth,serverAuth", "-addext", "basicConstraints=critical,CA:false")
    issuer = ("-CA", str(made.certificate("ca")), "-CAkey", str(made.key("ca")))
    _request(made, name, subject=subject, options=(*issuer, *usage, *names))


def _request(made: Certificates, name: str, *, subject: str, options: tuple[str, ...]) -> None:
    """The certificate is renamed last, so an existing one is complete and has its key."""
    unfinished = made.folder / f"unfinished-{name}.crt"
    run(
        "openssl",
        "req",
        "-x509",
        *NEW_KEY,
        "-days",
        DAYS,
        "-subj",
        subject,
        *options,
        "-keyout",
        made.key(name),
        "-out",
        unfinished,
    )
    unfinished.rename(made.certificate(name))
