"""Lifecycle annotations: what Grafana is told at start and stop, and that no Grafana is ever in the way of either."""

import os
import re
import socket
import time

import pytest

from lib import settings, tls
from lib.grafana import TOKEN, Grafana
from lib.server import run
from lib.waiting import eventually


@pytest.fixture
def make_grafana():
    made = []

    def make(*given, **more):
        made.append(Grafana(*given, **more))
        return made[-1]

    yield make
    for grafana in made:
        grafana.close()


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return str(path)


def told(server, event="annotation.sent"):
    return [e["attributes"] for e in server.events() if e["event_name"] == event]


def start_is_told(server):
    """The attempt to tell it is over, whatever came of it."""
    eventually(lambda: told(server) or told(server, "annotation.failed"), 30, "the start is told")
    return server


def test_start_and_stop_are_annotated_with_version_commit_and_host(start_server, make_grafana, token_file):
    grafana, begin = make_grafana(), time.time()
    server = start_server("--grafana-url", grafana.url, "--grafana-token-file", token_file)
    assert start_is_told(server).terminate() == 0
    assert [(method, path) for method, path, _, _ in grafana.requests] == [("POST", "/api/annotations")] * 2
    version, commit = re.match(r"simple-request (\S+)\n\s+commit\s+(\S+)", run("version", home=server.directory).stdout).groups()
    host = os.uname().nodename
    for (_, _, headers, body), word, text in zip(grafana.requests, ("start", "stop"), ("started", "is stopping")):
        assert headers["Authorization"] == f"Bearer {TOKEN}" and headers["Content-Type"] == "application/json"
        assert body["tags"] == ["simple-request", word, f"version:{version}", f"sha:{commit}", f"host:{host}"]
        assert body["text"] == f"simple-request {version} ({commit}) {text} on {host}"
        assert set(body) == {"time", "tags", "text"} and begin * 1000 - 1 <= body["time"] <= time.time() * 1000 + 1
    assert [e["moment"] for e in told(server)] == ["start", "stop"]
    assert TOKEN not in server.log() + server.banner()


def test_one_dashboard_can_be_annotated_on_a_grafana_below_a_path(start_server, make_grafana):
    grafana = make_grafana()
    server = start_server("--grafana-url", grafana.url + "/some/grafana/", "--grafana-dashboard-uid", "sr-correctness")
    assert start_is_told(server).terminate() == 0
    assert {path for _, path, _, _ in grafana.requests} == {"/some/grafana/api/annotations"}
    assert [body["dashboardUID"] for body in grafana.annotations()] == ["sr-correctness"] * 2
    assert all("Authorization" not in headers for _, _, headers, _ in grafana.requests)


def test_each_dashboard_of_a_folder_can_be_annotated(start_server, make_grafana, token_file):
    grafana = make_grafana(dashboards=("a", "b", "c"))
    server = start_server("--grafana-url", grafana.url, "--grafana-token-file", token_file, "--grafana-folder-uid", "sr_folder")
    assert start_is_told(server).terminate() == 0
    searches = [path for method, path, _, _ in grafana.requests if method == "GET"]
    assert len(searches) == 2 and all("folderUIDs=sr_folder" in path and "type=dash-db" in path for path in searches)
    assert [(body["dashboardUID"], body["tags"][1]) for body in grafana.annotations()] == [
        (uid, word) for word in ("start", "stop") for uid in "abc"]


def test_a_folder_without_dashboards_is_told_as_a_failure(start_server, make_grafana):
    grafana = make_grafana()
    server = start_server("--grafana-url", grafana.url, "--grafana-folder-uid", "empty")
    assert start_is_told(server).terminate() == 0
    assert not grafana.annotations() and "no dashboard" in told(server, "annotation.failed")[0]["reason"]


def test_https_is_verified_and_nothing_is_said_to_whom_cannot_be_trusted(make_server, make_grafana, tmp_path, token_file):
    pair = tls.make_certificate(tmp_path)
    grafana = make_grafana(pair=pair)
    options = ("--grafana-url", grafana.url, "--grafana-token-file", token_file)
    trusting = make_server(*options, env={"SSL_CERT_FILE": str(pair[0])}).start()
    assert start_is_told(trusting).terminate() == 0
    assert [body["tags"][1] for body in grafana.annotations()] == ["start", "stop"]
    wary = make_server(*options).start()
    assert start_is_told(wary).terminate() == 0
    assert len(grafana.requests) == 2 and "certificate" in told(wary, "annotation.failed")[0]["reason"]


def seconds_beyond_the_end(server):
    """How long the process stays after all of the service has ended: what it gives to Grafana."""
    assert server.terminate() == 0
    left = time.time()
    ended = next(e for e in server.events() if e["event_name"] == "server.ended")["timestamp"]
    seconds = time.mktime(time.strptime(ended[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + float(ended[19:-1])
    return left - seconds


@pytest.mark.parametrize("illness", ["hangs", "drips"])
def test_a_grafana_that_does_not_come_to_an_end_delays_nothing(start_server, make_grafana, token_file, illness):
    """Each attempt has 3 seconds, and both are outstanding here: the process gives them one in all."""
    grafana = make_grafana(illness)
    server = start_server("--grafana-url", grafana.url, "--grafana-token-file", token_file)
    eventually(lambda: grafana.requests, 10, "the start is being told")
    assert server.increment("a", 1) == 1
    assert seconds_beyond_the_end(server) < 3 * settings.TIME_SCALE
    assert not told(server) and "does not answer" in told(server, "annotation.failed")[-1]["reason"]


def test_a_grafana_that_hangs_is_given_up_while_the_service_goes_on(start_server, make_grafana):
    grafana = make_grafana("hangs")
    server = start_server("--grafana-url", grafana.url)
    eventually(lambda: told(server, "annotation.failed"), 20, "the attempt is given up")
    assert server.increment("a", 1) == 1
    assert len(grafana.requests) == 1  # and not repeated


def test_a_grafana_behind_a_full_backlog_delays_nothing(start_server):
    """Connecting itself hangs: the listener takes nobody."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(listener.getsockname())
        server = start_server("--grafana-url", f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert server.increment("a", 1) == 1
        assert seconds_beyond_the_end(server) < 3 * settings.TIME_SCALE
        for one in waiting:
            one.close()


def test_a_grafana_that_fails_is_logged_and_no_more(start_server, make_grafana):
    server = start_server("--grafana-url", make_grafana("fails").url)
    assert start_is_told(server).terminate() == 0
    failures = told(server, "annotation.failed")
    assert [e["moment"] for e in failures] == ["start", "stop"] and all("500" in e["reason"] for e in failures)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://no-such-host.invalid:3000"])
def test_a_grafana_that_is_not_there_is_logged_and_no_more(start_server, url):
    server = start_server("--grafana-url", url)
    assert server.increment("a", 1) == 1
    assert start_is_told(server).terminate() == 0
    assert told(server, "annotation.failed") and not told(server)


@pytest.mark.parametrize("content", [None, "", "two words\n"])
def test_without_a_token_where_one_is_meant_nothing_is_asked(start_server, make_grafana, tmp_path, content):
    grafana, path = make_grafana(), tmp_path / "token"
    if content is not None:
        path.write_text(content)
    server = start_server("--grafana-url", grafana.url, "--grafana-token-file", str(path))
    assert start_is_told(server).terminate() == 0
    assert not grafana.requests and all("--grafana-token-file" in e["reason"] for e in told(server, "annotation.failed"))


@pytest.mark.parametrize("flags, word", [
    (["--grafana-url", "grafana:3000"], "--grafana-url"), (["--grafana-url", "http://"], "--grafana-url"),
    (["--grafana-url", "http://user:password@grafana"], "--grafana-url"), (["--grafana-url", "http://grafana/?a=b"], "--grafana-url"),
    (["--grafana-url", "unix:/x"], "--grafana-url"), (["--grafana-token-file", "x"], "--grafana-token-file"),
    (["--grafana-url", "http://grafana", "--grafana-folder-uid", "a/b"], "--grafana-folder-uid"),
    (["--grafana-url", "http://grafana", "--grafana-folder-uid", "a", "--grafana-dashboard-uid", "b"], "--grafana-dashboard-uid")])
def test_options_that_make_no_sense_are_a_mistake_on_the_command_line(tmp_path, flags, word):
    done = run(*flags, home=tmp_path)
    assert done.returncode == 2 and word in done.stderr and "password" not in done.stderr
