"""The capture that a variant or an MLModel gets: its own, else its config's; None where it is off."""

from typing import TypeVar

from msgspec.structs import replace

from mlendpoints.api.capture import Capture
from mlendpoints.api.endpointconfig import EndpointConfigSpec, ProductionVariant
from mlendpoints.api.mlmodel import MLModelSpec

Captured = TypeVar("Captured", bound=ProductionVariant | MLModelSpec)


def settled(sizes: Captured, default: Capture | None = None) -> Captured:
    """The same, with the capture that it gets: what means the same is equal, and gives the same version."""
    capture = sizes.capture if sizes.capture is not None else default
    if capture is not None:
        capture = _ordered(capture) if capture.enabled else None
    return sizes if capture == sizes.capture else replace(sizes, capture=capture)


def sinks(config: EndpointConfigSpec) -> tuple[str, ...]:
    """Where the captured traffic of a config's variants is shipped to."""
    return tuple(sink_of(variant, config.capture) for variant in config.models)


def uses_gor(config: EndpointConfigSpec) -> bool:
    """Whether any variant is captured by gor."""
    captures = (settled(variant, config.capture).capture for variant in config.models)
    return any(capture.engine == "gor" for capture in captures if capture is not None)


def sink_of(sizes: ProductionVariant | MLModelSpec, default: Capture | None = None) -> str:
    """Where its captured traffic is shipped to; empty: it has none."""
    capture = settled(sizes, default).capture
    return capture.sink if capture is not None else ""


def _ordered(capture: Capture) -> Capture:
    return replace(capture, capture=tuple(side for side in ("Input", "Output") if side in capture.capture))
