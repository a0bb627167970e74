"""What `infill-lsp bench` measures, in a process of its own: speed, passes and scores of fills of held-out code.

It knows requests, texts and checkpoints. What it needs of an editor (where a hole is, whether a fill may be shown) is
handed to it: see `engine.bench.editor`.
"""
