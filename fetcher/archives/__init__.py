"""What is in an archive: tar and zip, packed streams, and the names inside."""
