"""What is never handed to an engine, and why."""
