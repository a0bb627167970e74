"""What may be shown, for the server and for the engine."""
