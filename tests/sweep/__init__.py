"""The crash sweep: every scenario, the operator killed at every write, every revision of the store judged.

``stage`` sets up what all points share, ``point`` what one has for itself,
``scenarios`` says what users do, ``rules`` what must hold at every revision,
``normal`` when two end states are the same, ``cost`` what a scenario may cost.
See docs/explanation/crash-sweep.md.
"""
