"""Environment variables of the model's container."""

from typing import Annotated

from msgspec import Meta

from mlendpoints.api import patterns
from mlendpoints.api.meta import Value


class KeySelector(Value, frozen=True, kw_only=True):
    """A key of a Secret or ConfigMap in the same namespace."""

    name: Annotated[
        str, Meta(description="Name of the object.", pattern=patterns.SUBDOMAIN, min_length=1, max_length=253)
    ]
    key: Annotated[str, Meta(description="The key in it.", pattern=patterns.DATA_KEY, max_length=253)]
    optional: Annotated[
        bool,
        Meta(description="Start without the variable if object or key is missing; otherwise the pod waits for it."),
    ] = False


class EnvVarSource(Value, frozen=True, kw_only=True):
    """The source of a variable's value, which is read when the container starts."""

    secret_key_ref: Annotated[KeySelector | None, Meta(description="A key of a Secret.")] = None
    config_map_key_ref: Annotated[KeySelector | None, Meta(description="A key of a ConfigMap.")] = None


class EnvVar(Value, frozen=True, kw_only=True):
    """An environment variable of the model's container."""

    name: Annotated[str, Meta(description="The variable's name.", pattern=patterns.ENV_NAME, max_length=253)]
    value: Annotated[str, Meta(description="Its value.", max_length=32768)] = ""
    value_from: Annotated[
        EnvVarSource | None, Meta(description="Takes the value from a key of a Secret or ConfigMap instead.")
    ] = None
