"""The command line, as processes of their own, on the real API server."""
