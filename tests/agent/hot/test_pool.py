"""The pool of processes: a table of events for each behaviour, with a total of 8 and a patience of 1 second."""

from __future__ import annotations

import math

import pytest

from microfn.agent.hot.pool import Pool, Profile

from .pooling import PROFILES, TOTAL, Model, send, shown

PATIENCE = 1.0

TABLES = {
    "8: a call without memory waits until it is cancelled": """
        0 ask a half        : launch 1 a
        0 ask b big         :
        9 cancelled b       :
        9 died 1            : refuse a launch
        9 died 1            :
    """,
    "8: no queue keeps a cancelled call": """
        0 ask a cold        : launch 1 a
        0 ask b big         :
        0 ask c small       : launch 2 c
        0 cancelled b       :
        1 died 1            :
        1 ask d big         : launch 3 d
    """,
    "9: a free process comes before a launch": """
        0 ask a small       : launch 1 a
        1 launched 1        : give a 1
        2 free 1            :
        3 ask b small       : give b 1
    """,
    "9: a call that waits for memory takes a process that frees": """
        0 ask a big         : launch 1 a
        1 launched 1        : give a 1
        2 ask b big         :
        3 free 1            : give b 1
    """,
    "9: a call whose process launches takes one that frees": """
        0 ask a small       : launch 1 a
        1 launched 1        : give a 1
        2 ask b small       : launch 2 b
        3 free 1            : give b 1
        4 launched 2        :
        5 ask c small       : give c 2
    """,
    "9: processes are given in the order of the calls": """
        0 ask a small       : launch 1 a
        0 ask b small       : launch 2 b
        1 launched 2        : give a 2
        2 launched 1        : give b 1
    """,
    "10: the process that became free last is the next": """
        0 ask a small       : launch 1 a
        0 ask b small       : launch 2 b
        0 ask c small       : launch 3 c
        1 launched 1        : give a 1
        1 launched 2        : give b 2
        1 launched 3        : give c 3
        2 free 2            :
        2 free 3            :
        2 free 1            :
        3 ask d small       : give d 1
        3 ask e small       : give e 3
        3 ask f small       : give f 2
    """,
    "11: no call goes to a process that has not started": """
        0 ask a alone       : launch 1 a
        1 ask b alone       :
        1 free 1            :
        2 launched 1        : give a 1
        2 launched 1        :
        3 free 1            : give b 1
    """,
    "11: no call goes to a dead process": """
        0 ask a small       : launch 1 a
        1 launched 1        : give a 1
        2 free 1            :
        3 died 1            :
        3 free 1            :
        3 launched 1        :
        4 ask b small       : launch 2 b
        5 launched 2        : give b 2
        6 died 2            :
        6 ask c small       : launch 3 c
    """,
    "11: no call goes to a spoiled process": """
        0 ask a alone       : launch 1 a
        1 launched 1        : give a 1
        2 ask b alone       :
        3 spoiled 1         : evict 1
        3 spoiled 1         :
        3 free 1            :
        4 died 1            : launch 2 b
        5 spoiled 2         : evict 2
        5 launched 2        :
        6 died 2            : launch 3 b
        7 launched 3        : give b 3
        8 free 3            :
        9 spoiled 3         : evict 3
        9 ask c alone       :
    """,
    "12: ten callers with room for two launch two": """
        0 ask a half        : launch 1 a
        0 ask b half        : launch 2 b
        0 ask c half        :
        0 ask d half        :
        0 ask e half        :
        0 ask f half        :
        0 ask g half        :
        0 ask h half        :
        0 ask i half        :
        0 ask j half        :
        1 launched 1        : give a 1
        2 launched 2        : give b 2
        3 free 2            : give c 2
    """,
    "12: a launch that nobody waits for serves the next call": """
        0 ask a small       : launch 1 a
        1 cancelled a       :
        2 ask b small       :
        3 ask c small       : launch 2 c
        4 launched 1        : give b 1
    """,
    "12: a launch that outlives its call is not repeated": """
        0 ask a small       : launch 1 a
        0 ask b small       : launch 2 b
        1 cancelled a       :
        1 cancelled b       :
        2 ask c small       :
        2 ask d small       :
        2 ask e small       : launch 3 e
    """,
    "13: idle processes give way, the longest idle first": """
        0 ask a small       : launch 1 a
        0 ask b tiny        : launch 2 b
        0 ask c twice       : launch 3 c
        1 launched 1        : give a 1
        1 launched 2        : give b 2
        1 launched 3        : give c 3
        2 free 3            :
        3 free 1            :
        4 free 2            :
        4 ask d half        : evict 3
        4 died 3            : launch 4 d
    """,
    "13: an idle hot process gives way to a cold call": """
        0 ask a big         : launch 1 a
        1 launched 1        : give a 1
        2 free 1            :
        3 ask b cold        : evict 1
        4 died 1            : launch 2 b
        5 ask c big         :
        6 free 2            : evict 2
        7 died 2            : launch 3 c
    """,
    "13: nothing is evicted if that does not suffice": """
        0 ask a half        : launch 1 a
        0 ask b small       : launch 2 b
        1 launched 1        : give a 1
        1 launched 2        : give b 2
        2 free 2            :
        3 ask c big         :
        4 ask d small       : give d 2
        5 free 1            : evict 1
        6 died 1            : launch 3 c
    """,
    "13: memory is promised to one call only": """
        0 ask a big         : launch 1 a
        0 ask b small       : launch 2 b
        1 launched 1        : give a 1
        1 launched 2        : give b 2
        2 free 1            :
        3 ask c cold        : evict 1
        4 ask d tiny        :
        4 ask e half        :
        5 free 2            :
        6 died 1            : launch 3 c, launch 4 d
    """,
    "14: a call that is larger than all memory is refused": """
        0 ask a huge        : refuse a large
        0 ask b frost       : refuse b large
        0 ask c all         : launch 1 c
    """,
    "19: a slow launch ends in a process for the next call": """
        0 ask a small       : launch 1 a
        5 cancelled a       :
        6 launched 1        :
        7 ask b small       : give b 1
    """,
    "cold: a process answers one call, and is never given": """
        0 ask a cup         : launch 1 a
        0 launched 1        :
        0 ask b cup         : launch 2 b
        1 cancelled a       :
        1 free 1            : evict 1
        1 free 1            :
        2 died 1            :
        2 tick              :
        2 spoiled 2         : evict 2
    """,
    "saturation: calls have their turn in order": """
        0 ask a cold        : launch 1 a
        0 ask b cold        : launch 2 b
        0 ask c cold        :
        0 ask d cold        :
        1 died 2            : launch 3 c
        2 died 1            : launch 4 d
    """,
    "saturation: a small call passes a large one for a while": """
        0 ask a big         : launch 1 a
        0 ask b half        :
        0.5 ask c cup       : launch 2 c
        1 ask d cup         :
        2 died 1            : refuse a launch, launch 3 b, launch 4 d
    """,
    "saturation: a call of a busy function does not hold up others": """
        0 ask a big         : launch 1 a
        0 launched 1        : give a 1
        0 ask b big         :
        5 ask c small       : launch 2 c
        9 free 1            : give b 1
    """,
    "patience: a call without a process comes before younger ones": """
        0 ask a half        : launch 1 a
        0 ask b half        : launch 2 b
        0 launched 1        : give a 1
        0 launched 2        : give b 2
        0 ask c small       :
        0.5 ask d half      :
        0.5 free 1          : give d 1
        0.6 ask e half      :
        2 free 2            : evict 2
        2 died 2            : launch 3 c
        2 free 1            : give e 1
    """,
    "patience: an older call keeps its process": """
        0 ask a half        : launch 1 a
        0 ask b half        : launch 2 b
        0 launched 1        : give a 1
        0 launched 2        : give b 2
        0 ask c half        :
        0 ask d small       :
        2 free 1            : give c 1
        3 free 2            : evict 2
    """,
    "patience: memory on its way is not asked for twice": """
        0 ask a half        : launch 1 a
        0 ask b half        : launch 2 b
        0 launched 1        : give a 1
        0 launched 2        : give b 2
        0 ask c cup         :
        0 ask d small       :
        1 ask e half        :
        2 free 1            : evict 1
        3 free 2            : give e 2
        4 died 1            : launch 3 c, launch 4 d
    """,
    "max_calls: a process retires after so many": """
        0 ask a twice       : launch 1 a
        1 launched 1        : give a 1
        2 free 1            :
        3 ask b twice       : give b 1
        4 ask c twice       : launch 2 c
        5 free 1            : evict 1
        6 launched 2        : give c 2
    """,
    "max_processes: a call waits although there is memory": """
        0 ask a alone       : launch 1 a
        1 launched 1        : give a 1
        2 ask b alone       :
        9 ask c small       : launch 2 c
        9 spoiled 1         : evict 1
        9 died 1            : launch 3 b
    """,
    "idle_timeout: a process that nobody needs is evicted": """
        0 ask a tiny        : launch 1 a
        1 launched 1        : give a 1
        2 free 1            :
        6.9 tick            :
        7 tick              : evict 1
        8 tick              :
        8 ask b tiny        : launch 2 b
    """,
    "start_timeout: a launch that hangs is ended": """
        0 ask a tiny        : launch 1 a
        0 ask b tiny        : launch 2 b
        1.9 tick            :
        2 tick              : refuse a launch, evict 1, refuse b launch, evict 2
        2 launched 1        :
        2 ask c tiny        : refuse c launch
        3 died 1            :
        3 ask d tiny        : launch 3 d
    """,
    "launch: a failure is told to its own caller only": """
        0 ask a half        : launch 1 a
        0 ask b half        : launch 2 b
        1 died 1            : refuse a launch
        2 launched 2        : give b 2
        3 ask c half        : launch 3 c
        4 free 2            : give c 2
        5 died 3            :
    """,
    "launch: pauses double, and a success ends them": """
        0 ask a small       : launch 1 a
        0 ask b small       : launch 2 b
        0 ask c small       : launch 3 c
        0 ask d small       : launch 4 d
        1 died 1            : refuse a launch
        2 died 2            : refuse b launch
        2 ask e small       :
        2.1 tick            :
        2.25 tick           : launch 5 e
        2.25 died 3         : refuse c launch
        2.25 died 5         : refuse e launch
        2.25 ask f small    :
        3 tick              :
        3 launched 4        : give d 4, launch 6 f
        4 launched 6        : give f 6
        5 ask g small       : launch 7 g
        5 died 7            : refuse g launch
        5 ask h small       :
        5.125 tick          : launch 8 h
    """,
    "launch: a call that waits in a pause is launched for after it": """
        0 ask a tiny        : launch 1 a
        0 ask b tiny        : launch 2 b
        0 cancelled a       :
        1 died 2            : refuse b launch
        1 ask c tiny        :
        1 died 1            :
        1 tick              :
        2 tick              : launch 3 c
    """,
    "launch: a refusal does not hide that a pause is over": """
        0 ask a small       : launch 1 a
        0 ask b small       : launch 2 b
        1 died 1            : refuse a launch
        1 ask c small       :
        2 ask d huge        : refuse d large, launch 3 c
    """,
    "close: calls are refused, and processes end": """
        0 ask a small       : launch 1 a
        0 ask b small       : launch 2 b
        0 ask c tiny        : launch 3 c
        0 ask d cup         : launch 4 d
        0 ask e big         :
        1 launched 1        : give a 1
        1 launched 2        : give b 2
        2 free 2            :
        3 close             : refuse c closed, refuse e closed, evict 2, evict 3
        3 close             :
        3 launched 3        :
        4 ask f small       : refuse f closed
        5 free 1            : evict 1
        5 died 4            :
        6 tick              :
    """,
}


def rows(table):
    for line in table.strip().splitlines():
        event, _, decisions = line.partition(":")
        yield event.strip(), decisions.strip()


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("make", [Pool, Model])
def test_table_of_events(make, name):
    """The model must reproduce each behaviour too; otherwise it would prove nothing."""
    pool = make(TOTAL, patience=PATIENCE)
    for event, decisions in rows(TABLES[name]):
        assert (event, shown(send(pool, event))) == (event, decisions)


def test_pause_after_failed_launches_is_ten_seconds_at_most():
    pool, now, pauses = Pool(TOTAL), 0.0, []
    for call in range(10):
        (launch,) = pool.ask(call, PROFILES["small"], now)
        assert [one.call for one in pool.died(launch.process, now)] == [call]
        began = now
        while shown(pool.ask("probe", PROFILES["small"], now)) == "refuse probe launch":
            now += 0.0625
        pauses.append(now - began)
        assert [one.call for one in pool.died(launch.process + 1, now)] == ["probe"]
        began = now
        while shown(pool.ask("probe", PROFILES["small"], now)) == "refuse probe launch":
            now += 0.0625
        assert shown(pool.cancelled("probe", now)) == ""
        pool.spoiled(launch.process + 2, now)
        pool.died(launch.process + 2, now)
    assert pauses == sorted(pauses)
    assert pauses[-1] == 10.0


def test_call_that_waits_cannot_ask_again():
    pool = Pool(TOTAL)
    pool.ask("a", PROFILES["small"], 0.0)
    with pytest.raises(ValueError, match="call must be new, got 'a' again"):
        pool.ask("a", PROFILES["small"], 0.0)
    assert (pool.waiting, pool.processes, pool.free_memory) == (1, 1, 6)


def test_idle_function_leaves_nothing_behind():
    """A broker lives for months, and each deployment can bring new functions."""
    pool = Pool(TOTAL)
    for number in range(100):
        (launch,) = pool.ask(number, Profile(f"version {number}", 2), 0.0)
        pool.launched(launch.process, 0.0)
        pool.free(launch.process, 0.0)
        pool.spoiled(launch.process, 0.0)
        pool.died(launch.process, 0.0)
    assert (pool.processes, pool.waiting, pool.free_memory) == (0, 0, TOTAL)
    assert all(not value for value in vars(pool).values() if isinstance(value, dict))


@pytest.mark.parametrize(
    ("events", "alarm"),
    [
        ([], math.inf),
        (["0 ask a tiny"], 1.0),
        (["0 ask a tiny", "1 tick"], 2.0),
        (["0 ask a tiny", "1 launched 1"], math.inf),
        (["0 ask a tiny", "1 launched 1", "2 free 1"], 7.0),
        (["0 ask a tiny", "0 cancelled a", "1 launched 1"], 6.0),
        (["0 ask a small", "0 ask b small", "5 died 1"], 5.1),
        (["0 ask a small", "0 ask b small", "5 died 1", "5.1 tick"], 10.0),
        (["0 ask a cold", "0 ask b cold"], math.inf),
        (["0 ask a cold", "0 ask b cold", "5 ask c cup"], 6.0),
        (["0 ask a cold", "0 ask b cold", "5 ask c cup", "6 tick"], math.inf),
    ],
)
def test_alarm_is_when_a_tick_may_decide_something(events, alarm):
    pool = Pool(TOTAL, patience=PATIENCE)
    for event in events:
        send(pool, event)
    assert pool.alarm == alarm


def test_patience_is_a_quarter_of_a_second_unless_it_is_given():
    pool = Pool(TOTAL)
    pool.ask("a", PROFILES["cold"], 0.0)
    pool.ask("b", PROFILES["big"], 0.0)
    assert pool.alarm == 0.25
