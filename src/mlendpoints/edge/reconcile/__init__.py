"""The reconcile loop: work queue, workers, and what one reconcile does: plan, write, prune, report."""
