"""Hundreds of bodies: JSON as RFC 8259 says, no crash, no growth."""

import json

import pytest

from lib import settings
from lib.http import JSON
from lib.json_corpus import ACCEPTED_VALUES, DEFINED_TEXTS, REJECTED_VALUES, as_member


def post(server, body):
    with server.connect() as connection:
        response = connection.request("POST", "/increment", body, [JSON])
    assert response.status == 200 or response.message()
    return response


def is_json(text):
    """Python's own reader, told to be strict where it is not by default."""
    def refuse(constant):
        raise ValueError(constant)

    try:
        json.loads(text.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return True


def test_the_corpus_is_large_and_another_reader_agrees():
    assert len(ACCEPTED_VALUES) + len(REJECTED_VALUES) + len(DEFINED_TEXTS) > 200
    names = [name for name, _ in ACCEPTED_VALUES + REJECTED_VALUES]
    assert len(set(value for _, value in ACCEPTED_VALUES + REJECTED_VALUES)) == len(names)
    assert [name for name, value in ACCEPTED_VALUES if not is_json(as_member(value))] == []
    assert [name for name, value in REJECTED_VALUES if is_json(as_member(value))] == []


def test_what_is_json_is_counted(shared_server):
    before = shared_server.total("KEY") or 0
    wrong = [(name, response) for name, value in ACCEPTED_VALUES
             if (response := post(shared_server, as_member(value))).status != 200]
    assert wrong == []
    assert shared_server.total("KEY") == before + len(ACCEPTED_VALUES)


def test_what_is_no_json_is_400_and_counts_nothing(shared_server):
    before = shared_server.total("KEY")
    wrong = [(name, response) for name, value in REJECTED_VALUES
             if (response := post(shared_server, as_member(value))).status != 400]
    assert wrong == []
    assert shared_server.total("KEY") == before


@pytest.mark.parametrize("body, status", DEFINED_TEXTS, ids=lambda value: repr(value)[:40])
def test_what_the_rfc_leaves_open_is_as_documented(shared_server, body, status):
    before = shared_server.total("KEY") or 0
    response = post(shared_server, body)
    assert response.status == status
    if status != 200:
        assert (shared_server.total("KEY") or 0) == before


def test_no_body_grows_or_ends_the_server(start_server):
    server = start_server()
    bodies = [as_member(value) for _, value in ACCEPTED_VALUES + REJECTED_VALUES] + [body for body, _ in DEFINED_TEXTS]

    def round_of_all():
        with server.connect() as connection:
            for body in bodies:
                connection.request("POST", "/increment", body, [JSON])

    for _ in range(2):
        round_of_all()
    before = server.memory()
    for _ in range(20 if settings.LONG else 4):
        round_of_all()
    assert server.alive()
    if not settings.SANITIZER:
        assert server.memory() - before < 4 << 20
