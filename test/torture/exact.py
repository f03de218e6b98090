"""What must hold of the answers of one instance whose database breaks: nothing refused, every total explained."""

from lib.load import Load
from lib.metrics import scrape
from lib.waiting import eventually


def ones(keys, draw):
    """Endless increments of one, so that every total of a key is answered once."""
    while True:
        yield draw.choice(keys), 1


def known(server, keys):
    """Makes every key resident; returns the ledger, answers kept."""
    load = Load(server.address, [(key, 1) for key in keys], connections=4, keep_answers=True)
    ledger = load.run()
    assert ledger.statuses == {200: len(keys)}
    return ledger


def check_answers(*ledgers):
    """Increments of one on one instance: of the totals 1..N of a key none is answered twice, and only those are missing
    whose answer was `counted, total not known`."""
    missing, unknown = 0, sum(ledger.unknown for ledger in ledgers)
    keys = set().union(*(ledger.acknowledged for ledger in ledgers))
    for key in keys:
        number = sum(ledger.acknowledged.get(key, 0) for ledger in ledgers)
        totals = [total for ledger in ledgers for _, total in ledger.answers.get(key, [])]
        assert len(set(totals)) == len(totals), f"{key}: a total was answered twice"
        assert all(1 <= total <= number for total in totals), f"{key}: a total beyond {number}"
        missing += number - len(totals)
    assert missing == unknown, f"{missing} totals never answered, {unknown} answers without a total"


def finish(server, store, *ledgers):
    """Stops the server: the table is exactly what was acknowledged, and every answer is explained. Returns the number
    of increments."""
    for ledger in ledgers:
        assert set(ledger.statuses) <= {200, 202}, dict(ledger.statuses)
        assert not ledger.unanswered and not ledger.refused
    eventually(lambda: scrape(server).sum("simple_request_keys_dirty") == 0, 30, "everything is flushed")
    assert scrape(server).sum("simple_request_ledger_mismatch") == 0
    assert server.terminate() == 0, server.log()[-2000:]
    expected = {}
    for ledger in ledgers:
        for key, number in ledger.acknowledged.items():
            expected[key] = expected.get(key, 0) + number
    totals = store.totals()
    wrong = {key: (totals.get(key), expected.get(key)) for key in totals.keys() | expected.keys()
             if totals.get(key) != expected.get(key)}
    assert not wrong, f"{len(wrong)} keys wrong, (table, acknowledged): {dict(list(wrong.items())[:5])}"
    check_answers(*ledgers)
    return sum(expected.values())
