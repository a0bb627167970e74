"""The pictures of VS Code: ghost text, a draft half way, and a fill from its first draft to its end."""

from __future__ import annotations

import tempfile
from contextlib import closing
from io import BytesIO
from pathlib import Path

from PIL import Image
from vscode_browser import Browser
from vscode_driver import VSCode, editor_file
from vscode_setting import end_hosts, packaged_extension, private_environment, program
from vscode_window import Window, poll

from pictures.pace import each_draft
from pictures.sample import FILE_NAME, TO_FILL, TO_TYPE, TYPED

_SETTINGS: dict[str, object] = {
    "breadcrumbs.enabled": False,
    "editor.cursorBlinking": "solid",
    "editor.folding": False,
    "editor.fontSize": 15,
    "editor.glyphMargin": False,
    "editor.guides.indentation": False,
    "editor.inlineSuggest.showToolbar": "never",
    "editor.lightbulb.enabled": "off",
    "editor.lineNumbersMinChars": 3,
    "editor.minimap.enabled": False,
    "editor.hideCursorInOverviewRuler": True,
    "editor.overviewRulerBorder": False,
    "editor.renderLineHighlight": "none",
    "editor.scrollbar.vertical": "hidden",
    "workbench.activityBar.location": "hidden",
    "workbench.colorTheme": "Default Dark Modern",
    "workbench.editor.editorActionsLocation": "hidden",
    "workbench.layoutControl.enabled": False,
    "workbench.statusBar.visible": False,
}
_EDITOR = ".part.editor"
_SLOWER = 4
_START_MS, _END_MS = 1200, 2500


def take(folder: Path) -> None:
    """Take them and write them into a folder."""
    with tempfile.TemporaryDirectory(prefix="infill-", dir="/tmp", ignore_cleanup_errors=True) as name:
        private = Path(name)
        told = private / "pace.json"
        environment = {**private_environment(private), "INFILL_PACE": str(told)}
        browser = Browser(editor_file("chromium/chromium"), width=560, height=404, scale=2)
        with closing(VSCode(private, [packaged_extension()], environment, browser)) as editor:
            _ghost_text(editor.open(editor.project("ghost-text", _SETTINGS)), folder)
            paced = program(private / "paced-infill", "tests.editors.pictures.paced_server")
            settings = {**_SETTINGS, "infill-lsp.path": str(paced)}
            _fill(editor.open(editor.project("fill", settings)), told, folder)
        end_hosts(private)


def _ghost_text(window: Window, folder: Path) -> None:
    _prepare(window, TO_TYPE)
    window.type(TYPED)
    window.ask_until(lambda: window.ghost() != "")
    _write([(window.page.picture(_EDITOR), 0)], folder / "vscode-ghost-text.png")


def _fill(window: Window, told: Path, folder: Path) -> None:
    _prepare(window, TO_FILL)
    frames: list[tuple[bytes, float]] = [(window.page.picture(_EDITOR), _START_MS)]
    window.begin("infill.fillHole")

    def shown() -> str:
        return "".join(text for _, text in window.preview())

    for picture, stood_ms in each_draft(told, shown, lambda: window.page.picture(_EDITOR)):
        frames.append((picture, _SLOWER * stood_ms))
    poll(lambda: "..." not in window.text() and not window.preview(), window.story)
    frames.append((window.page.picture(_EDITOR), _END_MS))
    _write([frames[len(frames) // 2]], folder / "vscode-preview.png")
    _write(frames, folder / "vscode-fill.gif")


def _prepare(window: Window, text: str) -> None:
    window.wait_for_status("ready")
    window.open(FILE_NAME, text)
    window.command("workbench.action.closeSidebar")
    window.command("notifications.clearAll")
    window.page.wait_for(".view-line [class^=mtk]:not(.mtk1)")  # The grammar has given its colours.


def _write(frames: list[tuple[bytes, float]], file: Path) -> None:
    """Write a picture, or several with the milliseconds that each stands."""
    images = [Image.open(BytesIO(content)).convert("RGB") for content, _ in frames]
    # One palette for all; letters have few colours.
    both = Image.new("RGB", (images[0].width, 2 * images[0].height))
    both.paste(images[len(images) // 2], (0, 0))
    both.paste(images[-1], (0, images[0].height))
    palette = both.quantize(64, dither=Image.Dither.NONE)
    first, *others = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    if others:
        durations = [max(20, round(stood)) for _, stood in frames]
        first.save(file, save_all=True, append_images=others, duration=durations, loop=0, optimize=True)
    else:
        first.save(file, optimize=True)
