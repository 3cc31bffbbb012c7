"""What stands in a namespace, by kinds and names that are the same in every run."""

import re

from mlendpoints.edge.kube.kinds import (
    CLAIM,
    CONFIG,
    DEPLOYMENT,
    DESTINATION_RULE,
    ENDPOINT,
    GATEWAY,
    JOB,
    MLMODEL,
    MODEL,
    SERVICE,
    VIRTUAL_SERVICE,
)
from tests.e2e.namespace import Namespace

KINDS = (
    *(ENDPOINT, CONFIG, MODEL, MLMODEL),
    *(CLAIM, DEPLOYMENT, DESTINATION_RULE, GATEWAY, JOB, SERVICE, VIRTUAL_SERVICE),
)


def inventory(namespace: Namespace) -> list[tuple[str, str]]:
    """Kind and name of all that people or the operator made.

    A version says which endpoint it belongs to, by uid, so that it differs between runs: it is shown as ``*``.
    """
    found = [(kind.name, obj["metadata"]["name"]) for kind in KINDS for obj in namespace.all(kind)]
    marks = (obj["spec"].get("instance") for kind in (CONFIG, MODEL) for obj in namespace.all(kind))
    versions = "|".join(mark["version"] for mark in marks if mark) or "(?!)"
    return sorted((kind, re.sub(f"-({versions})$", "-*", name)) for kind, name in found)
