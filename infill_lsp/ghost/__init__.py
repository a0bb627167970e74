"""Ghost text: when it is asked for, what is shown, and what became of it."""
