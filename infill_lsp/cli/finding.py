"""What one check of `doctor` found: a value, and how it is printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rich.console import Console
from rich.text import Text

Level = Literal["ok", "warning", "error"]

_STYLES: Mapping[Level, str] = {"ok": "green", "warning": "yellow", "error": "bold red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `advice` says what to do about it; `facts` are for programs that read the report."""

    check: str
    level: Level
    text: str
    advice: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)

    def as_object(self) -> dict[str, object]:
        """Return what `doctor --json` prints of it."""
        return {
            "check": self.check,
            "level": self.level,
            "text": self.text,
            "advice": self.advice,
            "facts": dict(self.facts),
        }


def print_findings(findings: Sequence[Finding]) -> None:
    """Print one line for each finding, and its advice below."""
    console = Console(highlight=False, soft_wrap=True)
    width = max(len(finding.check) for finding in findings)
    for finding in findings:
        line = Text(f"{finding.level:<7}", style=_STYLES[finding.level])
        line.append(f" {finding.check:<{width}}  {finding.text}", style="default")
        console.print(line)
        if finding.advice is not None:
            console.print(Text(f"{'':<8}{'':<{width}}  -> {finding.advice}", style="default"))
