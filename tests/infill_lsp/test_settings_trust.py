"""Settings by language, by folder, and what the file of a project that comes from a stranger cannot do."""

from __future__ import annotations

from pathlib import Path

import pytest

from infill_lsp.settings.folder_settings import FolderSettings
from infill_lsp.settings.setting_values import SECRETS, Settings, definitions
from infill_lsp.settings.settings import Reading, apply, load


@pytest.fixture(autouse=True)
def _own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("INFILL_MODEL", raising=False)


def read(tmp_path: Path, *, user: str = "", project: str = "", editor: object = None) -> Reading:
    (tmp_path / "config/infill-lsp").mkdir(parents=True, exist_ok=True)
    (tmp_path / "config/infill-lsp/config.toml").write_text(user)
    (tmp_path / "infill.toml").write_text(project)
    return load(root=tmp_path, editor=editor)


def test_a_language_has_settings_of_its_own_from_every_source(tmp_path: Path) -> None:
    reading = read(
        tmp_path,
        user="[languages.go]\nmin_confidence = 0.1\ndeadline_ms = 1\nnum_candidates = 1\n",
        project="[languages.go]\ndeadline_ms = 2\n",
        editor={"num_candidates": 3, "languages": {"go": {"in_strings": True}, "typescriptreact": {"debounce_ms": 7}}},
    )
    assert reading.problems == ()
    go, python = reading.settings.for_language("go"), reading.settings.for_language("python")
    assert (go.min_confidence, go.deadline_ms, go.in_strings) == (0.1, 2, True)
    assert go.num_candidates == 3, "a later source that sets a key for all wins over an earlier one's language"
    assert (python.min_confidence, python.deadline_ms, python.in_strings) == (0.02, 5000, False)
    assert reading.settings.for_language("typescriptreact").debounce_ms == 7


def test_a_language_wins_within_its_source_whatever_the_order() -> None:
    for given in (
        {"enabled": False, "languages": {"python": {"enabled": True}}},
        {"languages": {"python": {"enabled": True}}, "enabled": False},
    ):
        settings = apply(Settings(), given, where="x").settings
        assert settings.for_language("python").enabled
        assert not settings.for_language("go").enabled


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"go": {"deadline_ms": "soon"}}, "x: languages.go.deadline_ms: expected a whole number"),
        ({"go": {"colour": 1}}, "x: languages.go.colour: unknown setting"),
        ({"go": {"languages": {}}}, "x: languages.go.languages: unknown setting"),
        ({"go": {"model": "a"}}, "x: languages.go.model: this cannot differ by language"),
        ({"go": {"exclude": ["a"]}}, "x: languages.go.exclude: this cannot differ by language"),
        ({"golang": {}}, "x: languages.golang: unknown language"),
        ({"pyhton": {}}, "x: languages.pyhton: unknown language (did you mean python?)"),
        ({"go": 3}, "x: languages.go: expected a table"),
        (3, "x: languages: expected a table"),
    ],
)
def test_a_problem_in_a_table_is_told_with_its_path(given: object, problem: str) -> None:
    reading = apply(Settings(), {"languages": given}, where="x")
    assert reading.settings == Settings()
    (found,) = reading.problems
    assert found.startswith(problem)


_HOSTILE = {
    "model": '"/tmp/evil"',
    "precision": '"bf16"',
    "idle_minutes": "99999",
    "max_file_bytes": "2000000",
    "context": '"outline"',
    "enabled": "true",
    "fill_ignored_files": "true",
    "log_level": '"debug"',
    "log_source": "true",
}


@pytest.mark.parametrize("table", ["", "[languages.python]\n"])
@pytest.mark.parametrize("key", _HOSTILE)
def test_a_project_can_choose_no_model_and_widen_nothing(tmp_path: Path, key: str, table: str) -> None:
    user = "enabled = false\nmax_file_bytes = 1000\n"
    expected = read(tmp_path, user=user).settings
    reading = read(tmp_path, user=user, project=f"{table}{key} = {_HOSTILE[key]}\n")
    assert reading.settings == expected
    (problem,) = reading.problems
    assert f"infill.toml: {'languages.python.' if table else ''}{key}: " in problem


def test_every_key_that_a_project_may_not_set_freely_is_tried_above() -> None:
    assert set(_HOSTILE) == {each.name for each in definitions().values() if each.project != "yes"}


def test_a_project_can_lower_and_switch_off_what_others_set_for_a_language_too(tmp_path: Path) -> None:
    user = "max_file_bytes = 1000\n[languages.go]\nmax_file_bytes = 100\n"
    reading = read(tmp_path, user=user, project="max_file_bytes = 500\nenabled = false\nexclude = ['*.sql']\n")
    assert reading.problems == ()
    assert reading.settings.max_file_bytes == 500
    assert reading.settings.for_language("go").max_file_bytes == 100, "lowering for all raises no language"
    assert not reading.settings.enabled
    assert reading.settings.exclude == (*SECRETS, "*.sql")


def test_the_user_may_do_what_a_project_may_not(tmp_path: Path) -> None:
    text = "\n".join(f"{key} = {value}" for key, value in _HOSTILE.items())
    assert read(tmp_path, user=text).problems == ()


def test_each_open_folder_has_its_own_file_and_its_own_answer_of_the_editor(tmp_path: Path) -> None:
    for name in ("a", "b", "b/deep"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "infill.toml").write_text(f"debounce_ms = {len(name)}\ncolour_{name[-1]} = 1\n")
    folders = FolderSettings()
    folders.open([tmp_path / "a", tmp_path / "b", tmp_path / "b/deep"])
    folders.configure({"deadline_ms": 1}, {tmp_path / "b": {"deadline_ms": 2}})

    def held(path: str) -> tuple[int, int, Path | None]:
        settings, root = folders.holding([str(tmp_path / path)])
        return settings.debounce_ms, settings.deadline_ms, root

    assert held("a/x.py") == (1, 1, tmp_path / "a")
    assert held("b/x.py") == (1, 2, tmp_path / "b")
    assert held("b/deep/x.py") == (6, 1, tmp_path / "b/deep")
    assert held("bc/x.py") == (1, 1, None)
    assert [problem.partition(":")[0] for problem in folders.problems] == [
        str(tmp_path / name / "infill.toml") for name in ("a", "b", "b/deep")
    ]
    folders.open([tmp_path / "b"])
    assert held("b/x.py") == (1, 2, tmp_path / "b")
    assert held("b/deep/x.py") == (1, 2, tmp_path / "b")
