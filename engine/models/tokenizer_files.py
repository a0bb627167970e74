"""A checkpoint's tokenizer, made from the files of its folder. It knows layouts of files, and no model."""

from __future__ import annotations

from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from engine.api import CheckpointError
from engine.models.masked_names import added_tokens


def tokenizer_of(folder: Path) -> Tokenizer:
    """Read a folder's `tokenizer.json`, or the `vocab.json` and `merges.txt` of the kind that Qwen2 has.

    Raises: CheckpointError.
    """
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    try:
        if not (folder / "tokenizer.json").is_file() and vocabulary.is_file() and merges.is_file():
            return _byte_level(folder, vocabulary, merges)
        return Tokenizer.from_file(str(folder / "tokenizer.json"))
    except CheckpointError:
        raise
    except Exception as error:  # The library raises bare Exception for a missing and for a broken file alike.
        raise CheckpointError(f"{folder}: no usable tokenizer.json there; download the checkpoint again") from error


def _byte_level(folder: Path, vocabulary: Path, merges: Path) -> Tokenizer:
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    tokenizer = Tokenizer(models.BPE.from_file(str(vocabulary), str(merges)))
    tokenizer.normalizer = normalizers.NFC()
    words = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    added = sorted(added_tokens(folder).items(), key=lambda token: token[1])
    # None of these stands in code: they steer the model.
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name, _ in added])
    for name, token_id in added:
        if tokenizer.token_to_id(name) != token_id:
            raise CheckpointError(f"{folder}: the token {name} is not {token_id} there; download the checkpoint again")
    return tokenizer
