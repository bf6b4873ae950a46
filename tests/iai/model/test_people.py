"""Whose machine one is, in the words of this machine's user."""

import pytest

from iai.model.member import Member
from iai.model.people import People

HERE = Member(machine="", author="Ada", name="laptop", person="f" * 16)
A, B, C, D, E, F = (letter * 16 for letter in "abcdef")
CASES = [
    ("this machine", "", None, "", True),
    (
        "another machine of mine, whatever it calls its user",
        A,
        Member(machine=A, author="Ada L", name="box", person=F),
        "you on box",
        True,
    ),
    (
        "one of a teammate with my name",
        B,
        Member(machine=B, author="Ada", name="box", person=B),
        "Ada on box",
        False,
    ),
    (
        "one of my name of which nobody knows whose it is",
        B,
        Member(machine=B, author="Ada", name="box"),
        "Ada on box",
        False,
    ),
    ("a teammate's", B, Member(machine=B, author="Kim", name="quay"), "Kim on quay", False),
    ("one that nobody named", C, None, "machine cccccccc", False),
    ("of one without a name", D, Member(machine=D, author="", name=""), "machine dddddddd", False),
    (
        "of one who is called you",
        E,
        Member(machine=E, author="You", name="x"),
        "machine eeeeeeee on x",
        False,
    ),
]


@pytest.mark.parametrize(
    ("machine", "member", "said", "own"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_a_machine_is_named_by_its_user_and_its_name(
    machine: str, member: Member | None, said: str, *, own: bool
) -> None:
    members = {"": HERE, machine or "-": member}
    people = People(members.get)
    assert (str(people.whose(machine)), people.own(machine)) == (said, own)
    assert People(members.get, here="machine").own(machine) == (not machine)


def test_without_knowing_oneself_only_this_machine_is_ones_own() -> None:
    nobody = People({"a" * 16: Member(machine="a" * 16, author="", name="box")}.get)
    assert nobody.own("")
    assert not nobody.own("a" * 16)
