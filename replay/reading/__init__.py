"""Reads what was captured: objects of a folder, a claim or a store, in either engine's format."""
