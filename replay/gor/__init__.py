"""gor: its file format, and the program itself, which sends the requests."""
