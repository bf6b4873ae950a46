"""Who is in a team and who has which key, whatever a stream does and whoever lies."""

import hashlib
import random
from collections.abc import Callable
from functools import partial

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec import structs

from iai.errors import BadUsage, Forged, NotAMember, UnknownKey
from iai.model.member import Member
from iai.team import control, enrolment, envelope, identity, invitation
from iai.team.control import Admit, Appoint, Grant, Invite, Join, Key, Leave, Profile
from iai.team.envelope import Header
from iai.team.identity import PublicKeys
from iai.team.membership import Membership
from tests.iai.team.machines import SERVER, START, Machine, Stream, crew, founder, invited, settle

PROJECT = "0123456789abcdef"  # id
NO_REMOVAL = "only the founder can remove an admin, and only an admin another machine"
LATER = START + invitation.LIFETIME_NS + 1


def shared(stream: Stream, *machines: Machine) -> str:
    """Share the project, and return its hash."""
    stream.publish(machines[0].team.share(PROJECT))
    settle(stream, *machines)
    return machines[0].team.hash_of(PROJECT)


def held(team: Membership, project: str) -> list[bytes]:
    """Return the ids of the keys of a project (by its hash) that a machine has."""
    return [key for key in team.roster.keys.get(project, {}) if key in team._keys]


def named(machine: Machine, author: str, name: str, person: str = "") -> Member:
    """Return a member whose user has no other machine, or that of a person."""
    return Member(machine=machine.id, author=author, name=name, person=person or machine.id)


def why_not(machine: Machine, data: bytes) -> str:
    """Return why a control message does not count for a machine."""
    return machine.team.roster.refused[control.read(machine.own.team, data).digest]


def refused(stream: Stream, machine: Machine, statement: control.AnyStatement, by: Machine) -> str:
    """Publish a statement that a lying machine signed; return why another does not believe it."""
    lie = by.state(statement)
    stream.publish([lie])
    machine.read(stream)
    return why_not(machine, lie.data)


def joined_at(machine: Machine) -> int:
    """Return the earliest clock of what a machine can state."""
    counted = machine.team.roster.counted
    admissions = [one.statement for one in counted if isinstance(one.statement, Admit)]
    return 1 + next(one.clock for one in admissions if one.candidate.keys.machine == machine.id)


def test_an_invited_machine_is_let_in_and_all_know_its_names() -> None:
    _, machines = crew("Ada", "Bo")
    for machine in machines:
        assert machine.team.members() == (
            named(machines[0], "Kim", "laptop"),
            named(machines[1], "Ada", "Ada's"),
            named(machines[2], "Bo", "Bo's"),
        )
        assert machine.team.waits_for(START) == ""
        assert machine.team.roster.refused == {}


def test_the_stream_shows_no_name_and_no_secret() -> None:
    stream, machines = crew("Ada")
    shared(stream, *machines)
    everything = b"".join(kept.data for kept in stream.kept)
    for plain in (b"Kim", b"laptop", b"Ada", PROJECT.encode(), machines[0].team.secret):
        assert plain not in everything


def test_what_one_seals_all_others_open() -> None:
    stream, machines = crew("Ada", "Bo")
    project = shared(stream, *machines)
    for machine in machines:
        data = machine.team.seal(project, 7, 5, b"fact")
        for other in machines:
            assert other.team.open(project, machine.id, 1, data).plain == b"fact"


def test_a_newcomer_can_read_the_past() -> None:
    stream, machines = crew("Ada")
    project = shared(stream, *machines)
    old = machines[0].team.seal(project, 1, 0, b"before Bo")
    code, publication = machines[1].team.invite(START)
    bo = invited(code, "Bo")
    stream.publish([publication])
    bo.read(stream)
    with pytest.raises(NotAMember):
        bo.team.hash_of(PROJECT)
    settle(stream, *machines, bo)
    assert bo.team.hash_of(PROJECT) == project
    assert bo.team.open(project, machines[0].id, 1, old).plain == b"before Bo"


def test_a_key_that_a_machine_does_not_have_yet_is_told_apart_from_a_forgery() -> None:
    stream, (kim, ada) = crew("Ada")
    with pytest.raises(UnknownKey):
        kim.team.seal(kim.team.hash_of(PROJECT), 1, 0, b"x")
    stream.publish(kim.team.share(PROJECT))
    kim.read(stream)
    project = kim.team.hash_of(PROJECT)
    data = kim.team.seal(project, 1, 0, b"early")
    with pytest.raises(UnknownKey, match="does not have key"):
        ada.team.open(project, kim.id, 1, data)
    ada.read(stream)
    assert ada.team.open(project, kim.id, 1, data).plain == b"early"


def test_a_restart_forgets_nothing() -> None:
    stream, machines = crew("Ada")
    project = shared(stream, *machines)
    data = machines[0].team.seal(project, 1, 0, b"fact")
    members = machines[1].team.members()
    machines[1].restart()
    assert machines[1].team.members() == members
    assert machines[1].team.open(project, machines[0].id, 1, data).plain == b"fact"


def test_an_invitation_works_once() -> None:
    stream, (kim,) = crew()
    code, publication = kim.team.invite(START)
    ada, eve = invited(code, "Ada"), invited(code, "Eve")
    stream.publish([publication])
    settle(stream, kim, ada)
    settle(stream, kim, ada, eve)
    assert eve.id not in kim.team.roster.members
    used = f"its invitation was used by machine {ada.id} already"
    assert used in kim.team.roster.refused.values()
    assert eve.team.waits_for(START) == f"this machine was not let in: {used}"


def test_an_invitation_that_two_use_at_once_lets_one_in() -> None:
    stream, (kim,) = crew()
    code, publication = kim.team.invite(START)
    both = invited(code, "Ada"), invited(code, "Eve")
    stream.publish([publication])
    settle(stream, kim, *both)
    assert len(kim.team.members()) == 2
    assert sum(one.team.waits_for(START) == "" for one in both) == 1


def test_an_invitation_that_two_members_honour_at_once_lets_the_same_one_in_everywhere() -> None:
    stream, (kim, ada) = crew("Ada")
    code, publication = kim.team.invite(START)
    bo, eve = invited(code, "Bo"), invited(code, "Eve")
    for machine in (kim, ada, bo, eve):
        machine.team.apply(100, publication.data)
    admissions = []
    for member, candidate in ((kim, bo), (ada, eve)):
        member.team.apply(101, candidate.team.due(START)[0].data)
        admissions += member.team.due(START)
    stream.publish([publication, *admissions], again=True)
    settle(stream, kim, ada, bo, eve)
    assert kim.team.members() == ada.team.members()
    assert len(kim.team.members()) == 3


def test_an_expired_invitation_lets_nobody_in() -> None:
    stream, (kim,) = crew()
    code, publication = kim.team.invite(START)
    late = invited(code)
    stream.publish([publication])
    settle(stream, kim, late, now=LATER)
    assert len(kim.team.members()) == 1
    assert late.team.waits_for(LATER) == "this machine was not let in: its invitation has expired"


def test_an_expired_invitation_does_not_count_even_if_a_member_honours_it() -> None:
    stream, (kim, ada) = crew("Ada")
    code, publication = kim.team.invite(START)
    late = invited(code)
    stream.publish([publication])
    settle(stream, kim, ada)
    stream.publish(late.team.due(LATER))
    ada.read(stream)
    ada.team.roster.invites.clear()
    candidate = control.candidate(kim.own.team, late.own.identity.public, late.own.invitation)
    admit = Admit(clock=20, candidate=candidate, at=LATER, secret=b"")
    assert refused(stream, kim, admit, ada) == "its invitation has expired"


def test_a_machine_with_an_invitation_of_its_own_making_is_not_let_in() -> None:
    stream, (kim,) = crew()
    own = enrolment.accept(
        invitation.Invitation(
            team=kim.own.team, name="crew", founder=kim.own.founder, server=SERVER,
            secret=b"guess".ljust(32), expires_at=LATER,
        ),
        "Eve", "pc",
    )  # fmt: skip
    eve = Machine(own)
    settle(stream, kim, eve)
    assert len(kim.team.members()) == 1
    assert "nobody in the team has made its invitation" in kim.team.roster.refused.values()


def test_a_foreign_key_can_state_nothing() -> None:
    stream, (kim,) = crew()
    eve = Machine(structs.replace(founder().own, team=kim.own.team))
    for statement in (
        Invite(clock=3, invitation=eve.own.founder, expires_at=LATER),
        Leave(clock=3, machine=kim.id, counted=[]),
        Key(clock=3, project="0" * 16, key=b"k", epoch=1, wrapped={}),
    ):
        assert refused(stream, kim, statement, eve) == f"machine {eve.id} is not in the team"
    stream.publish(eve.team.due(START), again=True)
    settle(stream, kim)
    assert "not what the founder has signed" in kim.team.roster.refused.values()
    assert [member.machine for member in kim.team.members()] == [kim.id]


def test_a_member_cannot_sign_for_another() -> None:
    _, (kim, ada) = crew("Ada")
    genuine = ada.state(Leave(clock=20, machine=ada.id, counted=[])).data
    body, *_ = msgspec.msgpack.decode(genuine[1:-64]), 0
    forged = genuine[:1] + msgspec.msgpack.encode([body[0], kim.id, body[2]])
    forged += ada.own.identity.sign(control._PURPOSE + forged)
    kim.team.apply(50, forged)
    assert why_not(kim, forged) == f"not what machine {kim.id} has signed"


def test_a_control_message_with_any_byte_changed_is_refused_or_does_not_count() -> None:
    stream, (kim,) = crew()
    kept = stream.kept[-1].data
    for place in range(len(kept)):
        fresh = Membership(kim.own)
        fresh.apply(1, stream.kept[0].data)
        changed = kept[:place] + bytes([kept[place] ^ 1]) + kept[place + 1 :]
        try:
            fresh.apply(2, changed)
        except Forged:
            continue
        assert len(fresh.roster.refused) == 1, place


@pytest.mark.parametrize("data", [b"", b"\1", b"\2" * 100, b"\1" * 500, b"\1" * (1 << 19)])
def test_what_is_no_control_message_is_refused(data: bytes) -> None:
    with pytest.raises(Forged, match="not a control message"):
        founder().team.apply(1, data)


def test_a_message_of_another_team_is_refused() -> None:
    stream, _ = crew()
    with pytest.raises(Forged, match="another team"):
        founder().team.apply(1, stream.kept[0].data)


def test_a_candidate_for_whom_nothing_can_be_wrapped_is_not_let_in() -> None:
    stream, (kim,) = crew()
    code, publication = kim.team.invite(START)
    weak = invited(code)
    keys = PublicKeys(weak.own.identity.public.signing, bytes(32))  # a point of low order
    candidate = control.candidate(kim.own.team, keys, weak.own.invitation)
    stream.publish([publication, weak.state(control.Join(clock=9, candidate=candidate))])
    settle(stream, kim)
    assert len(kim.team.members()) == 1


def test_a_machine_that_left_gets_no_key_made_after_and_is_not_heard_again() -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    project = shared(stream, kim, ada, bo)
    said = bo.team.seal(project, 1, 0, b"goodbye")
    before = len(stream.kept)
    stream.publish([bo.team.leave()])
    late = bo.team.seal(project, 2, 1, b"one more thing")
    settle(stream, kim, ada, bo)
    assert [member.author for member in kim.team.members()] == ["Kim", "Ada"]
    assert ada.team.open(project, bo.id, before, said).plain == b"goodbye"
    with pytest.raises(NotAMember, match="had left the team"):
        ada.team.open(project, bo.id, len(stream.kept) + 1, late)
    secret = kim.team.seal(project, 1, 0, b"without Bo")
    with pytest.raises(UnknownKey):
        bo.team.open(project, kim.id, 1, secret)
    assert ada.team.open(project, kim.id, 1, secret).plain == b"without Bo"
    assert ada.team.open(project, bo.id, before, said).plain == b"goodbye"
    with pytest.raises(NotAMember, match="has left"):
        bo.team.seal(project, 3, 2, b"x")


def test_a_machine_that_left_cannot_read_the_names_of_those_who_come_after_it() -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    stream.publish([kim.team.leave(bo.id)])
    settle(stream, kim, ada, bo)
    code, publication = kim.team.invite(START)
    stream.publish([publication])
    dee = invited(code, "Dee")
    settle(stream, kim, ada, bo, dee)
    assert [member.author for member in ada.team.members()] == ["Kim", "Ada", "Dee"]
    assert [member.author for member in dee.team.members()] == ["Kim", "Ada", "Dee"]
    assert dee.team.member(bo.id).author == "Bo"
    assert bo.team.secret == kim.team.secret  # which opens nothing of it
    assert bo.team.member(ada.id).author == "Ada"
    assert bo.team.member(dee.id).author == ""
    profile = kim.team.roster.profiles[dee.id]
    assert profile.key not in bo.team._keys


def test_names_that_an_older_version_has_sealed_with_the_secret_of_the_team_are_known() -> None:
    stream, (kim, ada) = crew("Ada")
    key = hashlib.blake2b(ada.team.secret, person=b"iai names", digest_size=32).digest()
    context = f"iai\0names\0{ada.own.team}\0{ada.id}".encode()
    sealed = AESGCM(key).encrypt(bytes(12), msgspec.msgpack.encode(("Ada", "old box")), context)
    older = Profile(clock=ada.team.roster.clock + 1, names=bytes(12) + sealed)
    stream.publish([ada.state(older)])
    kim.read(stream)
    assert kim.team.member(ada.id).name == "old box"


def test_the_founder_removes_a_machine_and_nobody_else_does() -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    with pytest.raises(BadUsage, match="only an admin another machine"):
        ada.team.leave(bo.id)
    lie = Leave(clock=30, machine=bo.id, counted=[])
    assert refused(stream, kim, lie, ada) == NO_REMOVAL
    with pytest.raises(BadUsage, match="is not in the team"):
        kim.team.leave("f" * 16)
    stream.publish([kim.team.leave(bo.id)])
    settle(stream, kim, ada, bo)
    assert [member.author for member in ada.team.members()] == ["Kim", "Ada"]
    assert "was removed" in bo.team.waits_for(START)


# --- admins -------------------------------------------------------------------------------------


def appointed(stream: Stream, *machines: Machine) -> None:
    """Make the second machine an admin."""
    stream.publish([machines[0].team.appoint(machines[1].id)])
    settle(stream, *machines)


def authors(machine: Machine) -> list[str]:
    return [member.author for member in machine.team.members()]


def test_an_admin_removes_a_machine_as_the_founder_does_also_when_the_founder_is_lost() -> None:
    stream, (kim, ada, bo, dee) = crew("Ada", "Bo", "Dee")
    project = shared(stream, kim, ada, bo, dee)
    appointed(stream, kim, ada, bo, dee)
    stream.publish([ada.team.leave(bo.id)])
    settle(stream, ada, bo, dee)  # the founder's machine is heard of no more
    assert authors(dee) == ["Kim", "Ada", "Dee"]
    early = Invite(clock=joined_at(bo), invitation=b"n" * 32, expires_at=LATER)
    assert refused(stream, dee, early, bo) == f"machine {bo.id} has left the team"
    sealed = ada.team.seal(project, 1, 0, b"without Bo")
    assert dee.team.open(project, ada.id, 1, sealed).plain == b"without Bo"
    with pytest.raises(UnknownKey):
        bo.team.open(project, ada.id, 1, sealed)


def test_an_admin_removes_the_founders_machine_when_that_is_lost() -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    project = shared(stream, kim, ada, bo)
    appointed(stream, kim, ada, bo)
    stream.publish([ada.team.leave(kim.id)])
    settle(stream, kim, ada, bo)
    assert authors(bo) == ["Ada", "Bo"]
    for clock in (joined_at(bo), 60):  # whatever the finder of the machine does with it
        for lie in (
            Leave(clock=clock, machine=bo.id, counted=[]),
            Appoint(clock=clock, machine=bo.id),
            Invite(clock=clock, invitation=b"n" * 32, expires_at=LATER),
        ):
            assert refused(stream, bo, lie, kim) == f"machine {kim.id} has left the team"
    settle(stream, kim, ada, bo)
    assert authors(ada) == ["Ada", "Bo"]
    assert bo.team.roster.admins == {ada.id}
    sealed = bo.team.seal(project, 1, 0, b"without Kim")
    assert ada.team.open(project, bo.id, 1, sealed).plain == b"without Kim"
    with pytest.raises(UnknownKey):
        kim.team.open(project, bo.id, 1, sealed)


def test_only_the_founder_appoints_and_only_members() -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    for by, machine in ((ada, bo.id), (ada, ada.id), (kim, kim.id)):
        with pytest.raises(BadUsage, match="only the founder"):
            by.team.appoint(machine)
    with pytest.raises(BadUsage, match="is not in the team"):
        kim.team.appoint("f" * 16)
    lie = Appoint(clock=30, machine=ada.id)
    assert refused(stream, bo, lie, ada) == "only the founder can make a machine an admin"
    settle(stream, kim, ada, bo)
    assert refused(stream, bo, Leave(clock=40, machine=bo.id, counted=[]), ada) == NO_REMOVAL
    assert not any(one.team.roster.admins for one in (kim, ada, bo))


def test_an_admin_removes_no_other_admin() -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    appointed(stream, kim, ada, bo)
    appointed(stream, kim, bo, ada)
    with pytest.raises(BadUsage, match="only the founder can remove an admin"):
        ada.team.leave(bo.id)
    for clock in (joined_at(bo), 60):
        lie = Leave(clock=clock, machine=bo.id, counted=[])
        assert refused(stream, kim, lie, ada) == NO_REMOVAL
    stream.publish([bo.team.invite(START)[1]])
    settle(stream, kim, ada, bo)
    assert not {NO_REMOVAL} ^ set(bo.team.roster.refused.values())
    assert authors(kim) == ["Kim", "Ada", "Bo"]


def test_a_removed_admin_removes_nobody_any_more_and_no_old_removal_is_good_again() -> None:
    stream, (kim, ada, bo, dee) = crew("Ada", "Bo", "Dee")
    appointed(stream, kim, ada, bo, dee)
    removal = ada.team.leave(dee.id)
    stream.publish([removal])
    settle(stream, kim, ada, bo, dee)
    late = ada.team.leave(bo.id)
    stream.publish([kim.team.leave(ada.id)])
    settle(stream, kim, ada, bo, dee)
    gone = f"machine {ada.id} has left the team"
    stream.publish([late])
    settle(stream, kim, bo)
    assert why_not(kim, late.data) == gone
    for clock in (joined_at(bo), 60):
        for machine in (bo.id, kim.id):
            lie = Leave(clock=clock, machine=machine, counted=[])
            assert refused(stream, bo, lie, ada) == gone
    code, publication = kim.team.invite(START)
    again = invited(code, "Dee")
    stream.publish([publication])
    settle(stream, kim, bo, again)
    for replayed in (removal, late):
        stream.publish([replayed], again=True)
    settle(stream, kim, bo, again)
    assert authors(bo) == authors(kim) == ["Kim", "Bo", "Dee"]
    stream.publish(bo.team.share(PROJECT))
    settle(stream, kim, bo, again)
    assert not any(one.digest in kim.team.roster.refused for one in kim.team.roster.counted)


@pytest.mark.parametrize("clock", [1, (1 << 64) - 1])
def test_a_removal_takes_a_machine_out_whatever_its_clock_and_does_not_only_silence_it(
    clock: int,
) -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    appointed(stream, kim, ada, bo)
    stream.publish([ada.state(Leave(clock=clock, machine=bo.id, counted=[]))])
    settle(stream, kim, ada, bo)
    assert authors(kim) == authors(bo) == ["Kim", "Ada"]
    code, publication = kim.team.invite(START)  # the clock has not run away either
    stream.publish([publication])
    new = invited(code, "Dee")
    settle(stream, kim, ada, new)
    assert authors(ada) == ["Kim", "Ada", "Dee"]


def test_where_the_founder_and_an_admin_remove_each_other_the_founder_prevails() -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    appointed(stream, kim, ada, bo)
    stream.publish([ada.team.leave(kim.id), kim.team.leave(ada.id)])
    settle(stream, kim, ada, bo)
    assert authors(bo) == authors(kim) == ["Kim", "Bo"]


def test_when_the_founder_has_left_an_admin_confirms_what_counts_of_who_leaves() -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    appointed(stream, kim, ada, bo)
    stream.publish([kim.team.leave()])
    settle(stream, kim, ada, bo)
    stream.publish([bo.team.invite(START)[1], bo.team.leave()])
    settle(stream, ada, bo)
    leaves = [one for one in ada.team.roster.counted if isinstance(one.statement, Leave)]
    assert {(one.machine, one.statement.machine) for one in leaves} == {  # type: ignore[union-attr]
        (kim.id, kim.id), (ada.id, kim.id), (bo.id, bo.id), (ada.id, bo.id),
    }  # fmt: skip


# --- whose machine one is -----------------------------------------------------------------------


def person_of(machine: Machine, other: Machine) -> str:
    return machine.team.member(other.id).person


def joined(
    stream: Stream, by: Machine, *others: Machine, own: bool, name: str, says: bool | None = None
) -> Machine:
    """Have a machine let another one in; `says`: whether that calls itself its own, if it lies."""
    code, publication = by.team.invite(START, own=own)
    new = invited(code, name)
    if says is not None:
        new = Machine(structs.replace(new.own, own=says))
    stream.publish([publication])
    settle(stream, by, *others, new)
    return new


def test_a_machine_that_one_invites_as_ones_own_is_of_the_same_person_and_so_are_its_own() -> None:
    stream, (kim, ada) = crew("Ada")
    second = joined(stream, kim, ada, own=True, name="K. on the box")
    third = joined(stream, second, kim, ada, own=True, name="Kim")
    for machine in (kim, ada, second, third):
        machine.read(stream)
        people = [person_of(machine, one) for one in (kim, ada, second, third)]
        assert people == [kim.id, ada.id, kim.id, kim.id]


@pytest.mark.parametrize(("own", "says"), [(False, None), (False, True), (True, False)])
def test_a_machine_of_the_same_name_is_somebody_elses_unless_both_have_signed_that_it_is_not(
    *, own: bool, says: bool | None
) -> None:
    stream, (kim,) = crew()
    other = joined(stream, kim, own=own, name="Kim", says=says)
    for machine in (kim, other):
        assert person_of(machine, other) == other.id
        assert person_of(machine, kim) == kim.id


def test_no_machine_becomes_somebody_elses_by_what_it_states_later() -> None:
    stream, (kim, ada) = crew("Ada")
    code, publication = kim.team.invite(START, own=True)
    stream.publish([publication])
    settle(stream, kim, ada)
    stolen = invitation.decode(code, START).secret
    candidate = control.candidate(kim.own.team, ada.own.identity.public, stolen)
    stream.publish([ada.state(Join(clock=30, candidate=candidate, own=True))])
    settle(stream, kim, ada)
    assert [person_of(kim, one) for one in (kim, ada)] == [kim.id, ada.id]


def test_of_machines_that_joined_by_an_older_version_those_of_one_name_are_one_persons() -> None:
    stream, (kim,) = crew()
    made = []
    for name in ("Kim", "Ada"):
        code, _ = kim.team.invite(START)
        key = identity.public_half(invitation.decode(code, START).secret)
        old = Invite(clock=kim.team.roster.clock + 1, invitation=key, expires_at=LATER)
        stream.publish([kim.state(old)])
        made.append(invited(code, name))
        settle(stream, kim, *made)
    assert [person_of(kim, one) for one in (kim, *made)] == [kim.id, kim.id, made[1].id]


def test_a_removed_machine_cannot_state_anything_more_however_early_it_claims_to() -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    invite, unused = bo.team.invite(START)
    stream.publish([unused])
    settle(stream, kim, ada, bo)
    stream.publish([kim.team.leave(bo.id)])
    settle(stream, kim, ada, bo)
    gone = f"machine {bo.id} has left the team"
    early = Invite(clock=joined_at(bo), invitation=b"n" * 32, expires_at=LATER)
    assert refused(stream, kim, early, bo) == gone
    erase = Leave(clock=joined_at(bo), machine=bo.id, counted=[])
    assert refused(stream, kim, erase, bo) == gone
    eve = invited(invite, "Eve")
    settle(stream, kim, ada, eve)
    assert len(kim.team.members()) == 2
    assert f"machine {bo.id}, which invited it, has left" in eve.team.waits_for(START)


def test_after_a_machine_left_by_itself_the_founder_confirms_what_counts() -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    code, publication = bo.team.invite(START)
    dee = invited(code, "Dee")
    stream.publish([publication])
    settle(stream, bo, dee)  # so Bo's machine lets it in
    settle(stream, kim, ada, bo, dee)
    stream.publish([bo.team.leave()])
    settle(stream, kim, ada, bo, dee)
    erase = Leave(clock=joined_at(bo), machine=bo.id, counted=[])
    assert "has left" in refused(stream, ada, erase, bo)
    assert [member.author for member in ada.team.members()] == ["Kim", "Ada", "Dee"]


def test_a_key_made_by_one_who_does_not_know_yet_that_somebody_left_is_not_used() -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    stream.publish([kim.team.leave(bo.id)])
    unknowing = ada.team.share(PROJECT)
    stream.publish(unknowing)
    settle(stream, kim, ada, bo)
    project = kim.team.hash_of(PROJECT)
    assert len(held(bo.team, project)) == 1
    sealed = kim.team.seal(project, 1, 0, b"without Bo")
    with pytest.raises(UnknownKey):
        bo.team.open(project, kim.id, 1, sealed)
    assert ada.team.open(project, kim.id, 1, sealed).plain == b"without Bo"


def test_what_was_sealed_with_the_key_of_one_who_was_being_removed_can_be_read() -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    stream.publish(bo.team.share(PROJECT))
    ada.read(stream)
    project = ada.team.hash_of(PROJECT)
    sealed = ada.team.seal(project, 1, 0, b"said meanwhile")
    stream.publish([kim.team.leave(bo.id)])
    settle(stream, kim, ada, bo)
    assert project not in kim.team.roster.keys
    assert kim.team.open(project, ada.id, 1, sealed).plain == b"said meanwhile"


def test_a_founder_that_left_removes_nobody_and_silences_nobody() -> None:
    stream, (kim, ada, bo) = crew("Ada", "Bo")
    late = kim.team.leave(bo.id)
    stream.publish([kim.team.leave()])
    settle(stream, kim, ada, bo)
    stream.publish([late])
    settle(stream, kim, ada, bo)
    assert [member.author for member in ada.team.members()] == ["Ada", "Bo"]
    stream.publish([bo.team.invite(START)[1], *bo.team.share(PROJECT)])
    settle(stream, ada, bo)
    assert why_not(ada, late.data) == f"machine {kim.id} has left the team"
    assert len(ada.team.roster.refused) == 1


def test_two_that_make_a_new_key_at_once_prefer_the_same() -> None:
    stream, (kim, ada) = crew("Ada")
    stream.publish(kim.team.share(PROJECT) + ada.team.share(PROJECT), again=True)
    settle(stream, kim, ada)
    project = kim.team.hash_of(PROJECT)
    assert len(kim.team.roster.keys[project]) == 2
    assert kim.team.roster.current(project) == ada.team.roster.current(project)
    sealed = ada.team.seal(project, 1, 0, b"fact")
    assert kim.team.open(project, ada.id, 1, sealed).plain == b"fact"


def test_a_key_that_cannot_be_unwrapped_is_replaced() -> None:
    stream, (kim, ada) = crew("Ada")
    project = shared(stream, kim, ada)
    broken = {kim.id: b"junk", ada.id: b"junk"}
    lie = Key(clock=20, project=project, key=b"k" * 8, epoch=2, wrapped=broken)
    stream.publish([ada.state(lie)])
    settle(stream, kim, ada)
    sealed = ada.team.seal(project, 1, 0, b"fact")
    assert kim.team.open(project, ada.id, 1, sealed).plain == b"fact"


def test_far_clocks_and_epochs_are_refused_lest_nothing_could_come_after() -> None:
    stream, (kim, ada) = crew("Ada")
    project = shared(stream, kim, ada)
    late = Profile(clock=1 << 63, names=b"")
    assert "clock is far ahead" in refused(stream, kim, late, ada)
    high = Key(clock=20, project=project, key=b"k" * 8, epoch=1 << 63, wrapped={})
    assert "epoch is far ahead" in refused(stream, kim, high, ada)


def test_a_grant_of_nonsense_harms_nobody() -> None:
    stream, (kim, ada) = crew("Ada")
    project = shared(stream, kim, ada)
    for wrapped in (b"", b"x" * 80, identity.wrap(kim.own.identity.public, b"", b"short")):
        grant = Grant(clock=20, machine=kim.id, keys={project: [b"k"]}, wrapped=wrapped)
        stream.publish([ada.state(grant)])
    settle(stream, kim, ada)
    kim.team.seal(project, 1, 0, b"fact")


def opening(change: Callable[[Header], Header], signer: int = 1) -> None:
    stream, machines = crew("Ada", "Bo")
    project = shared(stream, *machines)
    kim, ada, _ = machines
    key = ada.team._keys[held(ada.team, project)[0]]
    header = Header(kim.own.team, project, ada.id, 7, 5, key.id)
    own = machines[signer].own.identity
    data = envelope.seal(own, key, change(header), b"fact")
    assert kim.team.open(project, ada.id, 1, data).plain == b"fact"


def test_a_change_is_opened_only_where_its_machine_put_it() -> None:
    opening(lambda header: header)
    for field in ("project", "team", "machine"):
        moved = partial(structs.replace, **{field: "f" * 16})
        with pytest.raises(Forged, match="moved here"):
            opening(moved)


def test_a_change_that_another_member_signed_is_refused() -> None:
    with pytest.raises(Forged, match="not what machine"):
        opening(lambda header: header, signer=2)


def test_a_change_moved_to_another_revision_is_refused() -> None:
    stream, machines = crew("Ada")
    project = shared(stream, *machines)
    kim, ada = machines
    data = ada.team.seal(project, 7, 5, b"fact")
    head = msgspec.msgpack.encode(envelope.read_header(data))
    moved = msgspec.msgpack.encode(structs.replace(envelope.read_header(data), revision=8))
    with pytest.raises(Forged, match="not what machine"):
        kim.team.open(project, ada.id, 1, data.replace(head, moved))


def test_a_machine_that_never_was_in_the_team_is_not_heard() -> None:
    stream, machines = crew()
    project = shared(stream, *machines)
    key = machines[0].team._keys[held(machines[0].team, project)[0]]
    eve = identity.new_identity()
    header = Header(machines[0].own.team, project, eve.machine, 1, 0, key.id)
    with pytest.raises(NotAMember, match="is not in the team"):
        machines[0].team.open(project, eve.machine, 1, envelope.seal(eve, key, header, b"x"))


def test_an_emptied_stream_is_filled_again_and_a_newcomer_learns_all_from_it() -> None:
    stream, machines = crew("Ada", "Bo")
    project = shared(stream, *machines)
    old = machines[1].team.seal(project, 1, 0, b"before")
    stream.publish([machines[0].team.leave(machines[2].id)])
    settle(stream, *machines)
    stream.lose(len(stream.kept))
    settle(stream, *machines[:2])
    code, publication = machines[0].team.invite(START)
    dee = invited(code, "Dee")
    stream.publish([publication])
    settle(stream, *machines[:2], dee)
    assert dee.team.members() == machines[0].team.members()
    assert len(dee.team.members()) == 3
    assert dee.team.open(project, machines[1].id, 1, old).plain == b"before"


def test_junk_from_outside_does_not_fill_the_memory() -> None:
    stream, (kim,) = crew()
    eve = Machine(structs.replace(founder().own, team=kim.own.team))
    for number in range(1_100):
        kim.team.apply(number + 10, eve.state(Profile(clock=number, names=b"")).data)
    assert len(kim.team.roster.refused) == 1_000
    assert len(kim.team._messages) == 1_000 + len(stream.kept)


def test_nothing_that_a_machine_keeps_shows_a_secret_when_printed() -> None:
    own = crew("Ada")[1][1].own
    code = invitation.decode(founder_code(), START)
    for shown in (repr(own), repr(own.identity), repr(own.server), repr(code)):
        assert "pass" not in shown
        assert len(shown) < 80


def founder_code() -> str:
    _, (kim,) = crew()
    return kim.team.invite(START)[0]


class AnyTeam(RuleBasedStateMachine):
    """Machines that read when they like, act on what they know, and lose the end of the stream."""

    @initialize(seed=st.integers(0, 1 << 32))
    def begin(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  order of events
        self.stream, self.machines = crew("Ada", "Bo")
        self.after_leave: list[tuple[str, bytes]] = []  # a machine that left, and a key made after
        self.stream.publish(self.machines[0].team.share(PROJECT))
        settle(self.stream, *self.machines)
        self.project = self.machines[0].team.hash_of(PROJECT)

    def one(self) -> Machine:
        return self.chance.choice(self.machines)

    @rule()
    def reads(self) -> None:
        self.one().read(self.stream, self.chance.randint(1, 6))

    @rule()
    def does_what_is_due(self) -> None:
        machine = self.one()
        publications = machine.team.due(START)
        self.note_keys(machine, [one.data for one in publications])
        self.stream.publish(publications, again=self.chance.random() < 0.5)

    @rule()
    def restarts(self) -> None:
        self.one().restart()

    @precondition(lambda self: len(self.machines) < 6)
    @rule(twice=st.booleans())
    def invites(self, twice: bool) -> None:  # noqa: FBT001
        machine = self.one()
        try:
            code, publication = machine.team.invite(START)
        except NotAMember:
            return
        self.stream.publish([publication])
        for number in range(2 if twice else 1):
            self.machines.append(invited(code, f"user{len(self.machines)}{number}"))

    @rule()
    def shares(self) -> None:
        machine = self.one()
        try:
            publications = machine.team.share(PROJECT)
        except NotAMember:
            return
        self.note_keys(machine, [one.data for one in publications])
        self.stream.publish(publications, again=True)

    @rule()
    def leaves(self) -> None:
        machine = self.chance.choice(self.machines[1:])
        by = self.chance.choice([machine, self.machines[0], self.one()])
        try:
            self.stream.publish([by.team.leave(machine.id)])
        except (NotAMember, BadUsage):
            return

    @rule()
    def appoints(self) -> None:
        try:
            self.stream.publish([self.machines[0].team.appoint(self.one().id)])
        except (NotAMember, BadUsage):
            return

    @rule(data=st.data())
    def repeats(self, data: st.DataObject) -> None:
        kept = data.draw(st.sampled_from(self.stream.kept)) if self.stream.kept else None
        if kept is not None:
            self.stream.kept.append(kept)

    @rule(count=st.integers(1, 4))
    def loses_its_end(self, count: int) -> None:
        self.stream.lose(count)

    def note_keys(self, machine: Machine, messages: list[bytes]) -> None:
        """Note who had left, as the maker of a key knew."""
        for data in messages:
            statement = control.read(machine.own.team, data).statement
            if isinstance(statement, Key):
                left = machine.team.roster.departed
                self.after_leave += [(one, statement.key) for one in left]

    def teardown(self) -> None:
        if not hasattr(self, "stream"):
            return
        settle(self.stream, *self.machines)
        newcomer = self.let_in()
        first = self.machines[0].team
        present = [one for one in self.machines if one.id in first.roster.members]
        assert newcomer in present
        assert {one.author for one in first.members()} == {one.own.author for one in present}
        for machine in present:
            assert machine.team.members() == first.members()
            assert machine.team.roster.current(self.project) == first.roster.current(self.project)
            assert set(held(machine.team, self.project)) >= set(first.roster.keys[self.project])
            sealed = machine.team.seal(self.project, 1, 0, b"fact")
            for other in self.machines:
                if other in present:
                    assert other.team.open(self.project, machine.id, 1, sealed).plain == b"fact"
                else:
                    with pytest.raises((UnknownKey, NotAMember)):
                        other.team.open(self.project, machine.id, 1, sealed)
        for gone, key in self.after_leave:
            machine = next(one for one in self.machines if one.id == gone)
            assert key not in held(machine.team, self.project)

    def let_in(self) -> Machine:
        """A newcomer reads the whole stream as it is by now."""
        code, publication = self.machines[0].team.invite(START)
        newcomer = invited(code, "newcomer")
        self.machines.append(newcomer)
        self.stream.publish([publication])
        settle(self.stream, *self.machines)
        return newcomer


TestAnyTeam = AnyTeam.TestCase
TestAnyTeam.settings = settings(max_examples=40, stateful_step_count=20)


def test_an_invitation_code_carries_all_that_a_new_machine_needs() -> None:
    _, (kim,) = crew()
    code, _ = kim.team.invite(START)
    assert code.startswith("iai1-")
    assert not set(code) & set(" \n'\"$`\\+/=")
    read = invitation.decode(f"  {code[:30]}\n{code[30:]}\n", START)
    assert (read.team, read.name, read.server) == (kim.own.team, "crew", kim.own.server)
    assert (read.founder, len(read.secret)) == (kim.own.founder, 32)
    assert read.expires_at == START + 7 * 86_400 * 1_000_000_000


def test_an_invitation_code_that_is_not_whole_is_refused_in_words() -> None:
    code = founder_code()
    for wrong in (code[:-1], code[:40] + code[41:], code[:20] + "A" * 3 + code[23:], code + "é"):
        with pytest.raises(BadUsage, match="copy the whole line"):
            invitation.decode(wrong, START)
    with pytest.raises(BadUsage, match="starts with iai1-"):
        invitation.decode("hello", START)
    with pytest.raises(BadUsage, match="newer iai"):
        invitation.decode("iai2-abc", START)
    with pytest.raises(BadUsage, match="has expired: ask for another"):
        invitation.decode(code, LATER)
