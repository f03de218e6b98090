"""Manual pages and completions, as the build makes them of the tables: well-formed, and nothing of `help` is missing."""

import re
import shutil
import subprocess

import pytest

from lib import settings

BUILT = settings.binary().parent / "deploy" / "manual"
PAGES = ("simple-request.1", "simple-request.8")


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **more)


@pytest.fixture(scope="module")
def help_text():
    return run(settings.binary(), "help").stdout


@pytest.fixture(scope="module")
def flags(help_text):
    found = re.findall(r"^  --([a-z-]+)", help_text, re.MULTILINE)
    assert len(found) > 30
    return found


@pytest.fixture(scope="module")
def commands(help_text):
    listed = help_text.split("Commands:\n", 1)[1].split("\n\n", 1)[0]
    usages = [re.split("  +", line.strip())[0] for line in listed.splitlines()]
    return [" ".join(word for word in usage.split() if word.isalpha() and word.islower()) for usage in usages]


def complete(*words):
    """What bash offers for the last of the words."""
    script = ('source "$0"; COMP_WORDS=(simple-request "$@"); COMP_CWORD=$#; COMPREPLY=(); '
              '_simple_request 2>&1; printf "%s\\n" "${COMPREPLY[@]}"')
    return run("bash", "-c", script, BUILT / "simple-request", *words).stdout.split()


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_fault_that_mandoc_finds(page):
    if shutil.which("mandoc") is None:
        pytest.skip("no mandoc on this machine")
    done = run("mandoc", "-Tlint", "-Wwarning", BUILT / page)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_pages_tell_every_command_and_option(flags, commands):
    text = "".join((BUILT / page).read_text() for page in PAGES).replace("\\-", "-")
    items = re.findall(r"^\.It (?:Fl Fl )?(.*)$", text, re.MULTILINE)
    for name in flags + commands:
        assert any(item == name or item.startswith(name + " ") for item in items), name


def test_completions_are_well_formed():
    assert run("bash", "-n", BUILT / "simple-request").stderr == ""
    if shutil.which("zsh") is not None:
        assert run("zsh", "-n", BUILT / "_simple-request").stderr == ""


def test_bash_completes_every_command_and_option(flags, commands):
    assert set(complete("")) == {command.split()[0] for command in commands}
    assert set(complete("journal", "")) == {"dump", "salvage"}
    assert set(complete("serve", "--")) | set(complete("get", "--")) == {f"--{flag}" for flag in flags}
    assert complete("token", "--") == []


def test_bash_completes_the_choices_of_an_option():
    assert complete("serve", "--durability", "") == ["fsync", "write", "none"]
    assert complete("serve", "--durability", "n") == ["none"]
    assert complete("serve", "--port", "") == []


def test_zsh_offers_every_command_and_option(flags, commands):
    text = (BUILT / "_simple-request").read_text()
    for flag in flags:
        assert f"'--{flag}[" in text, flag
    for command in commands:
        assert f"'{command}:" in text, command
