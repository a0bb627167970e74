"""What the engine is told of the file and of others."""
