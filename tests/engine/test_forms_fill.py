"""Fills in the prompted form, from text to text on a tiny random checkpoint: what holds whatever the weights say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine import fill_steps
from engine.api import CheckpointError, Draft, FillRequest, FillResult, FurtherHole, RequestError
from engine.chat import reads_marks_as_text
from engine.local import LocalFiller, load
from engine.models.diffusion_gemma import DiffusionGemma
from engine.models.static_cache import Buckets
from engine.models.static_pass import StaticPasses
from engine.profile import read
from engine.published import assumed
from tests.engine.tiny_prompted import CANVAS_LENGTH, prompted_model, prompted_tokenizer, save_prompted_checkpoint

_REQUEST = FillRequest(
    "def add(a, b):\n    total = ",
    "\n    return total\n\nprint(add(1, 2))\n",
    language="python",
    max_hole_tokens=16,
    max_denoising_steps=4,
)
_PART = replace(_REQUEST, original="a+b", instruction="add one", max_denoising_steps=3)


@pytest.fixture(scope="module")
def filler(tmp_path_factory: pytest.TempPathFactory) -> LocalFiller:
    """Return a checkpoint that declares nothing: it is known as an instruction-tuned DiffusionGemma."""
    return load(str(save_prompted_checkpoint(tmp_path_factory.mktemp("prompted"))), device="cpu")


def run(filler: LocalFiller, request: FillRequest) -> tuple[list[Draft], FillResult]:
    drafts, fill = [], filler.fill(request)
    while True:
        try:
            drafts.append(next(fill))
        except StopIteration as stop:
            return drafts, stop.value


class _Listener:
    """Listens to what an adapter reads and to the canvases it sees."""

    def __init__(self, adapter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[list[int]] = []
        self.canvases: list[tuple[Tensor, Tensor]] = []
        prefill, forward_for = adapter.prefill, adapter.forward_for

        def reading(ids: Any) -> Any:
            self.read.append(list(ids))
            return prefill(ids)

        def passing(prefix: Any, batch_size: int = 1) -> Any:
            forward = forward_for(prefix, batch_size)

            def run(canvas_ids: Tensor, open_mask: Tensor, told: Tensor | None) -> Tensor:
                self.canvases.append((canvas_ids.clone(), open_mask.clone()))
                return forward(canvas_ids, open_mask, told)

            return run

        monkeypatch.setattr(adapter, "prefill", reading)
        monkeypatch.setattr(adapter, "forward_for", passing)


def listener(filler: LocalFiller, monkeypatch: pytest.MonkeyPatch) -> _Listener:
    return _Listener(filler._adapter, monkeypatch)


def test_a_checkpoint_that_declares_nothing_is_prompted(filler: LocalFiller):
    capabilities = filler.info.capabilities
    assert capabilities.instructions
    assert (capabilities.noise, capabilities.max_canvas_tokens) == ("uniform", CANVAS_LENGTH)


def test_a_prompted_fill_answers(filler: LocalFiller):
    drafts, result = run(filler, replace(_REQUEST, num_candidates=3))
    assert result.candidates
    assert result.passes == len(drafts) > 0
    assert all("\n" not in candidate.text for candidate in result.candidates)
    assert all("total" not in draft.text for draft in drafts), "the line's beginning is no part of the fill"
    assert all(candidate.score <= 0 for candidate in result.candidates)


def test_known_positions_never_change(filler: LocalFiller, monkeypatch: pytest.MonkeyPatch):
    heard = listener(filler, monkeypatch)
    run(filler, replace(_REQUEST, num_candidates=3))
    tokenizer = prompted_tokenizer()
    # The space before the caret is what was typed of the hole's first token.
    lead, after = "    total =", "\n    return total\n\nprint(add(1, 2))\n```<turn|>"
    for canvas_ids, open_mask in heard.canvases:
        for ids, is_open in zip(canvas_ids.tolist(), open_mask.tolist(), strict=True):
            holes = [place for place, one in enumerate(is_open) if one]
            if holes:
                assert holes == list(range(holes[0], holes[-1] + 1))
                assert tokenizer.decode(ids[: holes[0]], skip_special_tokens=False) == lead
                known = tokenizer.decode(ids[holes[-1] + 1 :], skip_special_tokens=False)
                assert after.startswith(known.partition("<pad>")[0])
                assert len(known) > 10


def test_typing_in_a_line_prefills_nothing(filler: LocalFiller):
    filler.forget_prefixes()
    run(filler, _REQUEST)
    before = len(filler.prefixes)
    for typed in ("a", "a +", "a + b"):
        run(filler, replace(_REQUEST, prefix=_REQUEST.prefix + typed))
    assert len(filler.prefixes) == before, "what is read is the same, so nothing new was remembered"


def test_what_was_typed_of_a_token_is_kept_behind_the_lines_beginning(filler: LocalFiller):
    drafts, result = run(filler, replace(_REQUEST, prefix="x = 1\ny = fo", suffix="\n", num_candidates=4))
    assert result.candidates
    assert all(draft.text.startswith("o") for draft in drafts), "one letter is a token here"


def test_several_holes_are_filled(filler: LocalFiller):
    request = replace(_REQUEST, suffix="\n", further_holes=(FurtherHole("\n    more = ", max_hole_tokens=8),))
    _, result = run(filler, request)
    assert all(len(candidate.further_texts) == 1 for candidate in result.candidates)


def test_an_instruction_changes_what_is_read(filler: LocalFiller, monkeypatch: pytest.MonkeyPatch):
    heard = listener(filler, monkeypatch)
    run(filler, _PART)
    run(filler, replace(_PART, instruction="add two"))
    one, two = (bytes(token_id for token_id in ids if token_id < 256) for ids in (heard.read[0], heard.read[-1]))
    assert one != two
    text = prompted_tokenizer().decode(heard.read[0], skip_special_tokens=False)
    assert "<part>a+b</part>" in text
    assert "add one." in text
    assert text.index("<part>") < text.index("add one."), "what changes stands last"


def test_code_is_rewritten_by_words_from_the_original_or_from_noise(
    filler: LocalFiller, monkeypatch: pytest.MonkeyPatch
):
    """Random weights never close an answer, so there is none, for a reason that says so."""
    original = "x = [a, b]\n" * 4
    for noise, share in ((0.0, 1.0), (1.0, 0.1)):
        with monkeypatch.context() as patch:
            heard = listener(filler, patch)
            drafts, result = run(filler, replace(_PART, original=original, multiline=True, noise=noise))
        wanted = prompted_tokenizer().encode(original).ids
        start = heard.canvases[0][0][0].tolist()[: len(wanted)]
        same = sum(one == other for one, other in zip(start, wanted, strict=True)) / len(wanted)
        assert same == 1.0 if noise == 0 else same < share
        assert result.candidates or "longer than" in (result.reason or "")
        assert len(drafts) == result.passes


def test_what_is_locked_stays_when_words_say_what_to_do(filler: LocalFiller):
    request = replace(_PART, original="a + b + c", locked=((0, 4),))
    _, result = run(filler, request)
    assert result.candidates
    assert all(candidate.text.startswith("a + ") for candidate in result.candidates)


def test_rewriting_ends_when_the_generator_is_closed(filler: LocalFiller):
    fill = filler.fill(_PART)
    next(fill)
    fill.close()
    with pytest.raises(StopIteration):
        next(fill)


def test_the_deadline_is_kept_and_said(filler: LocalFiller):
    drafts, result = run(filler, replace(_PART, deadline_ms=0))
    assert (len(drafts), result.candidates) == (1, ())
    assert "deadline" in (result.reason or "")


def test_a_checkpoint_may_declare_its_form(tmp_path: Path):
    declared = {"noise": "uniform", "max_prefix_tokens": 300, "hole_widths": [8, 16]}
    clamped = load(str(save_prompted_checkpoint(tmp_path / "clamped", form="clamped", **declared)), device="cpu")
    assert not clamped.info.capabilities.instructions
    with pytest.raises(RequestError, match="takes no instructions"):
        run(clamped, _PART)
    # One word is enough: the rest is as it is assumed for this kind of checkpoint.
    both = load(str(save_prompted_checkpoint(tmp_path / "both", form="both")), device="cpu")
    assert both.info.capabilities.instructions
    with pytest.raises(CheckpointError, match="declares the form 'spoken'"):
        load(str(save_prompted_checkpoint(tmp_path / "spoken", form="spoken")), device="cpu")


def test_a_prompted_form_without_its_tokens_is_refused(tmp_path: Path):
    tokenizer = prompted_tokenizer(without="<|turn>")
    declared = {"noise": "uniform", "max_prefix_tokens": 300, "hole_widths": [8, 16]}
    folder = save_prompted_checkpoint(tmp_path, tokenizer, form="prompted", **declared)
    with pytest.raises(CheckpointError, match=r"the tokenizer has no <\|turn>, which the prompted form needs"):
        load(str(folder), device="cpu")


@pytest.mark.parametrize(
    ("request_", "num_drafts"),
    [
        (replace(_REQUEST, num_candidates=2, trace=True), 4),
        (replace(_REQUEST, prefix="x = 1\ny = fo"), 4),
        # So many positions of random weights that rounding soon decides one of them.
        (replace(_REQUEST, multiline=True, max_hole_tokens=150), 2),
        # On the device the generator has been drawn from once more where a canvas does not start from noise.
        (replace(_PART, original="x = 1\n" * 8, multiline=True, noise=0.5), 1),
    ],
)
def test_a_fill_is_the_same_with_static_passes_and_without(
    monkeypatch: pytest.MonkeyPatch, request_: FillRequest, num_drafts: int
) -> None:
    model, tokenizer = prompted_model(), reads_marks_as_text(prompted_tokenizer())
    config = {"model_type": "diffusion_gemma", "canvas_length": CANVAS_LENGTH}
    profile = read(assumed(config, tokenizer.token_to_id), CANVAS_LENGTH)
    # Every size has its own bucket, so that a seed means the same numbers here and there.
    buckets = Buckets((1024,), (32, 64, CANVAS_LENGTH), tuple(range(1, 9)), tuple(range(1, 400)))
    on_device: list[int] = []
    denoise_on_device = fill_steps.denoise_on_device

    def counted(*arguments: Any) -> Any:
        on_device.append(1)
        return denoise_on_device(*arguments)

    monkeypatch.setattr(fill_steps, "denoise_on_device", counted)
    fills = []
    for static in (None, StaticPasses(model, buckets)):
        filler = LocalFiller("tiny", DiffusionGemma(model, static_passes=static), tokenizer, profile)
        drafts, result = run(filler, request_)
        assert bool(on_device) == (static is not None)
        candidates = [each.text for each in result.candidates] if num_drafts == len(drafts) else []
        fills.append(([draft.text for draft in drafts[:num_drafts]], candidates))
    assert fills[0] == fills[1]


def test_a_trace_counts_the_lines_beginning_as_known(filler: LocalFiller):
    drafts, _ = run(filler, replace(_REQUEST, trace=True))
    rows = [row for draft in drafts if draft.trace for row in draft.trace.rows]
    assert rows
    assert all(row.known[:11] == tuple(range(11)) for row in rows), "`    total =`"
    assert all("".join(row.tokens).startswith("    total =") for row in rows)


def test_the_same_request_gives_the_same_result(filler: LocalFiller):
    torch.manual_seed(3)
    first, second = (run(filler, replace(_REQUEST, num_candidates=3))[1].candidates for _ in range(2))
    assert [each.text for each in first] == [each.text for each in second]
