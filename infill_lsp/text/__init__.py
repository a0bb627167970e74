"""Documents as text: offsets, lines and edits."""
