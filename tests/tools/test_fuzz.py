"""A little of `tools/bench fuzz`, and that it finds what it is for."""

import logging
from collections.abc import Iterator

import pytest
from benchmarks import fuzz
from fuzzing import decoders
from fuzzing.samples import message

from iai.ingest import spool
from iai.protocol import wire

CASES = {"hooks": 4}
SEED = 1


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", decoders.decoders())
def test_broken_inputs_are_refused_in_words(name: str) -> None:
    found = fuzz.fuzz(name, SEED, range(CASES.get(name, 120)))
    assert found["failed"] == 0


@pytest.mark.parametrize("name", decoders.decoders())
def test_a_case_depends_on_its_number_alone(name: str) -> None:
    decoder = decoders.decoders()[name]()
    inputs = [decoder.broken(fuzz.case(name, SEED, number)) for number in (7, 8, 7)]
    decoder.close()
    assert inputs[0] == inputs[2]


def test_messages_of_every_kind_are_valid() -> None:
    kinds = set()
    for number in range(800):
        sent = message(fuzz.case("wire", SEED, number))
        assert wire.encode(sent)
        kinds.add(wire.kind(sent))
    assert kinds > {"capture", "recall", "recalled", "tick"}


def test_an_error_that_is_not_declared_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def careless(data: bytes) -> spool.HookEvent:
        return spool.HookEvent(prompt=data.decode())

    monkeypatch.setattr(spool, "event_in", careless)
    assert fuzz.fuzz("spool", SEED, range(120))["failed"] > 0
    assert "UnicodeDecodeError" in capfd.readouterr().err
