"""Adapters: one module a model family, each turning a checkpoint folder into prefixes and forward passes.

They know tensors and model classes. They know neither the canvas nor the loop that calls them.
"""
