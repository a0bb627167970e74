"""The source that the pictures show, with holes where the bundled checkpoint does well."""

FILE_NAME = "log.py"

_CLASS = """\
class Log:
    \"\"\"The lines of a log file.\"\"\"

    def __init__(self, path):
        self.path = path
        self.lines = []

    def __repr__(self):
        return {repr}

    def __iter__(self):
        {iter}

    def __len__(self):
        return len(self.lines)
"""

TO_FILL = _CLASS.format(repr="$0...", iter="return iter(self.lines)")
"""The hole is at `$0`; `...` stands for what is missing."""

TO_TYPE = _CLASS.format(repr='f"{self.path}"', iter="$0")
"""Who types `TYPED` at `$0` is shown ghost text."""

TYPED = "return "
