"""Settings: what wins over what, and one line for every key that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.api import EngineUnavailable, RequestError
from infill_lsp.errors import Superseded, answer_code, state_of
from infill_lsp.excludes.refusal import MAX_BYTES, exclusion
from infill_lsp.settings.setting_values import definitions
from infill_lsp.settings.settings import SECRETS, Reading, Settings, apply, load
from infill_lsp.trees import syntax


@pytest.fixture(autouse=True)
def _own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("INFILL_MODEL", raising=False)


def config(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "config" / "infill-lsp"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(text)


def check_problem(given: object, *words: str) -> None:
    """A setting that cannot be used is one problem that holds the words, and every default stays."""
    reading = apply(Settings(), given, where="editor settings")
    assert reading.settings == Settings()
    (problem,) = reading.problems
    assert "\n" not in problem
    for word in ("editor settings", *words):
        assert word in problem


def test_without_any_source_the_defaults_hold() -> None:
    assert load() == Reading(Settings(), ())


def test_every_key_can_be_set() -> None:
    given = {
        "model": "/models/a",
        "precision": "int8",
        "num_candidates": 2,
        "max_file_bytes": 10,
        "deadline_ms": 100,
        "idle_minutes": 0.5,
        "debounce_ms": 0,
        "min_confidence": 0.5,
        "learn_threshold": False,
        "max_prefix_chars": 1,
        "max_suffix_chars": 0,
        "context": "outline",
        "in_strings": True,
        "in_comments": True,
        "enabled": False,
        "exclude": ["secret/*"],
        "fill_ignored_files": True,
        "log_level": "debug",
        "log_source": True,
    }
    assert set(given) == set(definitions())
    reading = apply(Settings(), given, where="x")
    assert reading.problems == ()
    for name, value in given.items():
        if name != "exclude":
            assert getattr(reading.settings, name) == value
    assert reading.settings.exclude == (*SECRETS, "secret/*")


def test_later_sources_win_key_by_key(tmp_path: Path) -> None:
    config(tmp_path, 'model = "from config"\ndebounce_ms = 1\ndeadline_ms = 1\nnum_candidates = 1\n')
    (tmp_path / "infill.toml").write_text("debounce_ms = 2\ndeadline_ms = 2\nnum_candidates = 2\n")
    reading = load(
        root=tmp_path, editor={"deadline_ms": 3, "num_candidates": 3}, overrides={"num_candidates": 4}, environment={}
    )
    assert reading.problems == ()
    settings = reading.settings
    assert (settings.model, settings.debounce_ms, settings.deadline_ms, settings.num_candidates) == (
        "from config",
        2,
        3,
        4,
    )


def test_the_environment_names_the_model_unless_the_command_line_does() -> None:
    environment = {"INFILL_MODEL": "fake:x"}
    assert load(editor={"model": "a"}, environment=environment).settings.model == "fake:x"
    assert load(editor={"model": "a"}, overrides={"model": "b"}, environment=environment).settings.model == "b"


def test_the_environment_names_the_precision() -> None:
    environment = {"INFILL_PRECISION": "int4"}
    assert load(editor={"precision": "int8"}, environment=environment).settings.precision == "int4"
    (problem,) = load(environment={"INFILL_PRECISION": "fp3"}).problems
    assert problem.startswith("INFILL_PRECISION: precision: expected one of auto, bf16, int8, int4")


def test_a_project_may_not_choose_the_model(tmp_path: Path) -> None:
    (tmp_path / "infill.toml").write_text('model = "/tmp/evil"\nnum_candidates = 2\n')
    reading = load(root=tmp_path)
    assert reading.settings == Settings(num_candidates=2)
    (problem,) = reading.problems
    assert "infill.toml: model" in problem


def test_a_project_cannot_take_a_secret_off_the_list(tmp_path: Path) -> None:
    (tmp_path / "infill.toml").write_text('exclude = ["*.sql"]\n')
    assert load(root=tmp_path).settings.exclude == (*SECRETS, "*.sql")


@pytest.mark.parametrize("text", ["model = \n", "\x00", "a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_one_problem(tmp_path: Path, text: str) -> None:
    (tmp_path / "infill.toml").write_text(text)
    reading = load(root=tmp_path)
    assert reading.settings == Settings()
    (problem,) = reading.problems
    assert str(tmp_path / "infill.toml") in problem


def test_a_file_that_is_not_utf8_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / "infill.toml").write_bytes(b'model = "\xff"\n')
    assert len(load(root=tmp_path).problems) == 1


def test_a_folder_in_place_of_the_file_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "infill.toml").mkdir()
    assert load(root=tmp_path) == Reading(Settings(), ())


def test_editors_may_send_the_section_with_its_name_or_without() -> None:
    assert load(editor={"infill-lsp": {"debounce_ms": 5}, "python": {"x": 1}}).settings.debounce_ms == 5
    assert load(editor={"debounce_ms": 5}).settings.debounce_ms == 5
    assert load(editor={"infill-lsp": None}) == Reading(Settings(), ())


def test_a_key_that_is_null_is_not_set() -> None:
    assert load(editor={"debounce_ms": None}) == Reading(Settings(), ())


def test_an_integral_float_is_a_whole_number() -> None:
    settings = load(editor={"debounce_ms": 80.0}).settings
    assert settings.debounce_ms == 80
    assert type(settings.debounce_ms) is int


def test_an_unknown_key_is_named_with_the_key_that_was_meant() -> None:
    check_problem({"debounce-ms": 10}, "debounce-ms", "unknown setting", "debounce_ms")
    check_problem({"colour": 10}, "colour", "unknown setting")
    check_problem({7: 10}, "7", "unknown setting")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model", 3),
        ("model", " "),
        ("num_candidates", 0),
        ("num_candidates", 9),
        ("num_candidates", "4"),
        ("num_candidates", True),
        ("num_candidates", 1.5),
        ("max_file_bytes", float("inf")),
        ("max_file_bytes", MAX_BYTES + 1),
        ("deadline_ms", float("nan")),
        ("deadline_ms", -5),
        ("idle_minutes", 0),
        ("idle_minutes", False),
        ("min_confidence", 1.5),
        ("min_confidence", -0.1),
        ("min_confidence", True),
        ("enabled", "no"),
        ("enabled", 0),
        ("exclude", "*.key"),
        ("exclude", ["a", 1]),
        ("exclude", [""]),
        ("max_prefix_chars", {"a": "x" * 1000}),
    ],
)
def test_a_value_that_cannot_be_used_keeps_the_default(key: str, value: object) -> None:
    check_problem({key: value}, key, "expected")


def test_every_file_that_a_setting_can_allow_is_parsed() -> None:
    assert MAX_BYTES == syntax.MAX_BYTES
    assert apply(Settings(), {"max_file_bytes": MAX_BYTES}, where="x").problems == ()


@pytest.mark.parametrize("given", [[], "x", 3, True])
def test_settings_that_are_no_table_are_one_problem(given: object) -> None:
    check_problem(given, "expected a table")


@pytest.mark.parametrize(
    "path",
    [
        "/home/u/project/.env",
        "/home/u/project/.env.local",
        "/home/u/project/.ENV",
        "/home/u/keys/server.pem",
        "/home/u/server.KEY",
        "/home/u/.ssh/config",
        "/home/u/.ssh/deep/er/known.py",
        "/home/u/.gnupg/gpg.conf",
        "/home/u/backup/id_rsa",
        "/home/u/backup/id_rsa.pub",
        "C:\\Users\\u\\.ssh\\config",
    ],
)
def test_secrets_are_excluded(path: str) -> None:
    assert exclusion(path, SECRETS) is not None


@pytest.mark.parametrize("path", ["/home/u/environment.py", "/home/u/keys/keyboard.py", "/home/u/pem.py", "/ssh/a.py"])
def test_ordinary_files_are_not(path: str) -> None:
    assert exclusion(path, SECRETS) is None


@pytest.mark.parametrize(
    ("path", "glob", "excluded"),
    [
        ("/w/a/generated/x.py", "generated", True),
        ("/w/a/generated.py", "generated", False),
        ("/w/a/generated/x.py", "a/generated", True),
        ("/w/a/generated/x.py", "b/generated", False),
        ("/w/a/x.sql", "a/*.sql", True),
        ("/w/a/x.sql", "*.sql", True),
        ("/w/a/x.sql", "/a/", True),
        ("/w/ab/x.sql", "a/", False),
    ],
)
def test_globs_are_compared_with_names_or_with_the_end_of_the_path(path: str, glob: str, excluded: bool) -> None:
    assert exclusion(path, (glob,)) == (glob if excluded else None)


def test_errors_become_codes_and_states() -> None:
    assert answer_code(Superseded("x")) == -32803
    assert answer_code(EngineUnavailable("x")) == -32803
    assert answer_code(ValueError("x")) == -32603
    assert state_of(EngineUnavailable("x")) == "error"
    assert state_of(RequestError("x")) == "warning"


def test_the_documentation_names_every_secret() -> None:
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    for glob in SECRETS:
        assert f"`{glob}`" in page
