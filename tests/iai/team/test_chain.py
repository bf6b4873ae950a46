"""What is missing of what a machine has published: seen whatever was lost, repeated or late."""

from hypothesis import given
from hypothesis import strategies as st

from iai.team.chain import MOST_ISLANDS, Chain, Span

POSITIONS = st.lists(st.integers(1, 10_000), min_size=1, max_size=30, unique=True).map(sorted)


def links(positions: list[int]) -> list[tuple[int, int]]:
    return list(zip([0, *positions], positions, strict=False))


@given(POSITIONS, st.data())
def test_the_first_message_that_is_missing_is_in_the_hole(
    positions: list[int], data: st.DataObject
) -> None:
    sent = links(positions)
    some = data.draw(st.lists(st.sampled_from(sent), max_size=60))  # lost, repeated, reordered
    chain = Chain().announce(positions[-1])
    for after, position in some:
        chain = chain.add(after, position)
    missing = [link for link in sent if link not in some]
    if not missing:
        assert chain == Chain(positions[-1], (), positions[-1])
        assert chain.gap is None
    else:
        gap = chain.gap
        assert gap is not None
        assert gap.after == missing[0][0]
        assert missing[0][1] <= gap.through


@given(POSITIONS, st.data())
def test_gaps_that_are_filled_one_after_another_leave_none(
    positions: list[int], data: st.DataObject
) -> None:
    sent = links(positions)
    chain = Chain().announce(positions[-1])
    for after, position in data.draw(st.lists(st.sampled_from(sent), max_size=20)):
        chain = chain.add(after, position)
    for _ in sent:
        if chain.gap is not None:  # what is left of it was forgotten: one message spans it all
            chain = chain.add(*chain.gap)
    assert chain == Chain(positions[-1], (), positions[-1])


def test_a_message_without_one_before_it_makes_no_hole() -> None:
    assert Chain().add(0, 7) == Chain(7, (), 7)
    assert Chain().add(3, 7).gap == Span(0, 3)


def test_what_is_known_of_a_chain_full_of_gaps_stays_small() -> None:
    chain = Chain()
    for position in range(2, 10 * MOST_ISLANDS, 2):
        chain = chain.add(position - 1, position)
    assert len(chain.islands) == MOST_ISLANDS
    assert chain.gap == Span(0, 1)
