"""Patterns of the API's strings, each with the message for values that do not match.

In Python a pattern is a bound of the type. In a CRD it becomes a CEL rule with
this message, since the API server's own message for a pattern
("should match '^[a-z]…$'") does not say what to write instead.
"""

from collections.abc import Mapping
from typing import Final

LABEL: Final = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
SUBDOMAIN: Final = r"^(|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$"
HOST: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$"
QUANTITY: Final = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$"
ENV_NAME: Final = r"^[-._a-zA-Z][-._a-zA-Z0-9]*$"
DATA_KEY: Final = r"^[-._a-zA-Z0-9]+$"
URL_PATH: Final = r"^/[-._~/A-Za-z0-9]*$"
DIRECTORY: Final = r"^(|(/[-._A-Za-z0-9]+)+)$"
DIGEST: Final = r"^(|sha256:[0-9a-f]{64})$"
ARTIFACT: Final = (
    r"^(|https?://[-._A-Za-z0-9]+(:[0-9]{1,5})?([/?][^#\s]*)?"
    r"|(s3|gs|az)://[a-z0-9][-._a-z0-9]{1,220}[a-z0-9](/[^?#\t\n\v\f\r]*)?"
    r"|pvc://[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?(/[^?#\t\n\v\f\r]*)?)$"
)
SINK: Final = (
    r"^(|https?://[-._A-Za-z0-9]+(:[0-9]{1,5})?(/[^?#\s]*)?"
    r"|(s3|gs|az)://[a-z0-9][-._a-z0-9]{1,220}[a-z0-9](/[^?#\t\n\v\f\r]*)?"
    r"|pvc://[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?(/[^?#\t\n\v\f\r]*)?)$"
)
HEADER: Final = r"^[a-z0-9!#$%&*+.^_|~-]+$"
MEDIA_TYPE: Final = r"^[a-z0-9][a-z0-9!#$&^_.+-]*/([*]|[a-z0-9][a-z0-9!#$&^_.+-]*)$"
JSON_PATH: Final = r"^[$]([.][A-Za-z_][-A-Za-z0-9_]*|\[[*]\])+$"
IMAGE: Final = r"^[A-Za-z0-9]([-._/@A-Za-z0-9]|:[A-Za-z0-9])*$"

HINTS: Mapping[str, str] = {
    LABEL: "must be lower-case letters, digits and '-', start with a letter and end with a letter or digit, "
    "such as titanic-2",
    SUBDOMAIN: "must be a valid name of a Kubernetes object: lower-case letters, digits, '-' and '.', "
    "such as fast-disks",
    HOST: "must be one exact, lower-case DNS name with at least one dot, such as titanic.example.com: "
    "no wildcard, port, scheme or path; omit it for the default",
    QUANTITY: "must be a Kubernetes quantity: a number, optionally with one of m, k, Ki, M, Mi, G, Gi, T, Ti, "
    "such as 500m or 1Gi",
    ENV_NAME: "must be letters, digits, '_', '-' and '.', and must not start with a digit, such as OMP_NUM_THREADS",
    DATA_KEY: "must be a valid key of a Secret or ConfigMap: letters, digits, '-', '_' and '.', such as api-token",
    URL_PATH: "must start with '/' and contain only letters, digits and -._~/, such as /ping: no query, no host",
    DIRECTORY: "must be an absolute directory of letters, digits, '-', '_' and '.', without a trailing '/', "
    "such as /mnt/models",
    DIGEST: "must be sha256: and 64 lower-case hexadecimal digits, as printed by sha256sum",
    ARTIFACT: "must be http(s)://HOST/PATH, s3://BUCKET/KEY, gs://BUCKET/KEY, az://CONTAINER/KEY or pvc://CLAIM/PATH, "
    "with lower-case names of buckets and containers of at least 3 characters, "
    "without user, password or fragment (credentials belong in artifactSecret), such as s3://models/titanic.tar.gz",
    SINK: "must be http(s)://HOST/PATH, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or "
    "pvc://CLAIM/PATH, with lower-case names of buckets and containers of at least 3 characters, "
    "without user, password, query or fragment (credentials belong in sinkSecret), such as s3://captured/titanic",
    HEADER: "must be the name of a header in lower case, such as x-patient-id",
    MEDIA_TYPE: "must be a media type in lower case without parameters, such as application/json, "
    "or image/* for all of a kind",
    JSON_PATH: "must be $ and steps: .name (letters, digits, '-' and '_', not starting with a digit) or [*] for "
    "all items of a list, such as $.user.email or $.items[*].name: no indexes, filters, quotes or '..'",
    IMAGE: "must be a container image, such as registry.example.com/titanic:1.4: no spaces, no scheme",
}
