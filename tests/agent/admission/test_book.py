"""The book of tokens: tables of events, and short and random histories beside a model that counts from scratch."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microfn.agent.admission.book import Book

TABLES = {
    "a call is granted at once what is free": (2, [("ask a 2", "a")]),
    "a call waits for what is not free": (2, [("ask a 1", "a"), ("ask b 2", ""), ("give_back a", "b")]),
    "all that fit are granted together": (
        3,
        [("ask a 3", "a"), ("ask b 1", ""), ("ask c 1", ""), ("ask d 2", ""), ("give_back a", "bc")],
    ),
    "a small call does not overtake a large one": (
        2,
        [("ask a 1", "a"), ("ask b 2", ""), ("ask c 1", ""), ("give_back a", "b"), ("give_back b", "c")],
    ),
    "those behind a call that gives up move up": (
        2,
        [("ask a 1", "a"), ("ask b 2", ""), ("ask c 1", ""), ("cancel b", "c")],
    ),
    "those before a call that gives up stay in order": (
        1,
        [
            ("ask a 1", "a"),
            ("ask b 1", ""),
            ("ask c 1", ""),
            ("cancel c", ""),
            ("give_back a", "b"),
            ("give_back b", ""),
        ],
    ),
    "a turn in the last moment is kept": (
        1,
        [("ask a 1", "a"), ("ask b 1", ""), ("give_back a", "b"), ("cancel b", "")],
    ),
    "tokens come back once": (
        2,
        [
            ("ask a 1", "a"),
            ("ask b 1", "b"),
            ("give_back a", ""),
            ("give_back a", ""),
            ("ask c 2", ""),
            ("give_back b", "c"),
        ],
    ),
    "a call that waits has nothing to give back": (
        1,
        [("ask a 1", "a"), ("ask b 1", ""), ("give_back b", ""), ("give_back a", "b")],
    ),
    "unknown keys change nothing": (1, [("cancel x", ""), ("give_back x", ""), ("ask a 1", "a"), ("ask b 1", "")]),
    "a key can be used again": (
        1,
        [("ask a 1", "a"), ("ask b 1", ""), ("cancel b", ""), ("ask b 1", ""), ("give_back a", "b"), ("ask a 1", "")],
    ),
}


def send(book, event):
    """Send an event such as "ask a 2" to a book or a model, and return the granted keys."""
    name, key, *count = event.split()
    return getattr(book, name)(key, *map(int, count))


class Model:
    """The rule, counted from scratch for each event: the first waiter gets its tokens if enough are free."""

    def __init__(self, total):
        self.total = total
        self.calls = []  # (key, count, is granted), in the order of the requests

    def ask(self, key, count):
        if any(call[0] == key for call in self.calls):
            raise ValueError
        self.calls.append([key, count, False])
        return self.granted()

    def cancel(self, key):
        self.calls = [call for call in self.calls if call[0] != key or call[2]]
        return self.granted()

    def give_back(self, key):
        self.calls = [call for call in self.calls if call[0] != key or not call[2]]
        return self.granted()

    def granted(self):
        keys = []
        for call in self.calls:
            if call[2]:
                continue
            if call[1] > self.free:
                return keys
            call[2] = True
            keys.append(call[0])
        return keys

    @property
    def free(self):
        return self.total - sum(count for _, count, is_granted in self.calls if is_granted)

    @property
    def demands(self):
        return [count for _, count, is_granted in self.calls if not is_granted]


def agree(book, model, event):
    """Send the event to both, and assert that they agree."""
    try:
        expected = send(model, event)
    except ValueError:
        with pytest.raises(ValueError, match="key must be new"):
            send(book, event)
    else:
        assert send(book, event) == expected
    assert (book.free, book.waiting, book.demand) == (model.free, len(model.demands), sum(model.demands))
    assert 0 <= book.free <= book.total
    for key in "abcdefgh":
        assert book.holds(key) is any(call[0] == key and call[2] for call in model.calls)


@pytest.mark.parametrize("name", TABLES)
def test_table_of_events(name):
    total, events = TABLES[name]
    book, model = Book(total), Model(total)
    for event, granted in events:
        assert "".join(send(model, event)) == granted, event
        assert "".join(send(book, event)) == granted, event


@pytest.mark.parametrize("total", [1, 2, 3])
@pytest.mark.slow
def test_all_short_histories_agree_with_the_model(total):
    """The book agrees in each history of three or four events of three keys, even if all release their tokens twice."""
    names = [f"ask {key} {count}" for key in "abc" for count in range(1, total + 1)]
    names += [f"{name} {key}" for name in ("cancel", "give_back") for key in "abc"]
    for events in itertools.product(names, repeat=4 if total == 1 else 3):
        book, model = Book(total), Model(total)
        for event in events:
            agree(book, model, event)
        for key in "abc":
            agree(book, model, f"cancel {key}")
            agree(book, model, f"give_back {key}")
            agree(book, model, f"give_back {key}")


events = st.lists(
    st.one_of(
        st.builds("ask {} {}".format, st.sampled_from("abcdefgh"), st.integers(1, 5)),
        st.builds("{} {}".format, st.sampled_from(["cancel", "give_back"]), st.sampled_from("abcdefgh")),
    ),
    max_size=60,
)


@given(st.integers(5, 9), events)
def test_any_history_agrees_with_the_model(total, history):
    book, model = Book(total), Model(total)
    for event in history:
        agree(book, model, event)


@given(st.integers(5, 9), events)
def test_no_token_is_lost_and_no_call_forgotten(total, history):
    """If all holders release their tokens repeatedly, each waiting call gets its turn."""
    book, waiting = Book(total), []
    for event in history:
        name, key, *_ = event.split()
        try:
            granted = send(book, event)
        except ValueError:
            continue
        if name == "ask":
            waiting.append(key)
        elif name == "cancel" and key in waiting:
            waiting.remove(key)
        waiting = [one for one in waiting if one not in granted]
    assert len(waiting) == book.waiting
    while holders := [key for key in "abcdefgh" if book.holds(key)]:
        granted = book.give_back(holders[0])
        waiting = [one for one in waiting if one not in granted]
    assert (waiting, book.free, book.waiting, book.demand) == ([], total, 0, 0)


def test_ten_thousand_calls_wait_without_a_growing_cost():
    """Grants come from the front, cancels from anywhere, and neither scans the other calls."""
    book = Book(1)
    for number in range(10_000):
        book.ask(number, 1)
    for number in range(5_000, 10_000):
        assert book.cancel(number) == []
    for number in range(4_999):
        assert book.give_back(number) == [number + 1]
    assert (book.waiting, book.free, book.demand) == (0, 0, 0)


@pytest.mark.parametrize("total", [0, -1])
def test_total_is_one_or_more(total):
    with pytest.raises(ValueError, match=f"total must be 1 or more, got {total}"):
        Book(total)


@pytest.mark.parametrize("count", [-1, 0, 3])
def test_count_that_is_never_there_is_refused_at_once(count):
    book = Book(2)
    with pytest.raises(ValueError, match=f"count must be from 1 to 2, got {count}"):
        book.ask("a", count)
    assert (book.waiting, book.free, book.demand) == (0, 2, 0)


def test_key_in_use_is_refused_and_keeps_what_it_has():
    book = Book(2)
    assert book.ask("a", 2) == ["a"]
    assert book.ask("b", 1) == []
    for key in "ab":
        with pytest.raises(ValueError, match=f"key must be new, got '{key}' again"):
            book.ask(key, 1)
    assert book.give_back("a") == ["b"]
    assert (book.free, book.holds("a"), book.holds("b")) == (1, False, True)
