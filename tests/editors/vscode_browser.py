"""A headless Chromium that shows the windows of a VS Code: pages, keys, and what stands on the screen.

Playwright lives on a thread of its own, with an event loop of its own, so that tests may run others. It knows selectors
of VS Code's workbench, and no extension.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import Page as PlaywrightPage
from playwright.async_api import Playwright, ViewportSize, async_playwright

T = TypeVar("T")

_PATIENCE_S = 60.0
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]

# Ghost text is drawn in pieces: spans in the line of the caret, and below it a zone that holds the further lines.
_GHOST = """() => {
  const editor = document.querySelector('.monaco-editor.focused') ?? document.querySelector('.editor-instance');
  if (!editor) return '';
  const own = [...editor.querySelectorAll('.ghost-text-decoration, .ghost-text-decoration-preview')];
  const further = [...editor.querySelectorAll('.suggest-preview-text .view-line, .ghost-text .view-line')];
  const first = own.map((each) => each.textContent).join('');
  return [first, ...further.map((each) => each.textContent)].join('\\n').replaceAll('\\u00a0', ' ');
}"""

# The extension draws a draft with pseudo-elements that stand at a column of their own.
_DRAWN = """() => [...document.querySelectorAll('.view-lines span[class*=ced-]')].map((each) => {
  const { content, position, fontStyle } = getComputedStyle(each, '::before');
  const after = getComputedStyle(each, '::after').content;
  return { content: position === 'absolute' ? content : 'none', fontStyle, after };
})"""


class Browser:
    """One browser; each page has its own storage."""

    def __init__(self, executable: Path, *, width: int = 1200, height: int = 800, scale: float = 1) -> None:
        self._size: ViewportSize = {"width": width, "height": height}
        self._scale = scale
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._playwright: Playwright
        self._browser: PlaywrightBrowser
        self.do(self._launch(executable))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the browser's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(2 * _PATIENCE_S)

    def open(self, address: str) -> Page:
        """Open an address in a page of its own."""
        return Page(self, self.do(self._open(address)))

    def close(self) -> None:
        """End the browser and its thread."""
        self.do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._loop.close()

    async def _launch(self, executable: Path) -> None:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)

    async def _open(self, address: str) -> PlaywrightPage:
        context = await self._browser.new_context(viewport=self._size, device_scale_factor=self._scale)
        context.set_default_timeout(_PATIENCE_S * 1000)
        page = await context.new_page()
        await page.goto(address, wait_until="domcontentloaded")
        return page

    async def _close(self) -> None:
        await self._browser.close()
        await self._playwright.stop()


class Page:
    """One page: what a user presses and sees."""

    def __init__(self, browser: Browser, page: PlaywrightPage) -> None:
        self._do = browser.do
        self._page = page

    def type(self, text: str) -> None:
        """Type key by key."""
        self._do(self._page.keyboard.type(text))

    def press(self, key: str) -> None:
        """Press one key or chord."""
        self._do(self._page.keyboard.press(key))

    def click(self, selector: str) -> None:
        """Click on something once it is there."""
        self._do(self._page.locator(selector).first.click())

    def wait_for(self, selector: str) -> None:
        """Wait until something is seen."""
        self._do(self._page.locator(selector).first.wait_for())

    def num(self, selector: str) -> int:
        """Count what is there."""
        return self._do(self._page.locator(selector).count())

    def text(self, selector: str) -> str:
        """What all that matches says."""
        return "\n".join(self._do(self._page.locator(selector).all_inner_texts())).replace("\u00a0", " ")

    def attribute(self, selector: str, name: str) -> str:
        """An attribute of the first that matches; empty when there is none."""
        code = "([selector, name]) => document.querySelector(selector)?.getAttribute(name) ?? ''"
        return str(self._do(self._page.evaluate(code, [selector, name])))

    def evaluate(self, code: str) -> Any:
        """Run JavaScript in the page."""
        return self._do(self._page.evaluate(code))

    def ghost(self) -> str:
        """The ghost text that is drawn."""
        return str(self._do(self._page.evaluate(_GHOST)))

    def preview(self) -> list[tuple[str, str]]:
        """The pieces of the extension's preview: settled ones are firm, unsettled ones are in italics."""
        kinds = {"italic": "unsettled", "normal": "settled"}
        drawn = [each for each in self._drawn() if each["content"] != "none"]
        return [(kinds[each["fontStyle"]], _unquoted(each["content"])) for each in drawn]

    def drawn_after_lines(self) -> list[str]:
        """What extensions draw behind lines."""
        return [_unquoted(each["after"]) for each in self._drawn() if each["after"] != "none"]

    def _drawn(self) -> list[dict[str, str]]:
        return list(self._do(self._page.evaluate(_DRAWN)))

    def screenshot(self, file: Path) -> None:
        """Take a picture."""
        self._do(self._page.screenshot(path=file))

    def picture(self, selector: str) -> bytes:
        """Take a picture of a part of the page, as PNG."""
        return self._do(self._page.locator(selector).first.screenshot(animations="disabled"))

    def close(self) -> None:
        """Close the page and its storage."""
        self._do(self._page.context.close())


def _unquoted(content: str) -> str:
    """What a string of CSS says."""
    return re.sub(r"\\(.)", r"\1", content[1:-1])
