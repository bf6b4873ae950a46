"""A memo calls its function once for each argument, and never grows beyond its limit."""

from iai.model.memo import Latest, Memo


def test_a_result_is_computed_once() -> None:
    calls: list[str] = []

    def upper(text: str) -> str:
        calls.append(text)
        return text.upper()

    memo = Memo(upper, 8)
    assert [memo["a"], memo["b"], memo["a"]] == ["A", "B", "A"]
    assert calls == ["a", "b"]


def test_a_full_memo_forgets_and_goes_on() -> None:
    memo = Memo(str, 3)
    assert [memo[number] for number in range(10)] == [str(number) for number in range(10)]
    assert len(memo) <= 3


def test_none_is_not_remembered() -> None:
    memo = Memo[str, str | None](lambda text: text or None, 8)
    assert memo[""] is None
    assert not memo


def test_the_entries_set_last_are_kept() -> None:
    latest = Latest[str, int](2)
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        latest[key] = value
    assert latest == {"a": 3, "c": 4}
