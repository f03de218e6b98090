"""The books of the mixed client themselves: what they accept after a crash, and every kind of loss that they must notice."""

import random

import pytest

from lib.http import Response
from mixed import GROUP_SIZE, Batches, Mixed, Sets, Tokens

DRAW = random.Random(1)


def answer(status, body=b"", replayed=False):
    return Response(status, "", [("content-type", "application/json")] + [("idempotency-replayed", "true")] * replayed, body)


class Asking:
    """A batch of 3 to the first group, as a book draws it."""

    def choice(self, things):
        return things[0]

    def randint(self, least, most):
        return 3

    def sample(self, things, number):
        return things[:number]


def batches(acknowledged=0, unanswered=0):
    """A book of so many batches of 3; the keys of the group they went to."""
    book = Batches("n")
    keys = book.keys[:GROUP_SIZE]
    for number in range(acknowledged + unanswered):
        asked = book.ask(Asking())
        if number < acknowledged:
            items = ",".join('{"key":"%s","value":%d}' % (key, 3 * number + 3) for key in keys)
            assert asked.take(answer(200, b'{"data":[%s]}' % items.encode()))
    return book, keys


@pytest.mark.parametrize("total", [6, 9])
def test_a_batch_without_an_answer_is_in_whole_or_not_at_all(total):
    book, keys = batches(acknowledged=2, unanswered=1)
    totals = dict.fromkeys(keys, total)
    assert book.wrong(totals) == []
    book.settle(totals)
    assert book.wrong(dict.fromkeys(keys, 15 - total)) != [], "what was settled may not change"


def test_a_torn_batch_is_noticed():
    book, keys = batches(acknowledged=2, unanswered=1)
    assert "torn" in book.wrong(dict.fromkeys(keys, 6) | {keys[-1]: 9})[0]
    assert "torn" in book.wrong(dict.fromkeys(keys[:-1], 6))[0]


@pytest.mark.parametrize("total", [0, 3, 12])
def test_a_batch_lost_or_counted_twice_is_noticed(total):
    book, keys = batches(acknowledged=2, unanswered=1)
    assert len(book.wrong(dict.fromkeys(keys, total))) == 1


def test_a_total_that_was_answered_may_not_go_back():
    """Another client's batch, never answered, was seen in this one's answer."""
    book, keys = batches(acknowledged=1, unanswered=1)
    book.ledger.highest[next(iter(book.groups))] = 6
    assert book.wrong(dict.fromkeys(keys, 6)) == [] and len(book.wrong(dict.fromkeys(keys, 3))) == 1


def test_a_refused_batch_counts_nothing():
    book, keys = batches(unanswered=0)
    assert not book.ask(Asking()).take(answer(503))
    assert book.wrong({}) == [] and len(book.wrong(dict.fromkeys(keys, 3))) == 1


def sets(*hows):
    """A book of changes to one key, all but the last of them answered."""
    book = Sets("n")
    key = book.keys[0]
    draw = Asking()
    for number, how in enumerate(hows):
        draw.choice = lambda things, how=how: how if how in things else things[0]
        asked = book.ask(draw)
        if number < len(hows) - 1:
            body = b'{"data":{"key":"%s","value":%s}}' % (key.encode(), str(book.states[key][-1]).encode())
            assert asked.take(answer(204) if how == "DELETE" else answer(200, body))
    return book, key


# what was done (the last without an answer), what may be there, what may not
CHANGES = [
    (("PUT", "PUT"), (1000, 2000), (None, 0, 3000)),
    (("PUT", "DELETE"), (1000, None), (0, 2000)),
    (("PUT", "DELETE", "PUT"), (None, 3000), (1000, 0)),
    (("PUT", "POST"), (1000, 1003), (None, 1006, 3)),
    (("PUT", "DELETE", "POST"), (None, 3), (1000, 1003)),
    (("PUT", "POST", "PUT"), (1003, 3000), (1000, 3003)),
]


@pytest.mark.parametrize("hows, right, wrong", CHANGES)
def test_a_key_is_what_was_acknowledged_last_or_what_was_under_way(hows, right, wrong):
    for value in right:
        book, key = sets(*hows)
        assert book.wrong({key: value}) == []
        book.settle({key: value})
        assert [len(book.wrong({key: other})) for other in right if other != value] == [1], "settled, and changed"
    for value in wrong:
        book, key = sets(*hows)
        assert len(book.wrong({key: value})) == 1, value


def test_a_set_that_answers_another_total_is_noticed():
    book = Sets("n")
    asked = book.ask(Asking())
    with pytest.raises(AssertionError):
        asked.take(answer(200, b'{"data":{"key":"n-set0","value":7}}'))


def tokens(acknowledged=0, unanswered=0):
    """A book of so many single requests of 3 to one key."""
    book = Tokens("n")
    for number in range(acknowledged + unanswered):
        asked = book.ask(Asking())
        if number < acknowledged:
            assert asked.take(answer(200, b"first %d" % number))
    return book, book.keys[0]


def test_before_the_repetition_a_token_without_an_answer_may_have_counted_or_not():
    book, key = tokens(acknowledged=2, unanswered=1)
    assert book.wrong({key: 6}) == [] and book.wrong({key: 9}) == []
    assert len(book.wrong({key: 3})) == 1 and len(book.wrong({key: 12})) == 1


def test_after_the_repetition_a_token_counts_once_and_neither_twice_nor_never():
    book, key = tokens(acknowledged=2, unanswered=1)
    (request,) = book.open.values()
    assert not book.take(request, answer(409)) and not book.take(request, answer(503))
    assert book.take(request, answer(200, b"third", replayed=True))
    assert book.wrong({key: 9}) == [] and not book.open
    assert len(book.wrong({key: 6})) == 1 and len(book.wrong({key: 12})) == 1
    assert book.figures["counted_and_never_answered"] == 1


@pytest.mark.parametrize("again", [answer(200, b"another", replayed=True), answer(202, b"first 0", replayed=True),
                                   answer(200, b"first 0")])
def test_an_answer_that_was_seen_is_given_again_byte_for_byte(again):
    book, _ = tokens(acknowledged=1)
    (request,) = book.done
    assert book.take(request, answer(200, b"first 0", replayed=True))
    with pytest.raises(AssertionError, match="first"):
        book.take(request, again)


def test_what_is_wrong_is_told_by_kind():
    mixed = Mixed()
    assert mixed.wrong({}) == {}
    mixed.settle({})
    totals = {book.keys[0]: 1 for book in mixed.books}
    assert set(mixed.wrong(totals)) == {"batch", "set", "token"}
    with pytest.raises(AssertionError, match="keys wrong"):
        mixed.settle(totals)
