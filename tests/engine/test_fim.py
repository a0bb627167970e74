"""Fill-in-the-middle conventions: found by their marks, laid out as the checkpoints were taught."""

from __future__ import annotations

import pytest

from engine.models.fim import CONVENTIONS, Layout, end_ids, find, prompt_ids

# Each convention as it is published, P and S being prefix and suffix.
_PUBLISHED = {
    "qwen": "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
    "starcoder": "<fim_prefix>P<fim_suffix>S<fim_middle>",
    "santacoder": "<fim-prefix>P<fim-suffix>S<fim-middle>",
    "codellama": "▁<PRE>P▁<SUF>S▁<MID>",
    "deepseek": "<｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>",
    "seed-coder": "<[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>",
    "codestral": "[SUFFIX]S[PREFIX]P",
    "mellum": "<fim_suffix>S<fim_prefix>P<fim_middle>",
}


def vocabulary(*names: str) -> dict[str, int]:
    return {name: 100 + index for index, name in enumerate(names)}


def marks_of(name: str) -> dict[str, int]:
    layout = next(convention.layout for convention in CONVENTIONS if convention.name == name)
    return vocabulary(*(part for part in layout if isinstance(part, str)))


def found(ids: dict[str, int], declared: str | None = None) -> Layout:
    layout = find(ids.get, declared)
    assert layout is not None
    return layout


@pytest.mark.parametrize("name", _PUBLISHED)
def test_a_prompt_is_laid_out_as_published(name: str):
    ids = marks_of(name)
    texts = {index: mark for mark, index in ids.items()} | {1: "P", 2: "S"}
    layout = found(ids, name)
    written, num_stable = prompt_ids(layout, [1], [2])
    assert "".join(texts[index] for index in written) == _PUBLISHED[name]
    assert texts[written[num_stable - 1]] == "P"
    assert set(layout.mark_ids) == set(ids.values())


@pytest.mark.parametrize("name", [name for name in _PUBLISHED if name != "mellum"])
def test_a_convention_is_found_by_its_marks(name: str):
    ids = marks_of(name)
    assert found(ids).name == name
    for missing in ids:
        assert find({mark: index for mark, index in ids.items() if mark != missing}.get) is None


def test_what_shares_its_marks_with_another_must_be_declared():
    ids = marks_of("mellum")
    assert found(ids).name == "starcoder"
    assert found(ids, "mellum").name == "mellum"


def test_a_prompt_grows_at_the_end_of_its_prefix():
    for name in _PUBLISHED:
        layout = found(marks_of(name), name)
        before, num_stable = prompt_ids(layout, [1, 2], [8, 9])
        after, _ = prompt_ids(layout, [1, 2, 3], [8, 9])
        assert before[:num_stable] == after[:num_stable]


def test_a_wrong_declaration_is_refused():
    with pytest.raises(ValueError, match="none of"):
        find({}.get, "nonsense")
    with pytest.raises(ValueError, match="lacks a mark"):
        find(marks_of("qwen").get, "deepseek")


def test_ends_are_those_that_there_are():
    ids = vocabulary("<|endoftext|>", "<|file_sep|>", "</s>", "word")
    assert end_ids(ids.get) == {100, 101}
