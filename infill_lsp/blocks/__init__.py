"""Blocks and indents: where a line should begin in each kind of language."""
