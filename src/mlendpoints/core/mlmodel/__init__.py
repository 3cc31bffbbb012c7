"""Decisions about one ``MLModel``, the second root: ``plan.plan_mlmodel(world) -> MLModelPlan``.

::

    Pending ──> CreatingStorage ──> Downloading ──> Serving ──> Ready
       (without an artifact straight to Serving)       │
                                                       └ the Deployment is written, in one go, with the new version

What serves is not touched before ``Serving``, and from there on by the
Deployment's own rolling update: old pods go when new ones answer. So a failure,
at whichever step, leaves the old version serving. ``Failed`` is no end: it
shows what hinders, and goes when that goes.
"""
