"""The checks of `doctor` that look at this machine: Python, packages, grammars, accelerator, editor.

Packages are looked up in the metadata and not imported: looking at torch must not cost seconds.
"""

from __future__ import annotations

import ast
import importlib.util
import pkgutil
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from infill_lsp import languages
from infill_lsp.cli.finding import Finding
from infill_lsp.syntax import parse

_DISTRIBUTION = "infill-lsp"
_OLDEST_NEOVIM = (0, 12)
_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
_REPAIR_ADVICE = "install infill-lsp again: pip install --force-reinstall . in a clone of infill-lsp"

LOCAL_EXTRA_ADVICE = "install the engine's packages: pip install '.[local]' in a clone of infill-lsp"
"""What to do where a package of the engine is missing."""


def check_python() -> Finding:
    """The interpreter; pip has refused one that is too old."""
    return Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def check_packages() -> Finding:
    """Every package of the base install is there."""
    return _check_requirements("packages", None, _REPAIR_ADVICE)


def check_local_extra() -> Finding:
    """Every package that a local engine needs is there."""
    return _check_requirements("local extra", "local", LOCAL_EXTRA_ADVICE)


def check_grammars() -> Finding:
    """Every language that is served parses."""
    served = [module.name for module in pkgutil.iter_modules(languages.__path__)]
    broken = [language for language in served if parse("", language) is None]
    if broken:
        return Finding("grammars", "fail", f"no working grammar for {', '.join(broken)}", _REPAIR_ADVICE)
    return Finding("grammars", "ok", ", ".join(served))


def check_accelerator() -> Finding:
    """The GPU, as far as it shows without loading torch; the engine host knows more once a model is loaded."""
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Finding("accelerator", "ok", "the engine makes no use of Apple's GPU; it runs on the CPU")
    if not _NVIDIA_DRIVER.exists():
        return Finding("accelerator", "ok", "no NVIDIA driver found; the engine runs on the CPU")
    build = _torch_build()
    if build is None:
        return Finding("accelerator", "ok", "NVIDIA driver found; whether torch can use it shows once it is installed")
    if build.get("cuda") is None:
        text = f"NVIDIA driver found, but torch {build.get('__version__')} has no CUDA; the engine runs on the CPU"
        return Finding("accelerator", "warn", text, "install a torch build with CUDA to use the GPU")
    return Finding(
        "accelerator", "ok", f"NVIDIA driver found, torch {build.get('__version__')} has CUDA {build['cuda']}"
    )


def check_neovim() -> Finding:
    """Neovim, which shows ghost text from 0.12 on. It is only needed by those who use it."""
    binary = shutil.which("nvim")
    if binary is None:
        return Finding("neovim", "ok", "not on the PATH; needed only to use infill-lsp in it")
    try:
        answer = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return Finding("neovim", "warn", f"{binary} does not run", "install it again")
    version = re.search(r"v(\d+)\.(\d+)\.(\d+)", answer)
    if version is None or (int(version[1]), int(version[2])) < _OLDEST_NEOVIM:
        found = version[0] if version else "of an unknown version"
        return Finding("neovim", "warn", f"{binary} is {found}", "ghost text needs Neovim 0.12 or newer")
    return Finding("neovim", "ok", f"{version[0]} at {binary}")


def _check_requirements(check: str, extra: str | None, advice: str) -> Finding:
    versions = {name: _version(name) for name in _requirements(extra)}
    if not versions:
        return Finding(check, "warn", "not installed as a package, so its requirements are unknown", advice)
    missing = sorted(name for name, version in versions.items() if version is None)
    if missing:
        return Finding(check, "fail", f"{', '.join(missing)} missing", advice, facts=versions)
    return Finding(check, "ok", ", ".join(f"{name} {version}" for name, version in versions.items()), facts=versions)


def _requirements(extra: str | None) -> Iterator[str]:
    """Name the packages that the base install, or one extra, asks for."""
    try:
        requirements = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return
    for requirement in requirements:
        wanted = re.search(r"""extra\s*==\s*["']([^"']+)["']""", requirement)
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        if name is not None and (wanted[1] if wanted else None) == extra:
            yield name[0]


def _torch_build() -> dict[str, str | None] | None:
    """Read what torch's `version.py` assigns, such as `cuda = '12.8'`; None when torch cannot be found."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    try:
        module = ast.parse((Path(spec.origin).parent / "version.py").read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return None
    build: dict[str, str | None] = {}
    for statement in module.body:
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or not isinstance(statement.value, ast.Constant):
            continue
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        value = statement.value.value
        build |= {
            target.id: value if isinstance(value, str) else None for target in targets if isinstance(target, ast.Name)
        }
    return build


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
