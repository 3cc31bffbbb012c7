"""What the four kinds are called on the command line. Pure."""

from typing import Final

from mlendpoints.api.crd import KINDS
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.cli.errors import UsageError
from mlendpoints.client.objects import AnyObject
from mlendpoints.client.suggestions import nearest, suggestion

Kind = type[Model] | type[EndpointConfig] | type[Endpoint] | type[MLModel]

WORDS: Final[dict[str, Kind]] = {"endpoints": Endpoint, "configs": EndpointConfig, "models": Model, "mlmodels": MLModel}


def kind_of(word: str) -> Kind:
    """The kind by any of its names: singular, plural, short, or the API's own; raises ``UsageError``.

    >>> kind_of("mle").KIND, kind_of("Config").KIND
    ('MachineLearningEndpoint', 'MachineLearningEndpointConfig')
    """
    known = {name: kind for plural, kind in WORDS.items() for name in _names(plural, kind)}
    if word.lower() not in known:
        hint = suggestion(nearest(word.lower(), known)[:1]) or f" Kinds: {', '.join(WORDS)}."
        raise UsageError(f"There is no kind {word}.{hint}")
    return known[word.lower()]


def _names(plural: str, kind: Kind) -> tuple[str, ...]:
    names = KINDS[kind]
    return plural, plural.removesuffix("s"), names.plural, names.short, kind.KIND.lower()


def title(kind: Kind) -> str:
    """The kind in messages.

    >>> title(Endpoint)
    'endpoint'
    """
    return next(plural.removesuffix("s") for plural, known in WORDS.items() if known is kind)


def full_name(obj: AnyObject) -> str:
    """The object as ``-o name`` prints it, and as kubectl takes it."""
    return f"{obj.KIND.lower()}.mlendpoints.dev/{obj.metadata.name}"


def split_name(text: str) -> tuple[Kind | None, str]:
    """A kind and a name from ``KIND/NAME``; no kind if only a name is given.

    >>> split_name("titanic")
    (None, 'titanic')
    >>> split_name("mlmodel/titanic")[1]
    'titanic'
    """
    word, slash, name = text.partition("/")
    return (kind_of(word), name) if slash else (None, word)
