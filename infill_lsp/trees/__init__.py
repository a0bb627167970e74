"""Syntax trees: where grammars come from, and texts parsed in slices of time."""
