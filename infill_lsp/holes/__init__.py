"""Where text is missing, and why."""
