"""The commands as one program: arguments in, an exit status out; errors end here as messages."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from ..errors import ChatAdaptersError, did_you_mean
from . import BAD_INPUT, INTERRUPTED, OK, PIPE_CLOSED, drop_stdout

# Name -> (module, one line). A command's module is imported when that command runs, not for --help.
COMMANDS = {
    "list": ("listing", "List the adapters there are."),
    "show": ("show", "Show one adapter: a worked example, its artefacts, its limits."),
    "compile": ("compile", "Write the chat template and the parser of an adapter."),
    "render": ("render", "Print the prompt of a conversation."),
    "parse": ("parse", "Read a model's answer: JSON, or JSON lines of events."),
    "verify": ("verify", "Check an adapter against the laws and against a real model."),
    "prove": ("prove", "Print what a format cannot carry, with counter-examples."),
    "detect": ("detect", "Say which adapter fits a chat template."),
    "new": ("new", "Write a declaration to start from."),
    "schema": ("schema", "Print the JSON Schema of a declaration."),
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f".{COMMANDS[cmd_name][0]}", __package__)
        found: click.Command = module.command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = did_you_mean(args[0], COMMANDS) or f"; use one of: {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command is called {args[0]!r}{near}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from .. import __version__

        click.echo(f"adapters {__version__}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Print the version and exit.",
)  # fmt: skip
def cli() -> None:
    """Declare a chat wire format once; compile it to a chat template and a streaming parser.

    \b
    Example:
      adapters compile chatglm3 -o build

    Exit status: 0 all is well, 1 a check failed, 2 bad usage or bad input.
    """


def run(args: list[str]) -> int:
    """Run a command and return the exit status."""
    if sys.stdout is None:
        return _complain("stdout is closed: give it a file, a pipe or a terminal")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
    try:
        with cli.make_context("adapters", args) as context:
            status = cli.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        drop_stdout()
        return PIPE_CLOSED
    except ChatAdaptersError as error:
        return _complain(str(error))
    except OSError as error:
        drop_stdout()
        place = f"{error.filename}: " if error.filename else ""
        return _complain(
            f"{place}{error.strerror or error}: check the path, its permissions and the disk"
        )
    return int(status or OK)


def _complain(message: str) -> int:
    click.echo(f"Error: {message}", err=True)
    return BAD_INPUT


def help_text() -> str:
    """Return what `adapters --help` prints."""
    with click.Context(
        cli, info_name="adapters", terminal_width=80, help_option_names=["-h", "--help"]
    ) as context:
        return cli.get_help(context) + "\n"
