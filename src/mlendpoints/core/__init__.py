"""Decisions: observations go in as values, actions come out as data.

Pure and synchronous: no clock, no randomness, no I/O, no logging. ``world``
holds what goes in, ``plan`` what comes out.
"""
