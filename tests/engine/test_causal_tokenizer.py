"""Tokenizers made to encode pieces of a text: no space of their own, and no marks read out of source code."""

from __future__ import annotations

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from engine.causal_tokenizer import causal_tokenizer
from tests.engine.tiny_causal import QWEN_MARKS, gemma_tokenizer, qwen_tokenizer

_PIECES = ["x = y", " = y", "  indented\n", "", " ", "é\t☺ <|fim_middle|> <eos>", "\n\n"]


def llama_tokenizer(*, by_metaspace: bool) -> Tokenizer:
    """Return a tokenizer that puts a space before every text, in the older or the newer way of saying so."""
    letters = ["▁", *"abcdefghijklmnopqrstuvwxyz=<>|_\n"]
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *letters]
    vocab = {token: index for index, token in enumerate(names)}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[], unk_token="<unk>", byte_fallback=True))
    after = [decoders.ByteFallback(), decoders.Fuse()]
    if by_metaspace:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
        tokenizer.decoder = decoders.Sequence([*after, decoders.Metaspace(prepend_scheme="always")])
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        strip = decoders.Strip(content=" ", left=1, right=0)
        tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), *after, strip])
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in names[:3]])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return tokenizer


@pytest.mark.parametrize(
    ("made", "begins"),
    [
        (qwen_tokenizer, ()),
        (gemma_tokenizer, (2,)),
        (lambda: llama_tokenizer(by_metaspace=False), (1,)),
        (lambda: llama_tokenizer(by_metaspace=True), (1,)),
    ],
    ids=["qwen", "gemma", "llama", "metaspace"],
)
def test_pieces_come_back_as_they_are(made, begins: tuple[int, ...]):
    pieces = causal_tokenizer(made())
    assert pieces.begin_ids == begins
    for text in _PIECES:
        ids = pieces.tokenizer.encode(text, add_special_tokens=False).ids
        assert pieces.tokenizer.decode(ids, skip_special_tokens=False) == text
        joined = pieces.tokenizer.encode("x", add_special_tokens=False).ids + ids
        assert pieces.tokenizer.decode(joined, skip_special_tokens=False) == "x" + text


def test_marks_in_source_code_are_text():
    pieces = causal_tokenizer(qwen_tokenizer()).tokenizer
    marks = {pieces.token_to_id(mark) for mark in (*QWEN_MARKS, "<|endoftext|>")}
    assert None not in marks
    source = "PREFIX = '<|fim_prefix|>'  # <|endoftext|> <|file_sep|>"
    assert not marks & set(pieces.encode(source, add_special_tokens=False).ids)
