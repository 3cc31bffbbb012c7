"""The servers that a store's library may connect to: the store and those of the pod's identity. No I/O.

The library follows redirects and sends its credentials along. So it may connect only to
the servers that it needs. A metadata service, otherwise blocked, is allowed only for a
request that no redirect can cause: with a method, a path and a header that only a library
requesting the pod's identity sends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from outbound.dial import Target, target
from outbound.failures import SECRET, RequestFailed

Server = tuple[str, int]
IDENTITY = (
    ("PUT", "/latest/api/token", "x-aws-ec2-metadata-token-ttl-seconds"),
    ("GET", "/latest/meta-data/iam/security-credentials/", "x-aws-ec2-metadata-token"),
    ("GET", "/computeMetadata/v1/instance/service-accounts/default/", "metadata-flavor"),
    ("GET", "/metadata/identity/oauth2/token", "metadata"),
)
PLATFORM: Mapping[str, tuple[str, ...]] = {
    "s3": ("https://sts.{region}.amazonaws.com",),
    "gs": ("https://iamcredentials.googleapis.com", "https://oauth2.googleapis.com", "https://accounts.google.com"),
    "az": ("https://login.microsoftonline.com",),
}
FROM_ENVIRONMENT: Mapping[str, tuple[str, ...]] = {
    "s3": ("AWS_ENDPOINT_URL_STS",),
    "gs": (),
    "az": ("AZURE_AUTHORITY_HOST",),
}


@dataclass(frozen=True)
class Request:
    """A request of the library to its proxy."""

    method: str
    url: str
    headers: Mapping[str, str]

    @property
    def wanted(self) -> Target:
        """Its target; raises ``RequestFailed``."""
        return target(f"https://{self.url}" if self.method == "CONNECT" else self.url)


@dataclass(frozen=True)
class Reach:
    """Allowed servers by host and port, and the URL of the container platform's credentials."""

    servers: frozenset[Server]
    credentials_url: str = ""

    def check(self, request: Request) -> None:
        """Raises ``RequestFailed`` for a server that the store does not need."""
        wanted = request.wanted
        if (wanted.host, wanted.port) not in self.servers:
            raise RequestFailed(
                f"the store redirects to {wanted.authority}, which is not the server that {SECRET} or the "
                "URL names; redirects to other servers are not followed"
            )

    def is_identity(self, request: Request) -> bool:
        """Whether it requests the pod's identity from the platform, in a way that no redirect can cause."""
        if request.url == self.credentials_url:
            return request.method == "GET"
        parts = urlsplit(request.url)
        return parts.scheme == "http" and any(
            request.method == method and parts.path.startswith(path) and header in request.headers
            for method, path, header in IDENTITY
        )


def reach_of(scheme: str, base: str, config: Mapping[str, str], environment: Mapping[str, str]) -> Reach:
    """The servers for a store at ``base``; raises ``RequestFailed`` for an invalid URL."""
    named = [environment[name] for name in FROM_ENVIRONMENT[scheme] if environment.get(name)]
    known = [url.format(region=config.get("region", "")) for url in PLATFORM[scheme]]
    relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "")
    full = environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
    if full.startswith("https://"):
        named.append(full)
    found = [target(url) for url in (base, *known, *named)]
    return Reach(
        frozenset((each.host, each.port) for each in found),
        f"http://169.254.170.2{relative}" if relative else full,
    )
