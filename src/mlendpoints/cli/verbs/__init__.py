"""The verbs, by group. Each module has ``add(app)``."""
