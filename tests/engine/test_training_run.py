"""A run: stopped and gone on with, cut into chunks, made small to travel, and kept only when it is better."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from engine.local import BUNDLED
from engine.training import __main__ as command
from engine.training import better, state, travel
from engine.training import tokenizer as training_tokenizer
from engine.training.chunk import train_chunk
from engine.training.data import pack
from engine.training.export import export, trained
from engine.training.holes import Sizes
from engine.training.network import Network, Shape
from engine.training.plan import flops_per_position, kept_bytes, plan
from engine.training.recipes import RECIPES, Recipe
from engine.training.smoke import smoke
from engine.training.train import Run

_RECIPE = Recipe(
    shape=Shape(
        400, hidden_size=32, intermediate_size=48, num_layers=2, num_heads=2, num_key_value_heads=1, head_dim=16
    ),
    sizes=Sizes(prefix_length=48, canvas_length=64, windows=2, canvases=2),
    max_steps=6,
    causal_share=0.4,
    causal_windows=2,
)
_TEXT = "".join(
    f"class {name.title()}:\n    def get_{name}(self, default=None):\n        if self.{name} is None:\n"
    f"            return default\n        return self.{name}\n\n"
    for name in ["alpha", "beta", "gamma", "delta"] * 8
)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with packed text and a tokenizer."""
    folder = tmp_path_factory.mktemp("work")
    learnt = training_tokenizer.train([_TEXT], 400)
    learnt.save(str(folder / "tokenizer.json"))
    for name in ("train", "held_out"):
        pack.save(pack.pack_texts([_TEXT] * 3, learnt), folder / f"{name}.npz")
    return folder


def _weights(output: Path) -> dict[str, torch.Tensor]:
    return trained(output / "state.pt").state_dict()


def test_a_run_that_was_stopped_learns_what_one_that_was_not_does(work: Path, tmp_path: Path):
    list(Run(_RECIPE, work, tmp_path / "whole").advance())
    for _ in range(3):  # In the middle of each phase: each time from the file, in a new process's state.
        list(Run(_RECIPE, work, tmp_path / "stopped").advance(steps=2))
    whole, stopped = _weights(tmp_path / "whole"), _weights(tmp_path / "stopped")
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)
    assert not torch.equal(whole["embedding"], Network(_RECIPE.shape).bfloat16().embedding)


def test_batches_drawn_by_other_processes_are_the_same_ones(work: Path, tmp_path: Path):
    list(Run(_RECIPE, work, tmp_path / "alone").advance())
    list(Run(_RECIPE, work, tmp_path / "helped", workers=1).advance())
    alone, helped = _weights(tmp_path / "alone"), _weights(tmp_path / "helped")
    assert all(torch.equal(alone[name], helped[name]) for name in alone)


def test_rows_that_fill_up_a_standing_shape_change_nothing(work: Path, tmp_path: Path):
    from engine.training.holes import HoleSampler
    from engine.training.losses import ask, joint_losses

    torch.manual_seed(0)
    network = Network(_RECIPE.shape)
    sampler = HoleSampler(travel.load(work, "train"), Tokenizer.from_file(str(work / "tokenizer.json")), Sizes(48), 0)
    batch = sampler.batch()
    plain, standing = ask(batch), ask(batch, share=0.9)
    assert len(plain.rows) < len(standing.rows) == int(0.9 * batch.weights.size)
    torch.testing.assert_close(joint_losses(network, plain), joint_losses(network, standing))


def test_a_chunk_leaves_state_log_picture_and_report_and_the_next_goes_on(work: Path, tmp_path: Path):
    output, bag = tmp_path / "run", tmp_path / "bag"
    for max_steps in (3, 6):
        lines = train_chunk(
            replace(_RECIPE, max_steps=max_steps), work, output, minutes=60, chunks=2, travel=bag, workers=0
        )
        assert list(lines)[-1].step == max_steps
    report = json.loads((bag / "report.json").read_text())
    assert report["steps"] == 6
    assert 0 < report["measured"]["matrix_product_share"] < 1
    assert report["measured"]["positions_per_second"] > 0
    assert (bag / "loss.svg").read_text().rstrip().endswith("</svg>")
    assert len((bag / "log.jsonl").read_text().splitlines()) == 2
    assert {path.name for path in bag.iterdir()} == {"light.pt.0", "report.json", "loss.svg", "log.jsonl"}


def test_a_light_state_travels_in_parts_and_warms_up_again(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(state, "_PART_BYTES", 40_000)
    first = Run(_RECIPE, work, tmp_path / "first")
    list(first.advance(steps=3))
    parts = state.save_light(tmp_path / "light.pt", _RECIPE.shape, _RECIPE.sizes, first.optimizer, first.counters)
    assert len(parts) > 1
    state.join(tmp_path / "light.pt")
    second = Run(_RECIPE, work, tmp_path / "second")
    counters = state.restore(tmp_path / "light.pt", second.optimizer)
    assert counters.step == 3
    assert _RECIPE.rate_scale(counters.progress, counters.warmed_from) == pytest.approx(0.05)
    assert torch.equal(first.network.embedding, second.network.embedding)
    with pytest.raises(FileNotFoundError, match=re.escape("none.pt.0 is not there")):
        state.join(tmp_path / "none.pt")


def test_packed_ids_come_back_from_their_small_form(work: Path, tmp_path: Path):
    ids = travel.load(work, "train")
    assert travel.compress(ids, tmp_path / "train.xz") < ids.ids.nbytes / 4
    again = travel.load(tmp_path, "train")
    assert (again.ids == ids.ids).all()
    assert (again.starts == ids.starts).all()
    assert pack.texts_of(again, Tokenizer.from_file(str(work / "tokenizer.json"))) == [_TEXT] * 3


def test_a_worse_state_does_not_replace_a_checkpoint(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(better, "_HOLES", 16)
    for name, steps in (("good", 40), ("bad", 1)):
        list(Run(replace(_RECIPE, max_steps=steps), work, tmp_path / name).advance())
    folder = tmp_path / "checkpoint"
    arguments = ["export", "--if-better", "--work", str(work), "--folder", str(folder)]
    assert command.main([*arguments, "--output", str(tmp_path / "good")]) == 0
    kept = (folder / "model.safetensors").read_bytes()
    capsys.readouterr()
    assert command.main([*arguments, "--output", str(tmp_path / "bad")]) == 1
    assert re.fullmatch(r".*checkpoint stays: .* nats a character, the new one's .*\n", capsys.readouterr().out)
    assert (folder / "model.safetensors").read_bytes() == kept
    export(tmp_path / "bad" / "state.pt", work / "tokenizer.json", folder, _RECIPE.sizes)
    assert command.main([*arguments, "--output", str(tmp_path / "good")]) == 0
    assert (folder / "model.safetensors").read_bytes() == kept


def test_the_planned_memory_is_what_a_step_really_keeps(work: Path, tmp_path: Path):
    from engine.training.losses import Asked, joint_losses

    recipe = replace(_RECIPE, compiled=True)
    run = Run(replace(recipe, compiled=False), work, tmp_path)
    run.recipe = recipe  # The batch in shapes that stand still, as it is planned.
    asked = run._draw_joint(0)
    assert isinstance(asked, Asked)
    kept = kept_bytes(lambda network: sum(joint_losses(network, asked)), run.network)
    planned = plan(recipe, 1e9)
    assert planned.activation_bytes == pytest.approx(kept, rel=0.1)
    assert planned.parameters == sum(parameter.numel() for parameter in run.network.parameters())


def test_planned_arithmetic_is_three_passes_over_the_weights_and_the_attention():
    recipe = RECIPES["smoke"]
    shape, length = recipe.shape, recipe.sizes.prefix_length
    named = Network(shape).named_parameters()
    weights = sum(each.numel() for name, each in named if each.ndim == 2 and not name.startswith("conditioning"))
    # Two products of every query with half of the keys, three times over and one more recomputed on the way back.
    attention = shape.num_layers * shape.num_heads * shape.head_dim * length * 2 * 3.5
    assert flops_per_position(recipe, joint=False) == pytest.approx(6 * weights + attention, rel=0.02)


def test_the_accelerator_recipe_fits_what_travels_and_what_the_card_holds():
    planned = plan(RECIPES["accelerator"], 2e14)
    assert 20e6 < planned.parameters < 60e6
    assert planned.light_state_bytes < 60 * 2**20
    assert planned.weight_bytes + planned.optimizer_bytes + planned.activation_bytes < 100e9
    assert planned.positions > 1e9


def test_data_of_another_vocabulary_is_refused(work: Path, tmp_path: Path):
    with pytest.raises(ValueError, match=r"knows 300 tokens, the data has"):
        Run(replace(_RECIPE, shape=replace(_RECIPE.shape, vocab_size=300)), work, tmp_path)
    with pytest.raises(ValueError, match=r"not in the vocabulary of .*bundled"):
        Run(replace(_RECIPE, begin_from=BUNDLED), work, tmp_path)


def test_steps_that_cannot_begin_say_why_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for arguments, said in (
        (["run", "--recipe", "huge"], "there is no recipe 'huge'"),
        (["pack", "--work", str(tmp_path)], "holds no train.npz and no train.xz"),
        (["export", "--output", str(tmp_path)], "train first"),
    ):
        assert command.main(arguments) == 1
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


def test_the_whole_pipeline_runs_from_text_to_a_filled_hole(tmp_path: Path):
    said: list[str] = []
    result = smoke(tmp_path, said.append, replace(RECIPES["smoke"], max_steps=120))
    assert result.last.step == 120
    assert result.passes > 0
    assert [line.split(":")[0] for line in said] == ["data", "training", "engine"]
