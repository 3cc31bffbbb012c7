"""Decisions about one ``MLModel``, the second root: ``plan.plan_mlmodel(world) -> MLModelPlan``.

::

    Pending ──> CreatingStorage ──> Downloading ──> Serving ──> Ready
       (without an artifact straight to Serving)       │
                                                       └ the Deployment is written, in one go, with the new version

What serves is not touched before ``Serving``, and from there on by the
Deployment's own rolling update: old pods are removed when new ones are ready. So
a failure, at whichever step, leaves the old version serving. ``Failed`` is not
final: it reports an obstacle, and ends when that is fixed.
"""
