"""The volume: installation, cached partial downloads, claims, and the budget of bytes and entries."""
