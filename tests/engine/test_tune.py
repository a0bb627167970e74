"""Tuning: a checkpoint learns from other files and keeps what helped, in a folder that is whole or not there."""

from __future__ import annotations

import io
import json
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from engine.api import CheckpointError, FillRequest, finish
from engine.local import load
from engine.training import tokenizer as training_tokenizer
from engine.training import weights
from engine.training.data.pack import Packed, pack
from engine.training.export import published
from engine.training.holes import Batch, HoleSampler, Sizes
from engine.training.network import Network, Shape
from engine.training.tune import Plan, fit, held_out_loss
from engine.training.tune_folder import publish, scratch_for, sizes_of, write
from engine.training.tune_job import Scores, main
from engine.training.tune_split import MIN_HELD_OUT_CHARS, MIN_LEARNT_CHARS, TuneError, divide
from tests.engine.tiny import save_tiny_checkpoint

_SIZES = Sizes(prefix_length=48, canvas_length=64, windows=3, canvases=4)
_SHAPE = Shape(
    vocab_size=340, hidden_size=32, intermediate_size=48, num_layers=2, num_heads=2, num_key_value_heads=1, head_dim=16
)
_PLAN = Plan(max_steps=24, judgements=4, matrix_rate=0.02, other_rate=0.01)


def repository(num_files: int = 12) -> list[tuple[str, str]]:
    """Return files of a house style of their own, no two alike."""
    return [
        (
            f"shop/part_{number}.py",
            "".join(
                f"class Part{number}Of{place}:\n    def __init__(self, price):\n        self.price = price\n\n"
                f"    def total(self, count):\n        return self.price * count + {place}\n\n"
                for place in range(24)
            ),
        )
        for number in range(num_files)
    ]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an untrained checkpoint in the layout that training exports."""
    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(0)
    published(Network(_SHAPE).to(torch.bfloat16), _SIZES).save_pretrained(folder)
    training_tokenizer.train((text for _, text in repository(3)), 340).save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture(scope="module")
def tokens(base: Path) -> tuple[Tokenizer, Packed, Packed]:
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    divided = divide(repository())
    return tokenizer, pack(divided.learnt, tokenizer), pack(divided.held_out, tokenizer)


@pytest.fixture(scope="module")
def judge(tokens: tuple[Tokenizer, Packed, Packed]) -> list[Batch]:
    sampler = HoleSampler(tokens[2], tokens[0], _SIZES, seed=5)
    return [sampler.batch() for _ in range(2)]


@pytest.fixture
def sampler(tokens: tuple[Tokenizer, Packed, Packed]) -> HoleSampler:
    return HoleSampler(tokens[1], tokens[0], _SIZES, seed=0)


def test_held_out_loss_falls_and_the_best_weights_stay(base: Path, sampler: HoleSampler, judge: list[Batch]):
    network = weights.read(base).float()
    losses = [judgement.held_out_loss for judgement in fit(network, sampler, judge, _PLAN)]
    assert len(losses) == 1 + 4
    assert min(losses) < 0.9 * losses[0]
    assert held_out_loss(network, judge) == pytest.approx(min(losses))


def test_what_is_no_gain_ends_early_and_is_undone(base: Path, sampler: HoleSampler, judge: list[Batch]):
    network = weights.read(base).float()
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    bold = replace(_PLAN, matrix_rate=30.0, other_rate=30.0, warm_up_share=0.01, judgements=24)
    judgements = list(fit(network, sampler, judge, bold))
    assert judgements[-1].step == bold.patience * bold.steps_between < 24
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())


def test_a_stop_that_is_asked_for_ends_before_the_next_step(base: Path, sampler: HoleSampler, judge: list[Batch]):
    answers = iter([False, False, True])
    judgements = list(fit(weights.read(base).float(), sampler, judge, _PLAN, lambda: next(answers)))
    assert judgements[-1].step <= 2
    assert next(answers, None) is None


def test_no_text_is_learnt_and_judged_by():
    files = repository()
    divided = divide([*files, ("copy/of_one.py", "# The same.\n" + files[0][1]), ("copy/two.py", files[1][1])])
    learnt, held_out = ({file.text for file in side} for side in (divided.learnt, divided.held_out))
    assert not learnt & held_out
    assert len(divided.learnt) + len(divided.held_out) == len(files)
    assert 0 < sum(map(len, held_out)) < 0.35 * sum(map(len, learnt))


def test_a_file_stays_on_its_side_when_others_come():
    few, many = divide(repository(30)), divide(repository(36))
    # Nothing that was learnt from is held out later: the score would flatter.
    assert not {file.path for file in few.learnt} & {file.path for file in many.held_out}


def test_generated_files_and_secrets_are_not_learnt_from_and_tests_are():
    text = repository(1)[0][1]
    odd = [
        ("a.py", "# Generated by a tool, do not edit\n" + text),
        ("b.py", 'KEY = """-----BEGIN RSA PRIVATE KEY-----"""\n' + text),
        ("tests/test_c.py", "import pytest\n" + text),
    ]
    divided = divide([*repository(), *odd])
    paths = {file.path for file in (*divided.learnt, *divided.held_out)}
    assert paths & {"a.py", "b.py", "tests/test_c.py"} == {"tests/test_c.py"}


@pytest.mark.parametrize("files", [[], repository(2), [("one.py", "x = 1\n" * 20_000)]])
def test_too_little_code_is_said_with_how_much_is_needed(files: list[tuple[str, str]]):
    with pytest.raises(TuneError, match=f"too little code: .*{MIN_LEARNT_CHARS + MIN_HELD_OUT_CHARS:,} in several"):
        divide(files)


def test_the_folder_is_the_base_with_other_weights_and_fills(base: Path, tmp_path: Path):
    network = weights.read(base)
    with torch.no_grad():
        network.embedding.add_(0.5)
    folder = tmp_path / "checkpoints/shop"
    with scratch_for(folder, base) as scratch:
        write(network, base, scratch)
        publish(scratch, folder, {"base": "mine"})
    assert [path.name for path in folder.parent.iterdir()] == ["shop"]
    assert (folder / "config.json").read_bytes() == (base / "config.json").read_bytes()
    assert json.loads((folder / "tuned.json").read_text()) == {"base": "mine"}
    old, new = load_file(base / "model.safetensors"), load_file(folder / "model.safetensors")
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert old.keys() == new.keys()
    assert "model.decoder.embed_tokens.weight" in changed <= {"model.decoder.embed_tokens.weight", "lm_head.weight"}
    assert torch.equal(weights.read(folder).embedding, network.embedding)
    assert finish(
        load(str(folder), device="cpu").fill(FillRequest("def total(self, count):\n    return ", "\n"))
    ).passes


def test_an_older_one_of_the_same_name_is_replaced(base: Path, tmp_path: Path):
    for turn in ("first", "second"):
        with scratch_for(tmp_path / "shop", base) as scratch:
            publish(scratch, tmp_path / "shop", {"turn": turn})
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]
    assert json.loads((tmp_path / "shop/tuned.json").read_text()) == {"turn": "second"}


def test_what_is_interrupted_leaves_nothing(base: Path, tmp_path: Path):
    def begin() -> None:
        with scratch_for(tmp_path / "shop", base) as scratch:
            (scratch / "model.safetensors").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_another_making_is_left_alone(base: Path, tmp_path: Path):
    (tmp_path / "shop").mkdir()
    with pytest.raises(TuneError, match="not made by tuning"), scratch_for(tmp_path / "shop", base):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_a_base_of_another_making_and_one_that_is_none_are_refused(base: Path, tmp_path: Path):
    assert sizes_of(base).prefix_length == _SIZES.prefix_length
    with pytest.raises(TuneError, match="not made by this project's training"):
        sizes_of(save_tiny_checkpoint(tmp_path / "published"))
    with pytest.raises(CheckpointError, match=r"no usable config\.json"):
        sizes_of(tmp_path)


@pytest.mark.parametrize(
    ("loss", "similarity", "is_better"),
    [(1.8, 0.5, True), (1.8, 0.48, True), (1.8, 0.4, False), (1.999, 0.6, False), (2.1, 0.9, False)],
)
def test_better_is_a_lower_loss_without_worse_fills(loss: float, similarity: float, is_better: bool):
    assert Scores(loss, 50, 0.2, similarity).beats(Scores(2.0, 50, 0.2, 0.5)) is is_better
    assert not Scores(float("nan"), 50, 1.0, 1.0).beats(Scores(2.0, 50, 0.2, 0.5))


@contextmanager
def small_files_only(num_bytes: int) -> Iterator[None]:
    """Let this process write no larger files, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def told(
    base: Path, folder: Path, files: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, plan: Plan = _PLAN
) -> tuple[int, list[dict[str, object]]]:
    """Do one job in this process; return its status and what it told."""
    job = {"files": files, "base": str(base), "folder": str(folder), "plan": {"max_steps": plan.max_steps}}
    said = io.StringIO()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(job)))
    monkeypatch.setattr(sys, "stdout", said)
    try:
        status = main()
    finally:
        monkeypatch.undo()
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return status, [json.loads(line) for line in said.getvalue().splitlines()]


def test_a_job_that_cannot_be_done_says_so_in_one_line_and_leaves_nothing(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "checkpoints/shop"
    status, said = told(base, folder, repository(1), monkeypatch)
    assert (status, said[-1]["kind"]) == (1, "mistake")
    assert "too little code" in str(said[-1]["text"])

    broken = tmp_path / "broken"
    broken.mkdir()
    for name, end in (("config.json", None), ("tokenizer.json", None), ("model.safetensors", 1000)):
        (broken / name).write_bytes((base / name).read_bytes()[:end])
    status, said = told(broken, folder, repository(), monkeypatch)
    assert (status, said[-1]["kind"]) == (1, "engine")
    assert "the checkpoint cannot be read" in str(said[-1]["text"])

    with small_files_only(50_000):
        status, said = told(base, folder, repository(), monkeypatch, replace(_PLAN, max_steps=1))
    assert (status, said[-1]["kind"]) == (1, "engine")
    assert "shop" in str(said[-1]["text"])
    assert "nothing was kept" in str(said[-1]["text"])
    assert list(folder.parent.iterdir()) == []

    folder.parent.rmdir()
    folder.parent.touch()
    status, said = told(base, folder, repository(), monkeypatch)
    assert (status, said[-1]["text"]) == (1, f"{folder.parent}: File exists; nothing was kept")
