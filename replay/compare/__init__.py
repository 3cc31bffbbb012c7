"""Compares two responses: JSON and CSV with a numeric tolerance, anything else by its bytes. No I/O."""
