"""From the engine's text to the text that goes into the hole."""
