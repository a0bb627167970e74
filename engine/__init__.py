"""The denoising engine: knows tokens and tensors, knows no editors. Importing it loads no torch."""
