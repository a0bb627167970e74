"""Other open documents: which may be read, and what is chosen of them."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from engine.fake import ScriptedEngine
from infill_lsp.context.budget import Budget
from infill_lsp.context.context import request_for
from infill_lsp.context.elsewhere import Surroundings, Wanted, elsewhere
from infill_lsp.context.names import names_in
from infill_lsp.context.neighbours import Neighbours, label
from infill_lsp.context.skeleton import NOTHING
from infill_lsp.holes.hole import Hole
from infill_lsp.languages import Language, language_for
from infill_lsp.protocol import Editor
from infill_lsp.session import Session
from infill_lsp.text.document import Document, Snapshot
from tests.fixture import snapshot_of


def opened(path: str, text: str, language: str = "python") -> Snapshot:
    return Document(f"file:///{path}", 1, text, language).snapshot(1.0)


def found(near: str, *others: Snapshot, room: int = 400, edited: dict[str, list[int]] | None = None) -> str:
    wanted = Wanted(names_in(near, "python"), frozenset(), NOTHING, Budget(1_000), room)
    text = elsewhere(wanted, snapshot_of(near), None, Surroundings(others, edited or {}))
    assert len(text) <= room
    return text


BODY = "".join(f"    step_{number} = number_{number}\n" for number in range(30))


def test_the_definition_of_a_name_is_shown_without_its_body() -> None:
    other = opened(
        "a/b/c/shop.py", "class Basket:\n    size: int\n\n    def add(self, article):\n        return article\n"
    )
    assert found("Basket", other).startswith(
        "# b/c/shop.py\nclass Basket:\n    size: int\n    def add(self, article): pass\n"
    )


def test_pieces_that_share_names_are_shown_as_comments() -> None:
    other = opened("x.py", "import math\n\n\n\n\n\nprice = rate * amount\n" + BODY)
    text = found("rate amount", other)
    assert "# price = rate * amount\n" in text
    assert all(line.startswith("# ") for line in text.splitlines())
    assert found("unrelated words", other) == ""


def test_a_piece_that_was_edited_lately_counts_for_more() -> None:
    text = "".join(f"alpha_{part} = beta\n" * 8 for part in ("one", "two"))
    other = opened("x.py", text)
    first = found("beta", other, room=170)
    assert "alpha_one" in first
    assert "alpha_two" in found("beta", other, room=170, edited={other.uri: [len(text) - 5]})


def test_documents_stand_in_the_order_of_their_uris_however_they_come() -> None:
    others = [opened(f"{name}.py", f"def helper_{name}(thing): pass\n") for name in "cab"]
    near = "helper_a helper_b helper_c"
    assert found(near, *others) == found(near, *reversed(others))
    assert [line for line in found(near, *others).splitlines() if line[0] == "#"] == ["# a.py", "# b.py", "# c.py"]


def test_only_documents_of_the_language_or_its_family_are_read() -> None:
    neighbours = Neighbours()
    others = [opened("a.ts", "let a = 1;\n", "typescript"), opened("b.py", "a = 1\n"), opened("c.c", "int a;\n", "c")]
    assert [uri for uri, _ in neighbours.outlines(language_for("javascript"), others)] == ["file:///a.ts"]
    assert [uri for uri, _ in neighbours.outlines(language_for("cpp"), others)] == ["file:///c.c"]


def test_a_path_cannot_end_its_comment() -> None:
    assert label("file:///a/b%0Aimport%20os.py", language_for("python")) == "# a/bimport os.py\n"
    css = Language(id="x", block_comments=(("/*", "*/"),))
    assert label("file:///a*/b.css", css).count("*/") == 1
    assert label("file:///a/b", Language(id="x")) == ""


def test_a_document_that_is_not_handed_over_any_more_is_forgotten() -> None:
    neighbours = Neighbours()
    other = opened("a.py", "x = 1\n")
    neighbours.outlines(language_for("python"), [other])
    neighbours.keep(frozenset())
    assert not neighbours._read


def shown(exclude: list[str], context: str = "outline") -> str:
    """Give the prefix of a session in which another document is open; its settings come after it was read once."""

    async def run() -> str:
        session = Session(cast(Editor, None), lambda _: ScriptedEngine(""))
        session.configure({"context": context})
        session.open("file:///project/shop.py", 1, "def price_of(article):\n    return secret_price\n", "python")
        session.open("file:///project/.env.py", 1, "price_of = password\n", "python")
        session.open("file:///project/main.py", 1, "x = price_of(1)\ny = x\n" * 4, "python")
        for uri in list(session.documents):
            session.documents[uri].snapshot(1.0)
            while session.documents[uri].is_behind:
                session.documents[uri].advance()
        prefix(session)
        session.configure({"context": context, "exclude": exclude})
        return prefix(session)

    return asyncio.run(run())


def prefix(session: Session) -> str:
    snapshot = session.snapshot("file:///project/main.py")
    assert snapshot is not None
    hole = Hole(len(snapshot.text), len(snapshot.text), "statement", "", False, "a test")
    return request_for(
        snapshot,
        hole,
        num_candidates=1,
        max_prefix_chars=2_000,
        max_suffix_chars=100,
        deadline_ms=None,
        surroundings=session.surroundings(snapshot),
    ).prefix


def test_other_open_documents_are_shown() -> None:
    assert "def price_of(article): pass" in shown([])


@pytest.mark.parametrize("exclude", [["shop.py"], ["project"], ["project/*.py"]])
def test_an_excluded_document_is_never_shown_even_if_it_was_read_before(exclude: list[str]) -> None:
    assert "article" not in shown(exclude)
    assert "secret_price" not in shown(exclude)


def test_what_usually_holds_secrets_is_never_shown() -> None:
    assert "password" not in shown([])


def test_the_setting_decides_whether_anything_else_is_shown() -> None:
    assert "article" not in shown([], context="file")
