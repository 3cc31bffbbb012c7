"""One file per child kind: pure ``make_*`` functions that read like the YAML a person would write."""
