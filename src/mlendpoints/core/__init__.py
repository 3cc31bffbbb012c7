"""Decisions: what is observed goes in as values, what is to be done comes out as data.

Pure and synchronous: no clock, no randomness, no I/O, no logging. ``world``
holds what goes in, ``plan`` what comes out.
"""
