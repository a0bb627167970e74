"""Measurements that anyone can repeat: each module is one command, each claim in the documents names it."""
