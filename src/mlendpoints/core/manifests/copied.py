"""What is copied from a version to its pod template: the fields declared ``IN_POD`` or ``IN_CONTAINER``."""

from msgspec import Struct
from msgspec.structs import fields

from mlendpoints.api.declared import Part, copied_fields
from mlendpoints.core.canonical import Manifest, plain


def copied(value: Struct, part: Part) -> Manifest:
    """The fields for this part of the pod template, by their names on the wire.

    Defaults of ours are written out, since Kubernetes may have others; what is empty is left out, as the API server
    drops it.
    """
    found = {wire: (getattr(value, name), default) for name, wire, default in copied_fields(type(value), part)}
    return {
        wire: plain(field, _written_out) for wire, (field, default) in found.items() if _says_something(field, default)
    }


def _says_something(field: object, default: object) -> bool:
    """Whether a field is not empty; False and 0 are values, unless they are what nobody has set."""
    return bool(field) or (isinstance(field, int) and field != default)


def _written_out(value: Struct) -> Manifest:
    known = ((one, getattr(value, one.name)) for one in fields(value))
    return {one.encode_name: plain(field, _written_out) for one, field in known if _says_something(field, one.default)}
