"""How the bundled checkpoint is made: corpus, tokenizer, network, objective, training, export, evaluation.

Run `python -m engine.training --help`. Nothing here is needed to fill a hole.
"""
