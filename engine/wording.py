"""What an instruction-tuned checkpoint is asked: the words around the code in a user's turn, the fence of an answer.

What stays the same from keystroke to keystroke comes first. Plain texts: it knows no tokens and no request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import count

# Language ids whose names are not the ids themselves.
_LANGUAGES = {
    "python": "Python",
    "rust": "Rust",
    "go": "Go",
    "c": "C",
    "cpp": "C++",
    "csharp": "C#",
    "java": "Java",
    "javascript": "JavaScript",
    "javascriptreact": "JavaScript with JSX",
    "typescript": "TypeScript",
    "typescriptreact": "TypeScript with JSX",
    "ruby": "Ruby",
    "lua": "Lua",
    "shellscript": "shell",
}
_TICKS = re.compile("`+")
_REWRITE = "Write that part in a clearer way; it does the same as before."


def fence_of(*texts: str) -> str:
    """Return backticks that none of the texts holds, at least three."""
    longest = max((len(run) for text in texts for run in _TICKS.findall(text)), default=0)
    return "`" * max(3, longest + 1)


def hole_words(texts: Sequence[str], language: str, fence: str, instruction: str | None = None) -> str:
    """Return what is asked of one hole or several: they lie between the texts, which are at least two.

    Lines that the answer is begun with belong to the first hole.
    """
    mark = _unused("<hole/>", *texts)
    is_one = len(texts) == 2
    missing = "A part is missing" if is_one else "Parts are missing"
    wanted = "the missing part and go on with" if is_one else "the first missing part, then the others too, with"
    wishes = f"{_sentence(instruction)} " if instruction else ""
    return (
        f"{missing} from this {_file(language)}, at {'' if is_one else 'each '}{mark}:\n\n"
        f"{_fenced(mark.join(texts), language, fence)}\n\n"
        f"{wishes}Write {wanted} the code behind it. Answer with one fenced code block and nothing else."
    )


def part_words(before: str, part: str, after: str, language: str, fence: str, instruction: str | None) -> str:
    """Return what is asked of a part of a file that is there and is to be written anew; without words, more clearly."""
    name = _unused("part>", before, part, after)
    return (
        f"Look at the part between <{name} and </{name} of this {_file(language)}:\n\n"
        f"{_fenced(f'{before}<{name}{part}</{name}{after}', language, fence)}\n\n"
        f"{_sentence(instruction) if instruction else _REWRITE} "
        "Answer with all of that part as it is to be, in one fenced code block, and nothing else."
    )


def opening(language: str, fence: str) -> str:
    """Return the line that an answer's code begins after."""
    return f"{fence}{language}\n"


def _fenced(code: str, language: str, fence: str) -> str:
    return f"{opening(language, fence)}{code}{'' if code.endswith(chr(10)) else chr(10)}{fence}"


def _file(language: str) -> str:
    return f"{_LANGUAGES.get(language, language)} file" if language else "file"


def _sentence(words: str) -> str:
    words = words.strip()
    return words if words.endswith((".", "!", "?")) else f"{words}."


def _unused(mark: str, *texts: str) -> str:
    """Return the mark, made different where a text holds it."""
    names = (mark if number == 1 else re.sub("[a-z]+", rf"\g<0>-{number}", mark) for number in count(1))
    return next(name for name in names if not any(name in text for text in texts))
