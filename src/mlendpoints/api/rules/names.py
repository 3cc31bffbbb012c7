"""Rules of names."""

from typing import Final

from mlendpoints.api.patterns import HINTS, LABEL
from mlendpoints.api.rules.rule import Rule

INSTANCE_NAME: Final = 63  # characters, the most that a Service's name may have
TEMPLATE_NAME: Final = 54  # characters: "-" and a version of 8 make an instance's name


NAME = Rule(f"self.metadata.name.matches(r'{LABEL}')", f"metadata.name {HINTS[LABEL]}")
SHORT_NAME = Rule(
    f"size(self.metadata.name) <= {TEMPLATE_NAME}",
    f"metadata.name may have at most {TEMPLATE_NAME} characters, since names of Services are made from it; "
    "choose a shorter one",
)
TEMPLATE_NAMES = (
    NAME,
    Rule(f"has(self.spec.instance) || {SHORT_NAME.cel}", SHORT_NAME.message),
    Rule(
        f"!has(self.spec.instance) || size(self.metadata.name) <= {INSTANCE_NAME}",
        f"metadata.name of an instance may have at most {INSTANCE_NAME} characters",
    ),
)
