"""What the download asks a model hub, and how one file comes from it: the only room that opens a connection.

A file that was broken off goes on where it ended, in this run or a later one, and what a hash is known of is checked.
A hub that is busy is asked again later (`retries`).
The hub's own client lists files and knows the user's token; it would begin a broken file anew. `HF_ENDPOINT` names
another hub.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from engine.api import EngineError, EngineUnavailable
from infill_lsp.cli.machine_checks import LOCAL_EXTRA_ADVICE
from infill_lsp.cli.mistake import Mistake, one_line
from infill_lsp.cli.retries import LONGEST_PAUSE_S, TRIES, is_passing, pause_s

_SILENCE_S = 30.0
_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/(\*|[0-9]{1,18})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository; `sha256` is known of large ones only."""

    name: str
    size: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Repository:
    """What the hub says of a model."""

    id: str
    commit: str
    license: str
    license_link: str | None
    files: tuple[RemoteFile, ...]


def look_up(id: str, wait: Callable[[float], None] = time.sleep) -> Repository:
    """Ask the hub for a model's files and licence; `wait` is as in `fetch`. Raises Mistake, EngineError."""
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
    except ModuleNotFoundError:
        raise EngineUnavailable(LOCAL_EXTRA_ADVICE) from None
    info: Any = None
    for failures in count(1):
        try:
            info = HfApi().model_info(id, files_metadata=True, timeout=_SILENCE_S)
            break
        except GatedRepoError:
            raise Mistake(_gated(id)) from None
        except RepositoryNotFoundError:
            raise Mistake(
                f"the hub has no model {id}, or none that you may see; check its name, or: hf auth login"
            ) from None
        except OfflineModeIsEnabled:
            raise Mistake("HF_HUB_OFFLINE forbids to ask the hub; unset it for the download") from None
        except HfHubHTTPError as error:
            answer = error.response
            if answer.status_code in (401, 403):
                raise Mistake(_gated(id)) from None
            if not is_passing(answer.status_code):
                raise EngineError(_answered(id, answer.status_code)) from None
            reason, retry_after = _busy(answer)
        except Exception as error:  # The client lets through what its transport raises, which changes by version.
            raise EngineError(f"the hub cannot be reached ({_first_line(error)}); try again later") from None
        _let_pass(f"{id} cannot be looked up", reason, "try again later", failures, retry_after, wait)
    card: Any = info.card_data or {}
    files = tuple(
        RemoteFile(file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else None)
        for file in info.siblings or ()
    )
    named, link = card.get("license_name") or card.get("license"), card.get("license_link")
    return Repository(info.id, str(info.sha), _shown(named or "not stated"), _shown(link) if link else None, files)


def fetch(
    repository: Repository,
    file: RemoteFile,
    target: Path,
    on_bytes: Callable[[int], None],
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Bring one file to `target`, which appears when it is whole; `on_bytes` hears how much has come.

    What an earlier run left behind counts at once. `wait` lets so many seconds pass after what may go by.
    Raises Mistake, EngineError, OSError.
    """
    import httpx
    from huggingface_hub import get_token, hf_hub_url

    part = target.with_name(f".{target.name}.part")
    url = hf_hub_url(repository.id, file.name, revision=repository.commit)
    token = get_token()
    headers = {"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {token}"} if token else {})
    on_bytes(have := part.stat().st_size if part.exists() else 0)
    farthest, failures, knows_ranges = have, 0, True
    with httpx.Client(follow_redirects=True, timeout=_SILENCE_S, headers=headers) as client:
        while have < file.size:
            retry_after = None
            rest = {"Range": f"bytes={have}-"} if have and knows_ranges else {}
            try:
                with client.stream("GET", url, headers=rest) as answer, part.open("ab") as stream:
                    if answer.status_code in (401, 403):
                        raise Mistake(_gated(repository.id))
                    reason = "the connection ended early"
                    if is_passing(answer.status_code):
                        reason, retry_after = _busy(answer)
                    elif answer.status_code == 416 or not _begins_at(answer, have, file.size):
                        reason, knows_ranges = "the hub sends another part of it than was asked for", False
                    elif answer.status_code not in (200, 206):
                        raise EngineError(_answered(f"{repository.id}/{file.name}", answer.status_code))
                    else:
                        if answer.status_code == 200 and have:  # A server that knows no ranges sends everything anew.
                            stream.truncate(0)
                            on_bytes(-have)
                            have = 0
                        for chunk in answer.iter_raw():  # As it comes: what waits for a whole chunk is lost in a break.
                            stream.write(chunk)
                            have += len(chunk)
                            on_bytes(len(chunk))
                            if have > file.size:  # It is not what was promised, and may never end.
                                break
            except httpx.RequestError as error:
                reason = _first_line(error)
            # Only what never came before is progress: all of it anew may break at the same place for ever.
            farthest, failures = (have, 0) if have > farthest else (farthest, failures + 1)
            if have < file.size and failures:
                advice = "the same command goes on from there"
                _let_pass(f"{file.name} broke off", reason, advice, failures, retry_after, wait)
    if not file.size:
        part.touch()
    _check(part, file, on_bytes)
    part.replace(target)


def _begins_at(answer: Any, have: int, size: int) -> bool:
    """Tell whether an answer with a part of a file of this size has the part that begins at `have`; others do."""
    if answer.status_code != 206:
        return True
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    return found is not None and int(found[1]) == have and found[2] in ("*", str(size))


def _let_pass(
    what: str, reason: str, advice: str, failures: int, retry_after: str | None, wait: Callable[[float], None]
) -> None:
    """Wait before the next try. Raises EngineError after the last one, or where the hub asks to wait for too long."""
    pause = pause_s(failures, retry_after, datetime.now(UTC))
    if failures == TRIES or pause > LONGEST_PAUSE_S:
        asked = f", and asks to wait {pause / 60:.0f} minutes" if pause > LONGEST_PAUSE_S else ""
        raise EngineError(f"{what} ({reason}{asked}); {advice}")
    wait(pause)


def _busy(answer: Any) -> tuple[str, str | None]:
    """Return what a busy hub's answer says, and when it asks to be asked again."""
    return f"the hub answers {answer.status_code}", answer.headers.get("Retry-After")


def _check(part: Path, file: RemoteFile, on_bytes: Callable[[int], None]) -> None:
    """Compare what came with what was promised; what is wrong is thrown away. Raises EngineError."""
    size = part.stat().st_size
    if size == file.size and file.sha256 in (None, sha256(part)):
        return
    part.unlink()
    on_bytes(-size)
    raise EngineError(f"{file.name} came damaged and was thrown away; the same command fetches it again")


def sha256(path: Path) -> str:
    """Return a file's hash in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _gated(id: str) -> str:
    return f"{id} asks for an agreement first: accept it on its page at the hub, then: hf auth login"


def _shown(said: object) -> str:
    """Return what a stranger wrote as one line that moves no terminal's cursor."""
    return "".join(char for char in one_line(str(said)) if char.isprintable())


def _answered(what: str, status: int) -> str:
    return f"the hub answers {status} for {what}; try again later"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
