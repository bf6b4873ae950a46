"""Brings secrets into a real group in every way that a text gets there, and looks for them."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from harness.group import Group
from harness.planted import Planted

SESSION = "0c8e9b3c-5f0e-4f6a-9d34-planted00001"


class Planting:
    """One project, with a session that is followed, one that is imported, and what clients say."""

    def __init__(self, group: Group, rules: Path) -> None:
        """`rules` are the compiled rules of the library: compiling them takes 4 s."""
        self._group = group
        self._rules = rules
        self.cwd = group.work / "project"
        self.cwd.mkdir()
        self._numbers = count()
        self._lines: dict[str, list[dict[str, Any]]] = {"live": [], "past": []}

    def plant(self, secrets: Iterable[Planted]) -> None:
        """Start the group, and bring in each secret in one of the ways, in turn."""
        self._group.up()
        shutil.copytree(self._rules, self._group.layout.redaction_rules)
        ways: tuple[Callable[[str], None], ...] = (
            self._prompt, self._answer, self._command, self._output, self._past_prompt, self._todo,
            self._heard, self._title, self._note, self._past_output, self._edit, self._path,
            self._branch, self._pull_request,
        )  # fmt: skip
        for number, secret in enumerate(secrets):
            ways[(number + number // len(ways)) % len(ways)](secret.text)
        self._write()

    def pend(self, secrets: Iterable[Planted]) -> None:
        """Stop the group, and leave secrets in the spool and in the transcript."""
        self._group.down()
        for number, secret in enumerate(secrets):
            (self._heard if number % 2 else self._prompt)(secret.text)
        self._lines["past"].clear()
        self._append("live")
        self._event(transcript_path=str(self._transcript("live")))

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield every file of the store with its bytes, but for the spool."""
        root = self._group.layout.root
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink() and "redaction" not in path.parts:
                yield str(path.relative_to(root)), path.read_bytes()

    def starts(self) -> Iterator[tuple[str, bytes]]:
        """Yield what the next session starts with, written and composed now."""
        for path in self._group.layout.root.rglob("*.md"):
            yield str(path), path.read_bytes()
        for args in (["session-start"], ["preview"]):
            yield args[0], self._group.iai(*args, "--cwd", str(self.cwd)).stdout.encode()

    def recalls(self, secrets: Iterable[Planted]) -> Iterator[tuple[str, bytes]]:
        """Yield what recall finds for the words around some secrets."""
        for secret in secrets:
            words = secret.text.replace(secret.secret, " ")[:200] or "key"
            yield (
                secret.kind,
                self._group.iai("recall", words, "--json", "--limit", "20").stdout.encode(),
            )

    # --- ways in ------------------------------------------------------------------------------

    def _prompt(self, text: str) -> None:
        self._line("live", "user", f"please look at this: {text}")

    def _answer(self, text: str) -> None:
        self._prompt_of("live")
        self._line("live", "assistant", [{"type": "text", "text": f"It works with {text}"}])

    def _command(self, text: str) -> None:
        self._tool("live", "Bash", {"command": text}, "done", failed=False)

    def _output(self, text: str) -> None:
        self._tool("live", "Bash", {"command": "make"}, f"Exit code 2\nmake: failed\n{text}")

    def _path(self, text: str) -> None:
        self._tool("live", "WebFetch", {"url": text}, "page")

    def _todo(self, text: str) -> None:
        todos = [{"content": text, "status": "pending"}]
        self._tool("live", "TodoWrite", {"todos": todos}, "ok", failed=False)

    def _title(self, text: str) -> None:
        for name in ("live", "past"):
            self._lines[name].append({
                "type": "custom-title", "customTitle": text, "sessionId": self._session(name)
            })  # fmt: skip

    def _branch(self, text: str) -> None:
        self._line("live", "user", "now on a branch", gitBranch=text)

    def _pull_request(self, text: str) -> None:
        self._lines["live"].append({
            "type": "pr-link", "sessionId": self._session("live"), "cwd": str(self.cwd),
            "prNumber": next(self._numbers), "prUrl": f"https://github.com/o/r/pull/7?{text}",
        })  # fmt: skip

    def _past_prompt(self, text: str) -> None:
        self._line("past", "user", f"once more: {text}")

    def _past_output(self, text: str) -> None:
        self._tool("past", "Bash", {"command": f"echo {text}"}, f"Exit code 1\n{text}")

    def _heard(self, text: str) -> None:
        self._event(prompt=f"heard: {text}", prompt_id=f"p{next(self._numbers)}")

    def _note(self, text: str) -> None:
        self._group.iai("remember", f"note {text}", "--project", str(self.cwd))

    def _edit(self, text: str) -> None:
        noted = self._group.iai(
            "remember", f"note {next(self._numbers)}", "--project", str(self.cwd)
        )
        self._group.iai("edit", noted.stdout.split()[-1], "--text", f"edited {text}")

    # --- a transcript ---------------------------------------------------------------------------

    def _session(self, name: str) -> str:
        return f"{name}-{SESSION}"

    def _transcript(self, name: str) -> Path:
        folder = self._group.work / ".claude" / "projects" / "-project"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self._session(name)}.jsonl"

    def _prompt_of(self, name: str) -> None:
        self._line(name, "user", f"go on, step {next(self._numbers)}")

    def _tool(
        self, name: str, tool: str, given: dict[str, Any], printed: str, *, failed: bool = True
    ) -> None:
        self._prompt_of(name)
        call = f"toolu_{next(self._numbers)}"
        use = {"type": "tool_use", "id": call, "name": tool, "input": given}
        result = {
            "type": "tool_result",
            "tool_use_id": call,
            "content": printed,
            "is_error": failed,
        }
        self._line(name, "assistant", [use])
        self._line(name, "user", [result])

    def _line(self, name: str, role: str, content: Any, **fields: str) -> None:
        number = next(self._numbers)
        self._lines[name].append({
            "type": role, "uuid": f"{name}-{number}", "sessionId": self._session(name),
            "cwd": str(self.cwd),
            "timestamp": f"2026-11-20T10:{number // 60 % 60:02}:{number % 60:02}Z",
            "message": {"role": role, "content": content}, **fields,
        })  # fmt: skip

    def _append(self, name: str) -> None:
        with self._transcript(name).open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in self._lines[name])
        self._lines[name].clear()

    def _write(self) -> None:
        for name in self._lines:
            self._append(name)
        self._event(transcript_path=str(self._transcript("live")))
        self._group.iai("import", str(self._transcript("past")))

    def _event(self, **fields: str) -> None:
        event = {
            "hook_event_name": "UserPromptSubmit", "cwd": str(self.cwd),
            "session_id": self._session("live"), **fields,
        }  # fmt: skip
        self._group.hook("turn-capture", event)


def left_in(secrets: Iterable[Planted], texts: Iterable[tuple[str, bytes]]) -> list[str]:
    """Return where a part of a secret is left, with its kind."""
    wanted = [(secret.kind, part.encode()) for secret in secrets for part in secret.fragments]
    return [f"{kind} in {name}" for name, data in texts for kind, part in wanted if part in data]
