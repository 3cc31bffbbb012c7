"""Observation: list and watch (reflectors), the cache with its indexes, and which keys each change affects."""
