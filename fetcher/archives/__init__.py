"""Archive formats: tar, zip, compressed streams, and the names inside."""
