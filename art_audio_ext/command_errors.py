"""How the command ends: one line that says the remedy, an exit code, and the traceback only when asked for."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

BAD_INPUT = 2
UNEXPECTED = 1
STOPPED = 130
_EXPECTED = (ValueError, OSError, ImportError)  # what a person can mend; their messages say how


def run_command(app: Callable[..., object], arguments: list[str]) -> int:
    """
    Run a typer application and turn whatever happens into an exit code.

    :param app: The application.
    :param arguments: The command line without the program's name; `--debug` is understood at any place.
    :return: 0, the code the command asked for, 2 for bad input, 130 after Ctrl-C, 1 for what nobody expected.
    """
    debug = "--debug" in arguments
    try:
        code = app(args=[word for word in arguments if word != "--debug"], standalone_mode=False)
        if code == STOPPED:  # typer turns Ctrl-C into this
            _say("stopped; give the same command again to finish")
        return code if isinstance(code, int) else 0
    except KeyboardInterrupt:
        _say("stopped; give the same command again to finish")
        return STOPPED
    except Exception as error:
        if debug:
            traceback.print_exc()
        return _explain(error)


def _explain(error: Exception) -> int:
    """Say one line about an error; the exit code that goes with it."""
    if hasattr(error, "format_message"):  # typer's own, which versions of typer keep in different places
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message(), file=sys.stderr)
        else:
            context = getattr(error, "ctx", None)
            _say(f"{error.format_message()} See {context.command_path if context else 'art-audio'} --help")
        return BAD_INPUT
    if isinstance(error, _EXPECTED):
        _say(str(error) or type(error).__name__)
        return BAD_INPUT
    if isinstance(error, MemoryError):
        _say("out of memory: use fewer clips (--clips), or a smaller --preset")
        return UNEXPECTED
    _say(f"{type(error).__name__}: {error} (an error of the program's own: --debug shows where)")
    return UNEXPECTED


def _say(message: str) -> None:
    print(f"art-audio: {' '.join(message.split())}", file=sys.stderr)
