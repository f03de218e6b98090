"""The checker of histories itself: what it must accept, and every kind of wrong history that it must reject."""

import pytest

from history import UNKNOWN, NotLinearizable, Operation, check


def answered(kind, asked, at, answer=None, value=0):
    return Operation(kind, value, asked, at, answer)


def unanswered(kind, asked, killed, value=0):
    return Operation(kind, value, asked, killed=killed)


RIGHT = {
    "one after the other": [answered("add", 0, 1, 5, 5), answered("set", 2, 3, 9, 9), answered("add", 4, 5, 10, 1),
                            answered("delete", 6, 7), answered("read", 8, 9, None), answered("add", 10, 11, 2, 2)],
    "at once, in the other order": [answered("add", 0, 9, 3, 1), answered("add", 1, 8, 2, 2)],
    "a set between two increments that overlap it": [answered("add", 0, 9, 1, 1), answered("set", 1, 8, 50, 50),
                                                     answered("add", 2, 7, 51, 1)],
    "a read of the state before a set that is open": [answered("add", 0, 1, 1, 1), answered("set", 2, 9, 5, 5),
                                                      answered("read", 3, 4, 1), answered("read", 5, 6, 5)],
    "not answered and not done": [unanswered("add", 0, 5, 1), answered("read", 6, 7, None)],
    "not answered and done": [unanswered("add", 0, 5, 1), answered("read", 6, 7, 1)],
    "not answered, seen before the kill": [unanswered("set", 0, 5, 7), answered("read", 1, 2, 7), answered("read", 6, 7, 7)],
    "an answer without a total": [answered("add", 0, 1, UNKNOWN, 4), answered("read", 2, 3, 4)],
    "never answered, no kill": [Operation("add", 3, 0), answered("read", 1, 2, None), answered("read", 3, 4, 3)],
}

WRONG = {
    "a lost increment": [answered("add", 0, 1, 1, 1), answered("add", 2, 3, 1, 1)],
    "the same total twice": [answered("add", 0, 9, 1, 1), answered("add", 1, 8, 1, 1)],
    "a stale read": [answered("set", 0, 1, 5, 5), answered("set", 2, 3, 6, 6), answered("read", 4, 5, 5)],
    "a set that a restart took back": [answered("add", 0, 1, 1, 1), answered("set", 2, 3, 9, 9),
                                       unanswered("add", 4, 5, 1), answered("read", 6, 7, 1)],
    "a delete undone": [answered("set", 0, 1, 5, 5), answered("delete", 2, 3), answered("add", 4, 5, 6, 1)],
    "an increment before and after a set": [answered("add", 0, 1, 1, 1), answered("set", 2, 3, 10, 10),
                                            answered("read", 4, 5, 11)],
    "an effect after the kill": [unanswered("add", 0, 5, 1), answered("read", 6, 7, None), answered("read", 8, 9, 1)],
    "an effect twice": [unanswered("add", 0, 5, 1), answered("read", 6, 7, 2)],
    "back in time": [answered("set", 0, 9, 5, 5), answered("read", 1, 2, 5), answered("read", 3, 4, None)],
    "a total from nowhere": [answered("set", 0, 1, 5, 5), answered("read", 2, 3, 6)],
    "counted without a total and lost": [answered("add", 0, 1, UNKNOWN, 4), answered("read", 2, 3, None)],
    "absent after it was set": [answered("set", 0, 1, 0, 0), answered("read", 2, 3, None)],
}


@pytest.mark.parametrize("name", RIGHT)
def test_histories_that_one_order_explains_are_accepted(name):
    assert check(RIGHT[name])


@pytest.mark.parametrize("name", WRONG)
def test_histories_that_no_order_explains_are_rejected(name):
    with pytest.raises(NotLinearizable):
        check(WRONG[name])


def test_the_states_at_the_end_are_told():
    assert check([unanswered("add", 0, 5, 1), unanswered("set", 1, 5, 7)]) == {None, 1, 7, 8}
    assert check([answered("add", 0, 1, 3, 3)], first=None) == {3}


def test_a_history_goes_on_from_what_it_began_with():
    assert check([answered("add", 0, 1, 12, 2)], first=10) == {12}
    with pytest.raises(NotLinearizable):
        check([answered("add", 0, 1, 2, 2)], first=10)


def test_a_long_history_of_many_clients_is_checked_in_time():
    """16 operations open at any moment, each in effect at its middle; then one answer is spoilt."""
    total, operations = 0, []
    for n in range(4000):
        total += n % 7
        operations.append(answered("add", n - 8, n + 8, total, n % 7))
    assert check(operations) == {total}
    operations[2000].answer += 1
    with pytest.raises(NotLinearizable):
        check(operations)
