"""The language server: knows editors and source text, knows no tensors."""

__version__ = "0.1.0"
