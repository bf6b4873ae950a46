"""What tests of commands share that need no group."""

import importlib
from argparse import ArgumentParser
from collections.abc import Callable
from typing import TypeAlias

import pytest

from iai.config.layout import Layout
from iai.config.settings import Settings

Iai: TypeAlias = Callable[..., str]


@pytest.fixture
def iai(store: Layout, capsys: pytest.CaptureFixture[str]) -> Iai:
    """Return what runs a command on the fixture `store`, and returns what it prints."""

    def run(name: str, *words: str) -> str:
        command = importlib.import_module(f"iai.cli.{name}")
        parser = ArgumentParser()
        command.configure(parser)
        assert command.run(parser.parse_args(words), Settings(store=store.root)) == 0
        return capsys.readouterr().out

    return run
