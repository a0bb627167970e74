"""The commands of `infill-lsp` and their options; what they do stands in the modules beside this one.

A user's mistake ends with one line on stderr and exit status 2, an engine's failure with one line and 3.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.api import EngineError
from infill_lsp import __version__
from infill_lsp.cli.mistake import Mistake, one_line
from infill_lsp.settings.settings import MAX_CANDIDATES

_MISTAKE_STATUS = 2
_ENGINE_STATUS = 3

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="[COMMAND] [ARGS]...",
    help="Fill holes in code with a local diffusion language model. Without a command: the language server, on stdio.",
)

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The source file. It is never written.")]
_Model = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help='"bundled", a tuned or downloaded model\'s name, or a folder; else the setting or INFILL_MODEL decides.',
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def run(arguments: list[str]) -> int:
    """Run one command and return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a stand-in for it; nothing fails for that.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = app(arguments, prog_name="infill-lsp", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "infill-lsp")
        return _complain(f"{error.format_message()} ({command} --help)", _MISTAKE_STATUS)
    except Mistake as error:
        return _complain(str(error), _MISTAKE_STATUS)
    except EngineError as error:
        return _complain(str(error), _ENGINE_STATUS)
    return status if isinstance(status, int) else 0


def _complain(text: str, status: int) -> int:
    print(f"infill-lsp: {one_line(text)}", file=sys.stderr)
    return status


@app.callback()
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        print(f"infill-lsp {__version__}")
        raise typer.Exit


@app.command()
def fill(
    file: _File,
    at: Annotated[
        str | None, typer.Option(metavar="LINE:COLUMN", help="Where the hole is, both counted from 1.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Fill all placeholders, TODOs that are a whole block and empty bodies.")
    ] = False,
    as_json: _Json = False,
    candidates: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=MAX_CANDIDATES, help="How many different fills to show at most; not with --all."
        ),
    ] = 1,
    model: _Model = None,
) -> int:
    """Fill the hole at a place of a file, or all its holes. The file stays as it is."""
    from infill_lsp.cli.fill_all_command import fill_every
    from infill_lsp.cli.fill_command import fill_file

    if every == (at is not None) or (every and candidates != 1):
        raise Mistake("fill takes either --at LINE:COLUMN or --all (infill-lsp fill --help)")
    if at is None:
        return fill_every(file, model=model, as_json=as_json)
    return fill_file(file, at, num_candidates=candidates, model=model, as_json=as_json)


@app.command()
def rewrite(
    file: _File,
    lines: Annotated[str, typer.Option(metavar="A-B", help="Which lines to rewrite, counted from 1.")],
    noise: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0.0,
            max=1.0,
            help="How much to write anew: 0 nothing, 0.3 tidy, 0.6 rework (the default), 0.9 redo.",
        ),
    ] = None,
    instruct: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What to do, in words, for checkpoints that take instructions.")
    ] = None,
    keep: Annotated[list[str] | None, typer.Option(metavar="A-B", help="Lines that stay as they are.")] = None,
    as_json: _Json = False,
    model: _Model = None,
) -> int:
    """Rewrite lines of a file and show the result. The file stays as it is."""
    from infill_lsp.cli.rewrite_command import rewrite_lines

    if noise is not None and instruct is not None:
        raise Mistake("rewrite takes --noise or --instruct, not both (infill-lsp rewrite --help)")
    return rewrite_lines(file, lines, noise=noise, instruction=instruct, keep=keep or [], model=model, as_json=as_json)


@app.command()
def trace(
    file: _File,
    at: Annotated[str, typer.Option(metavar="LINE:COLUMN", help="Where the hole is, both counted from 1.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each pass and one for the result, a line each.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Draw a heat map into this .html or .png file.")
    ] = None,
    model: _Model = None,
) -> int:
    """Fill a hole of a file and show what every denoising pass did."""
    from infill_lsp.cli.trace_command import trace_file

    return trace_file(file, at, output=output, model=model, as_json=as_json)


@app.command()
def demo(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A file of your own instead of the sample.")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="LINE:COLUMN", help="Where the hole is in FILE.")] = None,
    model: _Model = None,
) -> int:
    """Watch the real language server fill a hole, pass by pass."""
    from infill_lsp.cli.demo import show_demo

    return show_demo(file, at, model=model)


@app.command()
def serve(
    socket: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Listen here, in a folder of your own; editors look in the usual place only."
        ),
    ] = None,
    model: _Model = None,
    idle_minutes: Annotated[
        float | None, typer.Option(metavar="MINUTES", help="Exit after so long without work.")
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="Show the hosts that run, or that of MODEL.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the hosts that run, or that of MODEL.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --status: print one JSON object.")] = False,
) -> int:
    """Run the engine host here, show those that run, or stop them. Editors start it by themselves."""
    from infill_lsp.cli.running_hosts import show_hosts, stop_hosts
    from infill_lsp.cli.serve import serve_engine

    if (status and stop) or (as_json and not status) or ((status or stop) and idle_minutes is not None):
        raise Mistake("serve takes --status, with or without --json, or --stop, or neither (infill-lsp serve --help)")
    if status:
        return show_hosts(socket, model=model, as_json=as_json)
    if stop:
        return stop_hosts(socket, model=model)
    return serve_engine(socket, model=model, idle_minutes=idle_minutes)


@app.command()
def doctor(
    as_json: _Json = False,
    fill: Annotated[bool, typer.Option("--fill/--no-fill", help="Fill a hole too, which starts the engine.")] = True,
) -> int:
    """Check what is needed, and say what to do about what is missing."""
    from infill_lsp.cli.doctor import examine

    return examine(as_json=as_json, fill=fill)


@app.command()
def settings(
    schema: Annotated[bool, typer.Option("--schema", help="Print a JSON schema of all settings instead.")] = False,
) -> int:
    """Print the settings that hold in this folder, as JSON."""
    from infill_lsp.cli.settings_command import print_schema, print_settings

    return print_schema() if schema else print_settings()


@app.command()
def download(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Its id, OWNER/NAME; else DiffusionGemma 26B.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to the licence without being asked.")] = False,
    to: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Put it there, on a larger disk say.")] = None,
) -> int:
    """Download a checkpoint from a model hub. Nothing else ever uses the network.

    A download that was broken off goes on with the same command.
    """
    from infill_lsp.cli.download_command import download as fetch

    return fetch(model, agreed=yes, to=to)


@app.command()
def models(
    as_json: _Json = False,
    remove: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Delete a download: its id or its folder.")
    ] = None,
) -> int:
    """List the checkpoints of this machine and how each would run."""
    from infill_lsp.cli.models_command import list_models, remove_model

    if remove is not None and as_json:
        raise Mistake("models takes --json or --remove, not both (infill-lsp models --help)")
    return list_models(as_json=as_json) if remove is None else remove_model(remove)


@app.command()
def bench(
    as_json: _Json = False,
    holes: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=2000, help="How many holes of each kind to fill; else 100, quick 3."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Few runs: shows that it works, says little.")] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also draw score against passes: .svg, .png or .pdf.")
    ] = None,
    threads: Annotated[int | None, typer.Option(metavar="N", min=1, help="CPU threads; else torch decides.")] = None,
    model: _Model = None,
) -> int:
    """Measure speed, passes and scores of the engine on this machine. The bars they are held to stand beside them."""
    from infill_lsp.cli.bench_command import Wanted, measure

    return measure(Wanted(holes=holes, quick=quick, threads=threads, plot=plot), model=model, as_json=as_json)


@app.command()
def tune(
    path: Annotated[Path | None, typer.Argument(metavar="PATH", help="The repository to learn from.")] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the result is called; else as the repository's folder.")
    ] = None,
    minutes: Annotated[float, typer.Option(metavar="MINUTES", help="Train for so long at most.")] = 10,
    steps: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Take so many steps at most; else the time decides.")
    ] = None,
    threads: Annotated[int | None, typer.Option(metavar="N", min=1, help="CPU threads; else torch decides.")] = None,
    model: _Model = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the result even when it is not better.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Show the checkpoints that were tuned, and do nothing.")] = False,
    remove: Annotated[str | None, typer.Option(metavar="NAME", help="Delete a tuned checkpoint.")] = None,
) -> int:
    """Train the checkpoint on with a repository of your own. The result is kept if it fills held-out files better."""
    from infill_lsp.cli.tune import Limits, list_tuned, remove_tuned, tune_repository

    if [path is not None, show, remove is not None].count(True) != 1:
        raise Mistake("tune takes a repository's PATH, --list, or --remove NAME (infill-lsp tune --help)")
    if show:
        return list_tuned()
    if remove is not None:
        return remove_tuned(remove)
    assert path is not None
    limits = Limits(minutes=minutes, steps=steps, threads=threads)
    return tune_repository(path, name=name, limits=limits, model=model, keep=keep)
