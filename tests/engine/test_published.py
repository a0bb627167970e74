"""What is assumed of published checkpoints that declare nothing."""

from __future__ import annotations

from engine.profile import read
from engine.published import assumed
from tests.engine.tiny_prompted import prompted_tokenizer

_CONFIG = {"model_type": "diffusion_gemma", "canvas_length": 256, "text_config": {"max_position_embeddings": 262_144}}


def test_the_instruction_tuned_checkpoint_is_known_by_family_and_scaffold():
    declared = assumed(_CONFIG, prompted_tokenizer().token_to_id)
    profile = read(declared, 256)
    assert (profile.noise, profile.self_conditioning, profile.form) == ("uniform", True, "prompted")
    assert profile.canvas_tokens == 256
    assert profile.hole_widths[-1] == 96
    assert profile.max_prefix_tokens + profile.max_suffix_tokens + 2 * 256 < 262_144
    assert profile.several_canvases
    assert not profile.knows_slack
    clamped = read(assumed({**_CONFIG, "infill": {"form": "clamped"}}, prompted_tokenizer().token_to_id), 256)
    assert (clamped.form, clamped.several_canvases) == ("clamped", False)


def test_nothing_is_assumed_of_what_is_not_known():
    id_of = prompted_tokenizer().token_to_id
    assert assumed({**_CONFIG, "model_type": "qwen2"}, id_of) == {}
    assert assumed(_CONFIG, prompted_tokenizer(without="<channel|>").token_to_id) == {}


def test_a_small_canvas_leaves_room_for_the_suffix():
    declared = assumed({**_CONFIG, "canvas_length": 3}, prompted_tokenizer().token_to_id)
    profile = read(declared, 3)
    assert profile.hole_widths == (1,)
    assert profile.suffix_head_tokens == 1
