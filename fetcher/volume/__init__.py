"""What is on the volume: an artifact's folder, partial downloads, claims, and the room that is left."""
