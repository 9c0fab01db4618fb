"""`mlxtop completion SHELL`: completions, written from the parser at every start of the shell.

bash: `source <(mlxtop completion bash)` in ~/.bashrc, zsh the same in ~/.zshrc after compinit,
fish: `mlxtop completion fish | source` in config.fish.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from shlex import quote
from typing import TYPE_CHECKING, Any

from mlxtop.commands.arguments import Option, Usage, parser, usage
from mlxtop.commands.help import ORDER
from mlxtop.outputs import console

if TYPE_CHECKING:
    from mlxtop.system.door import System

SHELLS = ("bash", "zsh", "fish")
MACHINES = "mlxtop --demo list 2>/dev/null | cut -d' ' -f1"
NETDEVS = "ls /sys/class/net 2>/dev/null"
ASKED = {
    "CHAPTER": f"printf '%s\\n' {' '.join(ORDER)}",
    "MACHINE": MACHINES,
    "GLOB": NETDEVS,
    "PORT": NETDEVS,
    "NETDEV": NETDEVS,
    "PORT|TYPE": f"{NETDEVS}; printf '%s\\n' ib eth auto",
    "THEME": "printf '%s\\n' dark light",
    "show ID | compare A B": "printf '%s\\n' show compare last",
}
"""Commands that list the values of an option, by what stands for the value in help texts."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the name of the shell."""
    parser.add_argument("shell", choices=SHELLS, metavar="bash|zsh|fish", help="bash, zsh or fish")


def run(args: argparse.Namespace, system: System, settings: Any) -> int:
    """Print the script."""
    console.write(script(args.shell, usage(parser())) + "\n")
    return 0


def script(shell: str, whole: Usage) -> str:
    """Return completions for bash 4 and newer, zsh after compinit, or fish."""
    return "\n".join({"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](whole))


def _files(option: Option) -> bool:
    return any(word in (option.value or "") for word in ("FILE", "DIR"))


def _command(option: Option) -> str | None:
    """Return a shell command that prints the values of an option; None where they are unknown."""
    if option.choices:
        return f"printf '%s\\n' {' '.join(map(quote, option.choices))}"
    return ASKED.get(option.value or "")


def _bash(whole: Usage) -> Iterator[str]:
    yield "_mlxtop() {"
    yield "  local word command= words= values= files="
    yield "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}"
    yield '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do'
    yield f"    case $word in {'|'.join(map(quote, whole.commands))}) command=$word; break ;; esac"
    yield "  done"
    yield "  case $command in"
    for name, taken in [("", whole), *whole.commands.items()]:
        yield f"    {quote(name)})"
        flags = [flag for option in taken.options for flag in option.flags]
        yield f"      words={quote(' '.join([*flags, *taken.commands]))}"
        if not name:
            yield f"      values=$({NETDEVS})"
        for operand in taken.operands:
            yield from _bash_values(operand, "      ")
        yield "      case $before in"
        for option in taken.options:
            if option.value is not None:
                yield f"        {'|'.join(option.flags)})"
                if not option.optional:
                    yield "          words= values= files="
                yield from _bash_values(option, "          ")
                yield "          ;;"
        yield "      esac"
        yield "      ;;"
    yield "  esac"
    yield '  mapfile -t COMPREPLY < <(compgen -W "$words $values" -- "$current")'
    yield '  if [ -n "$files" ]; then'
    yield "    compopt -o filenames"
    yield '    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")'
    yield "  fi"
    yield "}"
    yield "complete -F _mlxtop mlxtop"


def _bash_values(option: Option, indent: str) -> Iterator[str]:
    if _files(option):
        yield f"{indent}files=yes"
    if (command := _command(option)) is not None:
        yield f"{indent}values=$({command})"


def _zsh(whole: Usage) -> Iterator[str]:
    yield "#compdef mlxtop"
    yield "_mlxtop() {"
    yield "  local context state state_descr line"
    yield "  typeset -A opt_args"
    yield "  _arguments -C \\"
    yield from _zsh_options(whole, "    ")
    yield "    '1:command:->command' '*::argument:->argument'"
    yield "  case $state in"
    yield "    command)"
    yield "      local -a commands=("
    for name, command in whole.commands.items():
        yield f"        {quote(f'{_zsh_text(name)}:{command.about}')}"
    yield "      )"
    yield "      _describe command commands ;;"
    yield "    argument)"
    yield "      case $words[1] in"
    for name, command in whole.commands.items():
        yield f"        {quote(name)})"
        yield "          _arguments \\"
        yield from _zsh_options(command, "            ")
        for operand in command.operands:
            where = "*" if operand.repeats else ""
            yield f"            {quote(f'{where}:{_zsh_value(operand)}')} \\"
        yield "            ;;"
    yield "      esac ;;"
    yield "  esac"
    yield "}"
    # As a file on fpath, this is the body of the function: its first call has to complete too.
    yield 'if [ "$funcstack[1]" = _mlxtop ]; then _mlxtop "$@"; else compdef _mlxtop mlxtop; fi'


def _zsh_options(taken: Usage, indent: str) -> Iterator[str]:
    for option in taken.options:
        value = f"{'::' if option.optional else ':'}{_zsh_value(option)}" if option.value else ""
        others = "*" if option.repeats else f"({' '.join(option.flags)})"
        for flag in option.flags:
            yield f"{indent}{quote(f'{others}{flag}[{_zsh_text(option.help)}]{value}')} \\"


def _zsh_value(option: Option) -> str:
    label = _zsh_text(option.value or "")
    if (command := _command(option)) is not None:
        return f"{label}:{{compadd -- $({command})}}"
    return f"{label}:{'_files' if _files(option) else ''}"


def _zsh_text(text: str) -> str:
    r"""Return text inside a specification of _arguments.

    >>> print(_zsh_text("a [b]: c"))
    a \[b\]\: c
    """
    for special in "\\[]:":
        text = text.replace(special, "\\" + special)
    return text


def _fish(whole: Usage) -> Iterator[str]:
    yield "complete -c mlxtop -f"
    anywhere = f"not __fish_seen_subcommand_from {' '.join(whole.commands)}"
    for name, command in whole.commands.items():
        yield f"complete -c mlxtop -n '{anywhere}' -a {name} -d {_fish_text(command.about)}"
    for name, taken in [("", whole), *whole.commands.items()]:
        condition = f"__fish_seen_subcommand_from {name}" if name else anywhere
        for option in taken.options + taken.operands:
            words = [f"complete -c mlxtop -n '{condition}'"]
            words += [
                f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
                for flag in option.flags
            ]
            if option.flags and option.value is not None and not option.optional:
                words.append("-r" if _files(option) else "-x")
            if _files(option):
                words.append("-F")
            if (values := _command(option)) is not None:
                words.append(f"-a {_fish_text(f'({values})')}")
            yield " ".join([*words, f"-d {_fish_text(option.help)}"])


def _fish_text(text: str) -> str:
    r"""Return a word in single quotes, where backslash and quote are special.

    >>> print(_fish_text("it's"))
    'it\'s'
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
