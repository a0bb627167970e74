"""Brackets, strings and comments, read from the characters."""
