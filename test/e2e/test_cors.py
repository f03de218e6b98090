"""Pages of other origins: who may read answers, and who is told nothing."""

import pytest

from lib.http import JSON
from lib.server import run

APP = "https://app.example"
PREFLIGHT = [("Origin", APP), ("Access-Control-Request-Method", "POST"),
             ("Access-Control-Request-Headers", "content-type")]


@pytest.fixture
def server(start_server):
    return start_server("--cors-origins", f"{APP},http://localhost:5173")


def test_without_the_option_nobody_is_told_anything(shared_server):
    with shared_server.connect() as connection:
        response = connection.request("OPTIONS", "/increment", headers=PREFLIGHT)
        assert response.status == 204
        assert not [name for name, _ in response.fields if name.startswith("access-control") or name == "vary"]


def test_a_preflight_of_a_listed_origin_is_answered(server):
    with server.connect() as connection:
        response = connection.request("OPTIONS", "/increment", headers=PREFLIGHT)
        assert response.status == 204 and response.header("allow") == "POST, OPTIONS"
        assert response.header("access-control-allow-origin") == APP
        assert "POST" in response.header("access-control-allow-methods")
        assert "Content-Type" in response.header("access-control-allow-headers")
        assert response.header("access-control-max-age") == "600"
        assert response.header("vary") == "Origin"


def test_a_listed_origin_reads_answers_and_errors(server):
    with server.connect() as connection:
        for method, target, body, status in (("POST", "/increment", b'{"key":"c","value":1}', 200),
                                             ("GET", "/counters/c", None, 200),
                                             ("GET", "/nothing", None, 404),
                                             ("POST", "/increment", b"{}", 422)):
            response = connection.request(method, target, body, [JSON, ("Origin", APP)])
            assert response.status == status
            assert response.header("access-control-allow-origin") == APP
            assert "RateLimit" in response.header("access-control-expose-headers")
            assert response.header("access-control-allow-credentials") is None


def test_another_origin_and_none_get_vary_alone(server):
    with server.connect() as connection:
        for headers in ([], [("Origin", "https://evil.example")], [("Origin", "null")],
                        [("Origin", APP + ".evil.example")]):
            response = connection.request("GET", "/counters/c", headers=headers)
            assert response.header("vary") == "Origin"
            assert response.header("access-control-allow-origin") is None


def test_the_answer_of_a_request_that_waited_has_them_too(start_server, sqlite):
    """A key whose total is not in memory is loaded first: the answer comes in a later turn."""
    server = start_server("--cors-origins", APP, store=sqlite)
    server.increment("old", 7)
    server.restart()
    with server.connect() as connection:
        response = connection.request("GET", "/counters/old", headers=[("Origin", APP), ("X-Request-Id", "abc")])
    assert response.json()["data"]["value"] == 7
    assert response.header("access-control-allow-origin") == APP
    assert response.header("x-request-id") == "abc"


@pytest.mark.parametrize("origins", ["*", "null", "https://app.example/", "app.example", f"{APP},"])
def test_a_list_that_is_none_is_refused(tmp_path, origins):
    done = run("--cors-origins", origins, home=tmp_path)
    assert done.returncode == 2 and "--cors-origins" in done.stderr
