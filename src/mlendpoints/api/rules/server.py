"""Rules of the model server: artifact, port, image, environment, user."""

from typing import Final

from mlendpoints.api.model import RESERVED_USER_IDS
from mlendpoints.api.rules.rule import Rule

REFERENCES: Final = 16  # the most that admission can check one by one
ENVIRONMENT_BYTES: Final = 64 << 10  # of command, args and env together
PODS_OWN_PORTS: Final = (2021, 8088, 9090)  # Fluent Bit, nginx, monitoring


_CLIMBING: Final = r"^[^?]*/([.]|%2[eE]){2}([/?]|$)"  # '..' between slashes, before a query
SERVER = (
    Rule(
        f"!has(self.artifact) || !self.artifact.matches(r'{_CLIMBING}')",
        "artifact must not contain '..'; use the resolved path",
        "artifact",
    ),
    Rule(
        "self.?artifactDigest.orValue('') == '' || self.?artifact.orValue('') != ''",
        "artifactDigest requires an artifact; set artifact too, or remove the digest",
        "artifactDigest",
    ),
    Rule(
        "self.?artifactSecret.orValue('') == '' || "
        "self.?artifact.orValue('') != '' && !self.artifact.startsWith('pvc://')",
        "artifactSecret requires an artifact in a store; a claim (pvc://) needs none: remove one of them",
        "artifactSecret",
    ),
    Rule(
        f"!(self.port in {list(PODS_OWN_PORTS)})",
        f"port must not be {', '.join(map(str, PODS_OWN_PORTS))}: the pod's own containers listen there",
        "port",
    ),
    Rule(
        "self.port >= 1024",
        "port must be 1024 or above, since only root may use lower ports and the server does not run as root;"
        " let it listen on another port, such as 8080",
        "port",
    ),
    Rule(
        "(self.?artifactSecret.orValue('') == '' ? 0 : 1)"
        " + (has(self.imagePullSecrets) ? size(self.imagePullSecrets) : 0)"
        f" + (has(self.env) ? size(self.env.filter(variable, has(variable.valueFrom))) : 0) <= {REFERENCES}",
        f"artifactSecret, imagePullSecrets and env[].valueFrom may have at most {REFERENCES} references in total; "
        "put plain values in env[].value, or let the server read a file in the image",
    ),
)
_ENVIRONMENT = (
    "(has(self.env) ? self.env.map(v, size(bytes(v.name)) + (has(v.value) ? size(bytes(v.value)) : 0)).sum() : 0)"
    " + (has(self.args) ? self.args.map(argument, size(bytes(argument))).sum() : 0)"
    " + (has(self.command) ? self.command.map(argument, size(bytes(argument))).sum() : 0)"
)


_NO_PATH: Final = r"^https?://[^/?]*/?$"
_HOST: Final = r"^[^/]*[.:][^/]*/"  # of an image, whose case counts for nothing
_CAPITALS: Final = r"[^:@]*[A-Z]"  # before tag and digest


def bounds(exempt: str = "") -> tuple[Rule, ...]:
    """Bounds that came later than the API: stored objects, and versions of them, stay usable."""
    whose = [f"{uid} ({owner})" for uid, owner in RESERVED_USER_IDS.items()]
    return (
        Rule(
            f"{exempt}{_ENVIRONMENT} <= {ENVIRONMENT_BYTES}",
            f"command, args and env together may have at most {ENVIRONMENT_BYTES >> 10} KiB; "
            "put large values in the image, the artifact, or a ConfigMap that env[].valueFrom names",
            unless_same=("env", "args", "command"),
        ),
        Rule(
            f"{exempt}!(self.runAsUser in {list(RESERVED_USER_IDS)})",
            f"runAsUser must not be one of {', '.join(whose)}; choose another user id, such as 1000",
            "runAsUser",
            unless_same=("runAsUser",),
        ),
        Rule(
            f"{exempt}!has(self.artifact) || !self.artifact.matches(r'{_NO_PATH}')",
            "artifact must have a path: http(s)://HOST/PATH, such as https://models.example.com/titanic.tar.gz",
            "artifact",
            unless_same=("artifact",),
        ),
        Rule(
            f"{exempt}!(self.image.matches(r'{_HOST}') ? self.image.matches(r'{_HOST}{_CAPITALS}')"
            f" : self.image.matches(r'^{_CAPITALS}'))",
            "image must be in lower case up to its tag, such as registry.example.com/titanic:V1",
            "image",
            unless_same=("image",),
        ),
    )
