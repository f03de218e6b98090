"""`simple-request import`: files added or set, each line counted once whatever is killed in between."""

import contextlib
import json
import os
import pty
import random
import subprocess

import pytest

from lib import child, settings
from lib.postgres import free_port
from lib.server import environment, run
from lib.store import SqliteStore
from lib.waiting import eventually

OK, REFUSED, USAGE, NOT_FOUND, UNREACHABLE = range(5)
MAX = 2**63 - 1


def write_lines(path, pairs):
    path.write_text("".join(json.dumps({"key": key, "value": value}) + "\n" for key, value in pairs))
    return path


def url_of(server):
    return f"http://127.0.0.1:{server.port}"


def load(server, *arguments, **more):
    """One import to its end."""
    return run("import", *map(str, arguments), "--url", url_of(server), home=server.directory, **more)


def summary(done):
    assert (done.returncode, done.stderr) == (OK, ""), done
    return json.loads(done.stdout)


def begin(server, *arguments):
    """An import that the test kills."""
    command = [str(settings.binary()), "import", *map(str, arguments), "--url", url_of(server)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=environment(server.directory), cwd=server.directory, preexec_fn=child.end_with_parent)


def settled(path):
    """Up to which line all is counted, by the resume file, which is replaced as a whole."""
    with contextlib.suppress(FileNotFoundError):
        return int(dict(line.split(" ", 1) for line in path.read_text().splitlines())["lines"])
    return 0


def await_line(importer, path, line):
    """False where the import ended first."""
    eventually(lambda: settled(path) >= line or importer.poll() is not None, 60, f"line {line} is counted")
    return importer.poll() is None


def totals(server):
    """As the service has them, by its own list."""
    done = run("list", "--json", "--url", url_of(server), home=server.directory)
    assert done.returncode == OK, done
    return {line["key"]: line["value"] for line in map(json.loads, done.stdout.splitlines())}


def sums_of(pairs):
    sums = {}
    for key, value in pairs:
        sums[key] = sums.get(key, 0) + value
    return sums


# ---- what is said of files ----

def test_a_file_is_added_once_and_its_name_adds_it_once_more(start_server, store, tmp_path):
    server = start_server(store=store)
    server.increment("a", 100)
    pairs = [("a", 1), ('quo"te\\\n', -5), ("é\U0010ffff", MAX), ("a", 2), ("zero", 0)]
    path = write_lines(tmp_path / "f.ndjson", pairs)
    done = load(server, path)
    assert (done.returncode, done.stderr) == (OK, "") and "5 of 5 counters added, in" in done.stdout
    wanted = sums_of([("a", 100), *pairs])
    assert totals(server) == wanted
    again = load(server, path)
    assert again.returncode == OK and "5 were counted before" in again.stdout and "--id" in again.stderr
    (tmp_path / "f.ndjson.import").unlink()
    told = summary(load(server, path, "--json"))
    assert (told["counted"], told["replayed"]) == (0, 5)
    assert totals(server) == wanted
    small = write_lines(tmp_path / "small.ndjson", pairs[3:])
    for number in range(2):
        assert summary(load(server, small, "--id", f"run{number}", "--json"))["counted"] == 2
    assert totals(server) == sums_of([*wanted.items(), ("a", 4)])


def test_set_sets_and_of_a_key_that_comes_twice_the_last_total_stays(start_server, store, tmp_path):
    server = start_server(store=store)
    server.increment("a", 100)
    path = write_lines(tmp_path / "f.ndjson", [("a", 1), ("b", -MAX - 1), ("a", 7), ("%/ ?", 3)])
    done = load(server, path, "--set")
    assert (done.returncode, done.stderr) == (OK, "") and "4 of 4 counters set" in done.stdout
    assert totals(server) == {"a": 7, "b": -MAX - 1, "%/ ?": 3}
    server.increment("a", 1)
    assert load(server, path, "--set").returncode == OK
    assert server.total("a") == 7, "to set totals again is what was asked for"


def test_an_export_of_one_store_is_imported_into_another(start_server, postgres, tmp_path):
    first, second = start_server(), start_server(store=postgres)
    for key, value in {"a": 1, "\n": -7, "é": MAX}.items():
        first.increment(key, value)
    path = tmp_path / "all.ndjson"
    assert run("export", "--output", str(path), "--url", url_of(first), home=first.directory).returncode == OK
    assert load(second, path, "--set").returncode == OK
    assert totals(second) == totals(first) == {"a": 1, "\n": -7, "é": MAX}


BAD = [
    ("not json", "line 2"),
    ('{"key":"b","value":1.5}', "line 2"),
    ('{"key":"b","value":"1"}', "line 2"),
    ('{"key":"b","value":9223372036854775808}', "line 2"),
    ('{"key":"","value":1}', "line 2"),
    ('{"key":"' + "b" * 600 + '","value":1}', "line 2"),
    ('{"value":1}', "line 2"),
    ("[]", "line 2"),
    ('{"key":"b","value":1}{"key":"c","value":1}', "line 2"),
    ('{"key":"' + "b" * 3_000_000 + '","value":1}', "line 2: the line has more than 16384 bytes"),
]


@pytest.fixture(scope="module")
def untouched(shared_server):
    """Nothing may come to be counted here."""
    yield shared_server
    assert totals(shared_server) == {}


@pytest.mark.parametrize("line, words", BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_bad_line_is_named_and_nothing_is_sent(untouched, tmp_path, line, words):
    path = tmp_path / "f.ndjson"
    path.write_text('{"key":"a","value":1}\n' + line + '\n\n{"key":"c","value":1}\n')
    done = load(untouched, path)
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert words in done.stderr and "1 of 3 lines are wrong, nothing was sent" in done.stderr
    assert len(done.stderr) < 1000 and not (tmp_path / "f.ndjson.import").exists()


def test_of_many_bad_lines_twenty_are_told(untouched, tmp_path):
    path = tmp_path / "f.ndjson"
    path.write_bytes(b'\xff\n{"key":"\xff","value":1}\n' * 1000)
    done = load(untouched, path)
    assert done.returncode == REFUSED and "line 20: " in done.stderr and "line 21: " not in done.stderr
    assert "2000 of 2000 lines are wrong" in done.stderr


def test_what_is_no_file_or_no_option_is_said(untouched, tmp_path):
    for arguments, words in ((["nowhere"], "nowhere"), ([tmp_path], "no regular file"), ([], "FILE is missing"),
                             (["f", "--batch", "0"], "--batch"), (["f", "--connections", "17"], "--connections")):
        done = load(untouched, *arguments)
        assert (done.returncode, done.stdout) == (USAGE, "") and words in done.stderr, done
    empty = tmp_path / "empty"
    empty.write_text("\n\n")
    assert "0 of 0 counters added" in load(untouched, empty).stdout


def test_who_is_not_there_is_unreachable_at_once(tmp_path):
    path = write_lines(tmp_path / "f", [("a", 1)])
    done = run("import", str(path), "--url", f"http://127.0.0.1:{free_port()}", home=tmp_path, timeout=20)
    assert done.returncode == UNREACHABLE and "is the service running there" in done.stderr


def test_standard_input_is_read_to_its_end_and_counted_once(start_server, tmp_path):
    server = start_server()
    pairs = [(f"k{number}", number) for number in range(1, 301)]
    text = write_lines(tmp_path / "f", pairs).read_text()
    for counted in (300, 0):
        done = subprocess.run([str(settings.binary()), "import", "-", "--url", url_of(server), "--json", "--batch", "7"],
                              input=text, text=True, capture_output=True, env=environment(tmp_path), cwd=tmp_path, timeout=60)
        assert summary(done)["counted"] == counted
    assert totals(server) == dict(pairs) and sorted(os.listdir(tmp_path)) == ["f", "server1"]


def test_a_total_that_would_leave_the_range_is_named_and_the_same_command_goes_on(start_server, tmp_path):
    server = start_server()
    server.increment("full", MAX)
    pairs = [(f"k{number}", 1) for number in range(40)]
    pairs[25] = ("full", 1)
    path = write_lines(tmp_path / "f", pairs)
    done = load(server, path, "--batch", "10", "--connections", "1")
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert "line 26: " in done.stderr and "none of the lines 21 to 30 was counted" in done.stderr
    assert "all up to line 20 is counted" in done.stderr and len(totals(server)) == 21
    server.set("full", 0)
    told = summary(load(server, path, "--batch", "10", "--json"))
    assert (told["counted"], told["resumed"]) == (20, 20)
    assert totals(server) == sums_of(pairs)


def test_a_busy_service_is_waited_for_and_a_terminal_is_shown_how_far_it_is(start_server, tmp_path):
    """More than the allowance: 429 with Retry-After, so that it takes longer than what is shown stays unchanged."""
    server = start_server("--rate-limit", "1000/s", "--rate-limit-burst", "500")
    pairs = [(f"k{number}", 1) for number in range(1500)]
    path = write_lines(tmp_path / "f", pairs)
    ours, theirs = pty.openpty()
    command = [str(settings.binary()), "import", str(path), "--url", url_of(server), "--batch", "50"]
    shown = b""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs,
                          env=environment(tmp_path), preexec_fn=child.end_with_parent) as importer:
        os.close(theirs)
        with contextlib.suppress(OSError):  # the terminal is gone with its last writer
            while part := os.read(ours, 65536):
                shown += part
        assert importer.wait() == OK and b"1500 of 1500 counters added" in importer.stdout.read()
    os.close(ours)
    assert b"\radding: " in shown and b" of 1,500 counters, " in shown and shown.endswith(b"\r\x1b[K")
    assert server.terminate() == 0 and SqliteStore(server.data_dir / "counters.db").totals() == dict(pairs)


def test_a_batch_that_the_service_never_takes_is_said(start_server, tmp_path):
    """Larger than its limits: no waiting helps."""
    path = write_lines(tmp_path / "f", [(f"k{number}", 1) for number in range(500)])
    for options in (("--rate-limit", "100/s"), ("--body-limit", "4096")):
        done = load(start_server(*options), path)
        assert (done.returncode, done.stdout) == (REFUSED, "") and "a smaller --batch" in done.stderr, done
        path.with_name("f.import").unlink()


def test_an_import_in_the_middle_goes_nowhere_else(start_server, tmp_path):
    server, other = start_server(), start_server()
    path = write_lines(tmp_path / "f", [("k", 1)] * 20 + [("full", MAX), ("full", 1)])
    assert load(server, path, "--batch", "10").returncode == REFUSED
    for arguments, words in ((["--set"], "without --set"), (["--batch", "11"], "another --batch"),
                             (["--batch", "10", "--id", "x"], "another --id")):
        done = load(server, path, *arguments)
        assert done.returncode == USAGE and words in done.stderr, done
    assert load(other, path, "--batch", "10").returncode == USAGE and totals(other) == {}
    write_lines(path, [("k", 1)] * 20)
    done = load(server, path, "--batch", "10")
    assert done.returncode == USAGE and "has changed" in done.stderr
    assert totals(server) == {"k": 20}


def test_beyond_the_services_memory_nothing_is_guessed(start_server, tmp_path):
    """The batches that may have been counted are in doubt once the window is over: the user is asked."""
    server = start_server("--idempotency-window", "1h")
    server.increment("full", MAX)
    pairs = [("k", 1)] * 20 + [("full", 1)] * 10 + [("k", 1)] * 10
    path = write_lines(tmp_path / "f", pairs)
    command = [path, "--batch", "10", "--connections", "1"]
    assert load(server, *command).returncode == REFUSED
    resume = tmp_path / "f.import"
    old = [line if not line.startswith("since ") else "since 1000" for line in resume.read_text().splitlines()]
    resume.write_text("\n".join(old) + "\n")
    done = load(server, *command)
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert "--in-doubt skip" in done.stderr and "behind 20, the next 20" in done.stderr
    assert server.total("k") == 20
    server.set("full", 0)
    assert summary(load(server, *command, "--in-doubt", "send", "--json"))["counted"] == 20
    assert (server.total("k"), server.total("full")) == (30, 10)


# ---- kill -9 ----

def file_to_kill(path, sets, seed):
    """More lines than keys: a batch that is counted twice or not at all shows in several totals."""
    draw = random.Random(seed)
    lines = 200 if sets else 2000
    pairs = [(f"key{draw.randrange(lines // 3)}", draw.randrange(-1000, 1000)) for _ in range(lines)]
    return write_lines(path, pairs), dict(pairs) if sets else sums_of(pairs), lines


def kills(short):
    return settings.count("IMPORT_KILLS", short, long=250)


MODES = pytest.mark.parametrize("mode", ["add", "set"])


def arguments_of(mode, path):
    return [path, "--set", "--batch", "10"] if mode == "set" else [path, "--batch", "25"]


def import_and_kill(server, command, resume, lines, draw):
    """Kills the importer in its middle until one run ends; how many kills met it there, and the last run's answer."""
    met = 0
    while True:
        importer = begin(server, *command)
        if await_line(importer, resume, settled(resume) + draw.randrange(lines // 3)):
            importer.kill()
            met += 1
        answer = importer.communicate(timeout=120)
        if importer.returncode == OK:
            return met, answer


@MODES
def test_an_importer_that_is_killed_counts_every_line_once(start_server, store, tmp_path, mode):
    server = start_server("--sync-interval", "100ms", store=store)
    draw, met, cycle = random.Random(1), 0, 0
    while met < kills(short=3):
        path, wanted, lines = file_to_kill(tmp_path / f"f{cycle}", mode == "set", seed=cycle)
        resume = tmp_path / f"f{cycle}.import"
        before = totals(server)
        met += import_and_kill(server, arguments_of(mode, path), resume, lines, draw)[0]
        expected = before | wanted if mode == "set" else sums_of([*before.items(), *wanted.items()])
        assert totals(server) == expected
        cycle += 1
    assert server.terminate() == 0
    assert store.totals() == expected
    print(f"{met} kills of the importer in {cycle} imports of {lines} lines")


def test_without_a_resume_file_the_keys_alone_count_once(start_server, store, tmp_path):
    server = start_server("--sync-interval", "100ms", store=store)
    path, wanted, lines = file_to_kill(tmp_path / "f", False, seed=1)
    importer = begin(server, *arguments_of("add", path))
    assert await_line(importer, tmp_path / "f.import", lines // 2)
    importer.kill()
    importer.communicate()
    (tmp_path / "f.import").unlink()
    told = summary(load(server, *arguments_of("add", path), "--json"))
    assert told["replayed"] >= lines // 2 and told["counted"] + told["replayed"] == lines
    assert totals(server) == wanted


@MODES
def test_a_service_that_is_killed_under_an_import_counts_every_line_once(start_server, store, tmp_path, mode):
    server = start_server("--sync-interval", "100ms", "--port", str(free_port()), store=store)
    draw, met, cycle, expected = random.Random(2), 0, 0, {}
    while met < kills(short=1):
        path, wanted, lines = file_to_kill(tmp_path / f"f{cycle}", mode == "set", seed=cycle)
        resume = tmp_path / f"f{cycle}.import"
        importer = begin(server, *arguments_of(mode, path))
        while await_line(importer, resume, settled(resume) + draw.randrange(1, lines // 2)):
            server.kill()
            server.start()
            met += 1
        answer = importer.communicate()
        assert importer.returncode == OK, answer
        expected = expected | wanted if mode == "set" else sums_of([*expected.items(), *wanted.items()])
        assert totals(server) == expected
        cycle += 1
    assert server.terminate() == 0
    assert store.totals() == expected
    print(f"{met} kills of the service in {cycle} imports of {lines} lines")
