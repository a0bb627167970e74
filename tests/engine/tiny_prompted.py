"""A tiny random DiffusionGemma whose tokenizer has the chat scaffold, and the published template's rendering of it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import DiffusionGemmaForBlockDiffusion, PreTrainedTokenizerFast

from tests.engine.tiny import tiny_config

SPECIAL_TOKENS = ("<pad>", "<eos>", "<bos>", "<|turn>", "<turn|>", "<|channel>", "<channel|>", "<|think|>")
PAD, EOS, BOS, TURN, END_TURN, CHANNEL, END_CHANNEL, THINK = range(len(SPECIAL_TOKENS))
VOCAB_SIZE = len(SPECIAL_TOKENS) + 256 + 3
CANVAS_LENGTH = 96

# What the published template says of user and model turns, without tools, images and thoughts.
TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "<|turn>{{ 'model' if message.role == 'assistant' else message.role }}\n{{ message.content | trim }}<turn|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|turn>model\n"
    "{% if not enable_thinking %}<|channel>thought\n<channel|>{% endif %}{% endif %}"
)


def prompted_tokenizer(*, are_special: bool = True, without: str = "") -> Tokenizer:
    """Return a tokenizer with one token a byte and the scaffold."""
    special = [token for token in SPECIAL_TOKENS if token != without]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: index for index, token in enumerate((*SPECIAL_TOKENS, *alphabet)) if token != without}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken(token, special=are_special, normalized=False) for token in special])
    return tokenizer


def templated(tokenizer: Tokenizer, said: str) -> list[int]:
    """Return the ids of a user's turn by transformers' own rendering of the template."""
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<bos>", chat_template=TEMPLATE)
    text = fast.apply_chat_template([{"role": "user", "content": said}], tokenize=False, add_generation_prompt=True)
    assert isinstance(text, str)
    return Tokenizer.from_str(tokenizer.to_str()).encode(text, add_special_tokens=False).ids


def prompted_model(seed: int = 0, **declared: Any) -> DiffusionGemmaForBlockDiffusion:
    """Return a model with random weights; its configuration has `declared` under the key `infill`."""
    config = tiny_config(**declared)
    config.canvas_length = CANVAS_LENGTH
    config.text_config.vocab_size = VOCAB_SIZE
    config.text_config.max_position_embeddings = 8192
    config.boi_token_id, config.eoi_token_id, config.image_token_id = range(VOCAB_SIZE - 3, VOCAB_SIZE)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DiffusionGemmaForBlockDiffusion(config).eval()


def save_prompted_checkpoint(folder: Path, tokenizer: Tokenizer | None = None, **declared: Any) -> Path:
    """Write a checkpoint folder in the published layout."""
    prompted_model(**declared).save_pretrained(folder)
    (tokenizer or prompted_tokenizer()).save(str(folder / "tokenizer.json"))
    return folder


def typed_code(num_lines: int, seed: int = 0) -> str:
    """Return lines of code to type."""
    chosen = random.Random(seed)
    names = ("total", "price", "items", "count", "value")
    return "".join(f"    {chosen.choice(names)} = {chosen.choice(names)} + {number}\n" for number in range(num_lines))
