"""Fake hosts, which read a user's settings as the real ones do, and call the hooks in them.

After Claude Code's hooks reference (2.1) and Codex's source (rust-v0.155): JSON on standard input,
all hooks of an event at once, each with its timeout, after which it is killed with all it started.
A session writes its transcript as they do: Claude Code's lags behind its hooks.
"""

import json
import os
import re
import signal
import subprocess
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

from iai.install import hook_status
from iai.install.hook_entries import Hook

LONGEST_OUTPUT = 10_000  # characters; the rest goes to a file, with a preview of it
DEFAULT_TIMEOUT_S = 600.0
BLOCKING = 2  # exit code
LINE = {"claude": "\n", "codex": ""}  # after the event on standard input


class Call(NamedTuple):
    """A finished hook: how long it took, and whether it blocked the session."""

    event: str
    ms: float
    blocked: bool  # it was killed for being late, or exited with `BLOCKING`


class Run:
    """A running hook."""

    def __init__(self, command: list[str], event: str, timeout_s: float, **process: Any) -> None:
        self._timeout_s = timeout_s
        self._began = time.perf_counter()
        self.ms = 0.0
        self.blocked = False
        with TemporaryFile("w+") as told:  # complete from the start, however busy we are
            told.write(event)
            told.seek(0)
            self._process = subprocess.Popen(
                command, stdin=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, start_new_session=True, **process,
            )  # fmt: skip

    def output(self) -> str:
        """Return its output; "" if it fails or is too slow, since the session then goes on."""
        try:
            printed, _ = self._process.communicate(timeout=self._timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self.blocked = True
            return ""
        finally:
            self.ms = (time.perf_counter() - self._began) * 1_000
        self.blocked = self._process.returncode == BLOCKING
        return printed if self._process.returncode == 0 else ""


class Host:
    """A host of the user whose HOME is `home`."""

    name = ""
    settings = ""
    ends_within_s = 0.0  # limit for hooks of SessionEnd
    lags = False  # whether it writes the transcript only after it calls the hooks
    patience = 1.0  # factor on the time that a real host gives a hook

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        # A host may be started from a desktop, without our variables.
        self.environment = {k: v for k, v in environment.items() if not k.startswith("IAI_MCP_")}
        self.directory = home / f".{self.name}"
        self.directory.mkdir(exist_ok=True)
        self.calls: list[Call] = []

    def event(self, name: str, cwd: Path, **fields: Any) -> str:
        """Call the hooks of an event; return what the model sees of their output."""
        event = {"hook_event_name": name, "cwd": str(cwd), "permission_mode": "default", **fields}
        matched = (
            fields[key] for key in ("source", "trigger", "reason", "tool_name") if key in fields
        )
        about = next(matched, "")
        told = json.dumps(event) + LINE[self.name]
        runs = [
            self.call(handler, told, self._timeout_s(name, handler), cwd)
            for handler in self.handlers(name, about)
        ]
        outputs = [run.output() for run in runs]
        self.calls += [Call(name, run.ms, run.blocked) for run in runs]
        if name == "PreToolUse":
            outputs = [_added(output, name) for output in outputs if output]
        elif name == "SessionStart":
            outputs = [self.taken(output) for output in outputs]
        if any(len(output) > LONGEST_OUTPUT for output in outputs):
            raise AssertionError("a hook prints more than the host takes")
        if name == "PreToolUse":
            return "".join(outputs)
        return "".join(outputs) if name in ("SessionStart", "UserPromptSubmit") else ""

    def taken(self, output: str) -> str:
        """Return what the model is given of the output of a hook of SessionStart."""
        return output

    def floor(self, cwd: Path) -> float:
        """Return the milliseconds of a hook that does nothing: the cost of the host itself."""
        run = self.call({"command": "true", "args": []}, "", DEFAULT_TIMEOUT_S, cwd)
        run.output()
        return run.ms

    def handlers(self, event: str, about: str) -> Iterator[dict[str, Any]]:
        """Yield the hooks to call."""
        for hook, group, handler in self.hooks():
            named = hook.matcher in ("", "*") or re.fullmatch(hook.matcher, about)
            if hook.event == event and named and self.trusts(hook, group, handler):
                yield hook.handler

    def hooks(self) -> Iterator[tuple[Hook, int, int]]:
        """Yield all hooks in the settings, each with the index of its group and its handler."""
        for event, groups in self.document().get("hooks", {}).items():
            for g, group in enumerate(groups):
                for h, handler in enumerate(group["hooks"]):
                    yield Hook(event, handler, group.get("matcher") or ""), g, h

    def document(self) -> dict[str, Any]:
        """Return the settings."""
        path = self.directory / self.settings
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def about(self, session: str, turn: str) -> dict[str, Any]:
        """Return the event fields of this host only; `turn` is its id, "" between turns."""
        raise NotImplementedError

    def transcript(self, cwd: Path, session: str) -> Path:
        """Return the path of a session's transcript."""
        raise NotImplementedError

    def line(self, session: str, cwd: Path, role: str, text: str) -> dict[str, Any]:
        """Return the transcript line of one turn."""
        raise NotImplementedError

    def head(self, session: str, cwd: Path) -> list[dict[str, Any]]:
        """Return the first lines of a transcript."""
        return []

    def trusts(self, hook: Hook, group: int, handler: int) -> bool:
        return True

    def call(self, handler: dict[str, Any], event: str, timeout_s: float, cwd: Path) -> Run:
        """Start one hook."""
        raise NotImplementedError

    def _timeout_s(self, event: str, handler: dict[str, Any]) -> float:
        timeout = float(handler.get("timeout", DEFAULT_TIMEOUT_S))
        within = min(timeout, self.ends_within_s) if event == "SessionEnd" else timeout
        return self.patience * within


class ClaudeCode(Host):
    """Runs `args` without a shell, and anything else in `sh`."""

    name, settings, ends_within_s, lags = "claude", "settings.json", 1.5, True
    shown: tuple[str, ...] = ()  # lines that the person saw

    def taken(self, output: str) -> str:
        """Output that is JSON has the text in a field, and a line for the person in another."""
        if not output.startswith("{"):
            return output
        self.shown += (json.loads(output)["systemMessage"],)
        return _added(output, "SessionStart")

    def about(self, session: str, turn: str) -> dict[str, Any]:
        return {"prompt_id": f"{session} {turn}"} if turn else {}

    def call(self, handler: dict[str, Any], event: str, timeout_s: float, cwd: Path) -> Run:
        args = handler.get("args")
        line = handler["command"]
        command = ["/bin/sh", "-c", line] if args is None else [line, *args]
        environment = {**self.environment, "CLAUDE_PROJECT_DIR": str(cwd)}
        return Run(command, event, timeout_s, cwd=cwd, env=environment)

    def transcript(self, cwd: Path, session: str) -> Path:
        folder = re.sub(r"[^a-zA-Z0-9]", "-", str(cwd))
        return self.directory / "projects" / folder / f"{session}.jsonl"

    def line(self, session: str, cwd: Path, role: str, text: str) -> dict[str, Any]:
        content: Any = text if role == "user" else [{"type": "text", "text": text}]
        return {
            "type": role, "uuid": f"{session}-{text}", "sessionId": session, "cwd": str(cwd),
            "timestamp": _now(), "message": {"role": role, "content": content},
        }  # fmt: skip


class Codex(Host):
    """Runs every command in the user's shell, and only what the user trusts."""

    name, settings, ends_within_s = "codex", "hooks.json", 3.0

    def about(self, session: str, turn: str) -> dict[str, Any]:
        return {"model": "gpt", **({"turn_id": f"{session} {turn}"} if turn else {})}

    def head(self, session: str, cwd: Path) -> list[dict[str, Any]]:
        return [{"type": "session_meta", "payload": {"id": session, "cwd": str(cwd)}}]

    def call(self, handler: dict[str, Any], event: str, timeout_s: float, cwd: Path) -> Run:
        command = ["/bin/bash", "-lc", handler["command"]]
        return Run(command, event, timeout_s, cwd=cwd, env=self.environment)

    def trusts(self, hook: Hook, group: int, handler: int) -> bool:
        path = self.directory / "config.toml"
        config = tomllib.loads(path.read_text()) if path.exists() else {}
        state = config.get("hooks", {}).get("state", {})
        known = state.get(self._key(hook.event, group, handler), {})
        return bool(known.get("trusted_hash") == hook_status.digest(hook))

    def trust_all(self) -> None:
        """Trust the hooks, as the user does with /hooks."""
        lines = [
            f'[hooks.state."{self._key(hook.event, group, handler)}"]\n'
            f'trusted_hash = "{hook_status.digest(hook)}"\n'
            for hook, group, handler in self.hooks()
        ]
        (self.directory / "config.toml").write_text("".join(lines))

    def transcript(self, cwd: Path, session: str) -> Path:
        return self.directory / "sessions" / "2026" / "11" / "23" / f"rollout-{session}.jsonl"

    def line(self, session: str, cwd: Path, role: str, text: str) -> dict[str, Any]:
        kind = "input_text" if role == "user" else "output_text"
        payload = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
        return {"timestamp": _now(), "type": "response_item", "payload": payload}

    def _key(self, event: str, group: int, handler: int) -> str:
        label = re.sub(r"(?<!^)(?=[A-Z])", "_", event).lower()
        return f"{self.directory / self.settings}:{label}:{group}:{handler}"


class Session:
    """A session of a host: writes a transcript and calls the hooks.

    `think_s` passes before somebody starts it or goes on with it, and while it is compacted.
    """

    def __init__(self, host: Host, cwd: Path, name: str, think_s: float = 0.0) -> None:
        self.host = host
        self.cwd = cwd
        self.name = name
        self._think_s = think_s
        self._file = host.transcript(cwd, name)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._lines: list[dict[str, Any]] = []  # not written yet
        self._said: list[tuple[str, str]] = []
        if not self._file.exists():
            self._lines = host.head(name, cwd)

    def start(self, source: str = "startup", **fields: Any) -> str:
        """Start it; return the text that the model is given."""
        if source == "startup":
            self._think()
        return self._event("SessionStart", source=source, **fields)

    def turn(self, prompt: str, answer: str) -> str:
        """Have the user and the assistant say something; return what was added to the prompt."""
        with_it = self._event("UserPromptSubmit", turn=prompt, prompt=prompt)
        self._say("user", prompt)
        self._say("assistant", answer)
        if not self.host.lags:
            self._write()
        self._event("Stop", turn=prompt, stop_hook_active=False, last_assistant_message=answer)
        self._write()
        return with_it

    def compact(self) -> str:
        """Compact it; return the text that the model is given."""
        self._event("PreCompact", trigger="auto")
        self._think()
        return self.start("compact")

    def resume(self) -> str:
        """Resume it after its end; return the text that the model is given."""
        self._think()
        return self.start("resume")

    def clear(self, name: str) -> "tuple[Session, str]":
        """Clear it; return the session that begins then, and the text that its model is given."""
        self._think()
        self.end("clear")
        other = Session(self.host, self.cwd, name, self._think_s)
        return other, other.start("clear")

    def fork(self, name: str) -> "tuple[Session, str]":
        """Fork it into another session, whose transcript repeats the turns so far."""
        self._think()
        other = Session(self.host, self.cwd, name, self._think_s)
        for role, text in self._said:  # with the old ids of the lines
            line = self.host.line(self.name, self.cwd, role, text)
            other._lines.append(line | ({"sessionId": name} if "sessionId" in line else {}))
        other._said = list(self._said)
        return other, other.start("fork")

    def sub_agent(self) -> str:
        """Start a sub-agent; return the text that its model is given."""
        return self.start(agent_id="agent-1", agent_type="Explore")

    def tool(self, name: str, **given: Any) -> str:
        """Have the agent use a tool; return the text that its model is given before."""
        return self._event("PreToolUse", turn="tool", tool_name=name, tool_input=given)

    def end(self, reason: str = "other") -> None:
        """End it."""
        self._write()
        self._event("SessionEnd", reason=reason)

    def _think(self) -> None:
        time.sleep(self._think_s)

    def _event(self, name: str, turn: str = "", **fields: Any) -> str:
        about = {"session_id": self.name, "transcript_path": str(self._file)}
        return self.host.event(
            name, self.cwd, **about, **self.host.about(self.name, turn), **fields
        )

    def _say(self, role: str, text: str) -> None:
        self._lines.append(self.host.line(self.name, self.cwd, role, text))
        self._said.append((role, text))

    def _write(self) -> None:
        with self._file.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in self._lines)
        self._lines = []


def _added(output: str, event: str) -> str:
    """Return what a hook adds to the context, of output that is JSON."""
    fields = json.loads(output)["hookSpecificOutput"]
    if fields["hookEventName"] != event:
        raise AssertionError("the output is for another event")
    return str(fields["additionalContext"])


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
