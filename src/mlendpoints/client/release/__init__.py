"""Installs the operator from what this wheel carries: the chart as it was rendered, with a part of its values.

``manifests.jsonl`` is made by ``make generate``: a head, and an object of ``deploy/install.yaml`` in each other line.

- ``contents`` reads it. ``values``: the chart's values as users write them. ``rendering``: the objects for values.
- ``resources``: the API paths of objects. ``installing``: applies, prunes, waits and deletes.
"""
