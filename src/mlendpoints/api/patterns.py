"""Patterns of the API's strings, each with the sentence that a person reads who broke it.

In Python a pattern is a bound of the type. In a CRD it becomes a CEL rule with
the sentence as its message, since the API server's own words for a pattern
("should match '^[a-z]…$'") tell nobody what to write instead.
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
IMAGE: Final = r"^[A-Za-z0-9]([-._/@A-Za-z0-9]|:[A-Za-z0-9])*$"

MENDING: Mapping[str, str] = {
    LABEL: "must be lower-case letters, digits and '-', start with a letter and end with a letter or digit, "
    "such as titanic-2",
    SUBDOMAIN: "must be a name as Kubernetes objects have: lower-case letters, digits, '-' and '.', such as fast-disks",
    HOST: "must be one exact, lower-case DNS name with at least one dot, such as titanic.example.com: "
    "no wildcard, port, scheme or path; leave it out for the default",
    QUANTITY: "must be a Kubernetes quantity: a number, perhaps with one of m, k, Ki, M, Mi, G, Gi, T, Ti, "
    "such as 500m or 1Gi",
    ENV_NAME: "must be letters, digits, '_', '-' and '.', and not start with a digit, such as OMP_NUM_THREADS",
    DATA_KEY: "must be a key as Secrets and ConfigMaps have: letters, digits, '-', '_' and '.', such as api-token",
    URL_PATH: "must start with '/' and hold only letters, digits and -._~/, such as /ping: no query, no host",
    DIRECTORY: "must be an absolute directory of letters, digits, '-', '_' and '.', without a '/' at its end, "
    "such as /mnt/models",
    DIGEST: "must be sha256: and 64 lower-case hexadecimal digits, as sha256sum prints them",
    ARTIFACT: "must be http(s)://HOST/PATH, s3://BUCKET/KEY, gs://BUCKET/KEY, az://CONTAINER/KEY or pvc://CLAIM/PATH, "
    "names of buckets and containers in lower case and of 3 characters or more, "
    "without user, password or fragment (credentials belong into artifactSecret), such as s3://models/titanic.tar.gz",
    IMAGE: "must be a container image, such as registry.example.com/titanic:1.4: no spaces, no scheme",
}
