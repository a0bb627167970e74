"""Train the checkpoint's own byte-level BPE tokenizer, with boundaries where holes begin and end.

Brackets, quotes, commas, colons and dots are never merged with anything but a space before them, so that the seam
between prefix, hole and suffix falls between tokens wherever the syntax puts it. Indentation is a token, and so is
a line break.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL_TOKENS = ("<pad>", "<eos>", "<bos>", "<mask>", "<slack>")
PAD, EOS, BOS, MASK, SLACK = range(len(SPECIAL_TOKENS))
# The published configuration names three image tokens; they are never produced and stand at the end of the vocabulary.
NUM_SPARE_IDS = 3

_PIECES = "|".join(
    (
        r" ?_*[A-Za-z]+",
        r"_+",
        r"[0-9]",
        r" ?(?:\"\"\"|''')",
        r" ?[()\[\]{},:;.'\"]",
        r" ?[^\sA-Za-z0-9_()\[\]{},:;.'\"]+",
        r"\n",
        r" +",
        r"\s",
    )
)


def train(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Return a tokenizer of `vocab_size - NUM_SPARE_IDS` tokens learnt from the texts, special tokens first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - NUM_SPARE_IDS,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=24,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
