"""The simple commands in a line of shell: their words, and the directory that each runs in.

It reads the quotes, lists, pipes and here-documents that people and agents write, and looks through
programs that only run another (`sudo`, `timeout`, `uv run`, `bash -c`). It expands nothing. Pure.
"""

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

_DEEPEST = 3  # shells that are given a line, one inside the other
_TOKEN = re.compile(
    r"""
      (?P<blank>(?:[ \t\r]|\\\r?\n)+)
    | (?P<comment>\#[^\n]*)
    | (?P<redirect>(?:\d+|&)?(?:>>|>\||>&|<&|<<<|>|<))
    | (?P<separator>&&|\|\||\|&|;;|[;&|()\n])
    | (?P<word>(?:
          '[^']*' | \$'(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" | \$\((?:[^()]|\([^()]*\))*\) | `[^`]*`
        | \\. | [^\s;&|()<>'"\\`]
      )+)
    | (?P<rest>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PIECE = re.compile(
    r"""'(?P<plain>[^']*)'|\$'(?P<ansi>(?:[^'\\]|\\.)*)'|"(?P<quoted>(?:[^"\\]|\\.)*)"|\\(?P<one>.)""",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\([\"\\$`]|\n)")
_ANSI = {"n": "\n", "t": "\t", "r": "\r"}
_NOT_PLAIN = re.compile(r"[;&|()<>'\"\\`#\n\r\x01]")
# A document, and what follows its name on the line.
_DOCUMENT = re.compile(
    r"(?<!<)<<(?!<)-?[ \t]*(['\"]?)([\w.-]+)\1([^\n]*)\n(.*?)(?:^[ \t]*\2[ \t]*(?=\r?$|[\"')])|\Z)",
    re.DOTALL | re.MULTILINE,
)
_MARK = re.compile("\x01(\\d{1,4})\x01")
_PRINTED = re.compile("\\$\\(\\s*cat\\s*\x01(\\d{1,4})\x01\\s*\\)")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_SHELL_LINE = re.compile(r"-\w*c")
_PYTHON = re.compile(r"(?:python|pypy)[\d.]*(?:\.exe)?|py")

_OPENING = frozenset({"{", "}", "!", "if", "then", "elif", "else", "while", "until", "do"})
_NOT_COMMANDS = frozenset({"for", "case", "select", "function", "fi", "done", "esac"})
_SHELLS = frozenset({"bash", "sh", "zsh", "dash", "ksh", "fish"})
# Programs that run another: the options that take a word of their own, and how many words come
# before the other program.
_WRAPPERS: dict[str, tuple[str, int]] = {
    "sudo": ("-u -g -p -C -h -r -t -D -R -T --user --group", 0), "doas": ("-u", 0),
    "env": ("-u -C --unset --chdir", 0), "nice": ("-n", 0), "nohup": ("", 0), "exec": ("-a", 0),
    "builtin": ("", 0), "timeout": ("-k -s --signal --kill-after", 1), "gtimeout": ("-k -s", 1),
    "time": ("-f -o", 0), "stdbuf": ("-i -o -e", 0), "setsid": ("", 0), "ionice": ("-c -n", 0),
    "xvfb-run": ("-s -n -e -f -p -l --server-args --server-num", 0), "unbuffer": ("", 0),
    "watch": ("-n --interval", 0), "npx": ("-p --package", 0),
    "pnpx": ("-p --package", 0), "bunx": ("-p --package", 0), "uvx": ("-p --with --from", 0),
    "dotenv": ("-f -e", 0), "php": ("-d -c", 0), "caffeinate": ("-t -w", 0), "flock": ("-w -E", 1),
}  # fmt: skip
# The same behind a word that says so.
_RUNNERS: dict[str, dict[str, tuple[str, int]]] = {
    "uv": {"run": ("--with --extra --group --python -p --project --directory --env-file", 0)},
    "poetry": {"run": ("", 0)}, "pdm": {"run": ("-p", 0)}, "pipenv": {"run": ("", 0)},
    "rye": {"run": ("", 0)}, "hatch": {"run": ("", 0)}, "conda": {"run": ("-n -p --name", 0)},
    "mamba": {"run": ("-n -p", 0)}, "micromamba": {"run": ("-n -p", 0)},
    "coverage": {"run": ("--source --rcfile --omit --include", 0)}, "bundle": {"exec": ("", 0)},
    "pnpm": {"exec": ("--filter -F -C", 0), "dlx": ("", 0)},
    "yarn": {"exec": ("", 0), "dlx": ("", 0)}, "npm": {"exec": ("-p", 0)},
    "direnv": {"exec": ("", 1)}, "mise": {"exec": ("", 0), "x": ("", 0)},
    "docker": {"exec": ("-e -u -w --env --user --workdir", 1),
               "run": ("-e -u -w -v -p --env --user --workdir --name --entrypoint --network", 1)},
    "podman": {"exec": ("-e -u -w", 1), "run": ("-e -u -w -v -p --name", 1)},
    "docker-compose": {"exec": ("-e -u -w", 1), "run": ("-e -u -w -v --name", 1)},
    "kubectl": {"exec": ("-n -c --namespace --container", 1)}, "nix": {"develop": ("", 0)},
}  # fmt: skip
_INTO = frozenset({">", ">>", ">|", "1>", "1>>", "&>", "&>>"})
_LINE_OPTIONS = {"nix-shell": ("--run", "--command"), "script": ("-c",), "su": ("-c",)}


class Command(NamedTuple):
    """One command of a line."""

    words: tuple[str, ...]  # without quotes, redirections and programs that only run it
    directory: str = ""  # as the line changes it; "" if it does not
    known: bool = True  # can it be told which directory that is?
    given: str = ""  # a here-document
    decides: bool = True  # is the exit status of the line that of this command?
    program: str = ""  # the first of the words, without its directory
    into: tuple[tuple[str, bool], ...] = ()  # files that its output goes to; is it appended?


class _Listed(NamedTuple):
    """A command of a list as it is typed, what follows it, and the files that it writes."""

    words: list[str]
    separator: str
    into: tuple[tuple[str, bool], ...]


def commands(text: str) -> Iterator[Command]:
    """Yield the commands of a line, or of several, in order."""
    return _commands(text, "", [], 0)


def _commands(text: str, directory: str, documents: list[str], depth: int) -> Iterator[Command]:
    """Yield the commands of a line that is in another one `depth` times, with its documents."""
    if not _NOT_PLAIN.search(text):
        yield from _opened(Command(tuple(text.split()), directory), documents, depth)
        return
    if "<<" in text:
        text = _DOCUMENT.sub(lambda found: _set_apart(found, documents), text)
    known, outside = True, list[tuple[str, bool]]()
    lists = list(_lists(text))
    last = _last_that_decides(lists)
    for place, (typed, separator, into) in enumerate(lists):
        given = "".join(_document(n, documents) for w in typed for n in _MARK.findall(w)[:1])
        words = [_unquoted(word) for word in typed if not _MARK.fullmatch(word)]
        if documents:
            words = [_with_documents(word, documents) for word in words]
        one = Command(tuple(words), directory, known, given, place >= last, into=into)
        for command in _opened(one, documents, depth):
            own = command.words == one.words[-len(command.words) :]  # else another shell's
            if own and command.program in ("cd", "pushd"):
                directory, known = _moved(command)
            yield command
        if separator == "(":
            outside.append((directory, known))
        elif separator == ")" and outside:
            directory, known = outside.pop()


def _last_that_decides(lists: list[_Listed]) -> int:
    """Return the place from which on each command has to succeed for the line to do so."""
    while lists and not lists[-1][0]:
        lists.pop()
    place = len(lists) - 1
    while place > 0 and lists[place - 1][1] in ("&&", "(", ")"):
        place -= 1
    return place


def _set_apart(found: re.Match[str], documents: list[str]) -> str:
    documents.append(found[4])
    return f" \x01{len(documents) - 1}\x01 {found[3]}\n"


def _with_documents(word: str, documents: list[str]) -> str:
    """Put a document in the place of `$(cat <<EOF ...)`."""
    return _PRINTED.sub(lambda found: _document(found[1], documents).strip("\n"), word)


def _document(number: str, documents: list[str]) -> str:
    """Return a document by its mark, which may also have been typed."""
    return documents[int(number)] if int(number) < len(documents) else ""


def _lists(text: str) -> Iterator[_Listed]:
    """Yield the words of each command, quotes and all, with what separates it from the next.

    And with the files that it writes.
    """
    words, target, into = list[str](), "", list[tuple[str, bool]]()
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "word" and target:
            if target in _INTO:
                into.append((_unquoted(token[0]), target.endswith(">>")))
            target = ""
        elif kind == "word":
            words.append(token[0])
        elif kind == "redirect":
            target = token[0]
        elif kind == "separator":
            yield _Listed(words, token[0], tuple(into))
            words, target, into = [], "", []
    yield _Listed(words, "", tuple(into))


def _unquoted(word: str) -> str:
    if "'" not in word and '"' not in word and "\\" not in word:
        return word
    return _PIECE.sub(_piece, word)


def _piece(found: re.Match[str]) -> str:
    if (quoted := found["quoted"]) is not None:
        return _ESCAPED.sub(lambda one: one[1].strip("\n"), quoted)
    if (ansi := found["ansi"]) is not None:
        return re.sub(r"\\(.)", lambda one: _ANSI.get(one[1], one[1]), ansi)
    return found["plain"] if found["plain"] is not None else found["one"].strip("\n")


def _opened(command: Command, documents: list[str], depth: int) -> Iterator[Command]:
    """Yield a command, or those that it runs."""
    words = command.words
    while words:
        if words[0] in _OPENING or _ASSIGNMENT.match(words[0]):
            words = words[1:]
            continue
        name = words[0].replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".exe")
        if name in _NOT_COMMANDS:
            return
        line = _given_line(name, words, command.given)
        if line is not None:
            if depth < _DEEPEST:
                for one in _commands(line, command.directory, documents, depth + 1):
                    known = one.known and command.known and name != "ssh"
                    decides = one.decides and command.decides
                    yield one._replace(known=known, decides=decides)
            return
        inside = _inside(name, words)
        if inside is words:
            yield command._replace(words=words, program=name)
            return
        words = inside


def _given_line(name: str, words: tuple[str, ...], document: str) -> str | None:
    """Return what a shell is given to run, as an argument or a document."""
    if name == "eval":
        return " ".join(words[1:])
    if name == "ssh":
        return " ".join(_behind_options(words, 1, "-i -l -o -p -F -J -L -R", 1))
    options = ("-c",) if name in _SHELLS else _LINE_OPTIONS.get(name, ())
    if not options:
        return None
    if document and name in _SHELLS and all(word.startswith("-") for word in words[1:]):
        return document
    for place, word in enumerate(words[1:-1], 1):
        if name in _SHELLS and not word.startswith(("-", "+")):
            return None
        if word in options or (name in _SHELLS and _SHELL_LINE.fullmatch(word)):
            return words[place + 1]
    return None


def _inside(name: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of the command that a program runs; the same ones if it runs none."""
    if name == "command" and words[1:2] != ("-v",):
        return words[1:]
    if _PYTHON.fullmatch(name):
        return _of_python(words)
    if name in _SHELLS:
        return _behind_options(words, 1, "-o -O", 0) or words
    if name in _WRAPPERS:
        return _behind_options(words, 1, *_WRAPPERS[name]) or words
    if name in _RUNNERS:
        return _behind_runner(name, words)
    return words


def _behind_runner(name: str, words: tuple[str, ...]) -> tuple[str, ...]:
    for place, word in enumerate(words[1:5], 1):
        if word in _RUNNERS[name]:
            if name == "coverage" and "-m" in words:
                return words[words.index("-m") + 1 :] or words
            return _behind_options(words, place + 1, *_RUNNERS[name][word]) or words
    return words


def _of_python(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return a module or a script with its arguments."""
    for place, word in enumerate(words[1:], 1):
        if word == "-m":
            return words[place + 1 :] or words
        if word == "-c":
            return words
        if not word.startswith("-") and words[place - 1] not in ("-X", "-W"):
            return words[place:]
    return words


def _behind_options(
    words: tuple[str, ...], place: int, with_word: str, positional: int
) -> tuple[str, ...]:
    """Return the words behind options and so many others; those of `env` go as well."""
    taking = with_word.split()
    while place < len(words):
        word = words[place]
        if word == "--":
            positional = 0
        elif word.startswith("-") and len(word) > 1:
            place += word in taking
        elif not _ASSIGNMENT.match(word):
            if positional == 0:
                break
            positional -= 1
        place += 1
    return words[place:]


def _moved(command: Command) -> tuple[str, bool]:
    """Return the directory after `cd`, and whether it can be told."""
    to = [word for word in command.words[1:] if not word.startswith("-")]
    if len(to) != 1 or re.search(r"[$*?`~\[]", to[0]):
        return "", False
    return posixpath.normpath(posixpath.join(command.directory, to[0])), command.known
