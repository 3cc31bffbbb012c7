"""The work queue, its workers, and what one reconcile does: plan, write, prune, report."""
