"""Every gate of scripts/lint must be able to fail: each is fed small trees, a clean one and bad ones."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = ROOT / "scripts" / "lint"

CLEAN = {
    "src/base/add.h": '/* Adds. */\n#ifndef ADD_H\n#define ADD_H\n\nint sr_add(int a, int b);\n\n#endif\n',
    "src/base/add.c": '/* Adds. */\n#include "base/add.h"\n\nint sr_add(int a, int b)\n{\n    return a + b;\n}\n',
    "src/base/meson.build": "base_sources = files('add.c')\n",
    "src/core/twice.h": '/* Doubles. */\n#ifndef TWICE_H\n#define TWICE_H\n\nint twice(int a);\n\n#endif\n',
    "src/core/twice.c": '/* Doubles. */\n#include "core/twice.h"\n\n#include "base/add.h"\n\nint twice(int a)\n{\n'
                        '    return sr_add(a, a);\n}\n',
    "src/core/meson.build": "core_sources = files('twice.c')\n",
    "src/http/parse.h": '/* Parses. */\n#ifndef PARSE_H\n#define PARSE_H\n\nint parse(void);\n\n#endif\n',
    "src/http/parse.c": '/* Parses. */\n#include "http/parse.h"\n\nint parse(void)\n{\n    return 1;\n}\n',
    "src/http/meson.build": "http_sources = files('parse.c')\n",
    "docs/ARCHITECTURE.md": "base/add, core/twice, and http/parse.c with parse.h\n",
}
BUILD_FILES = ("meson.build", "meson_options.txt", "scripts/build", "scripts/build-info", "test/meson.build",
               "test/unit/meson.build", ".clang-tidy")


@pytest.fixture
def tree(tmp_path):
    """A function that writes the clean tree with some files changed, added, or (None) left out."""
    def write(changed=()):
        for name, text in (CLEAN | dict(changed)).items():
            if text is not None:
                path = tmp_path / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        return tmp_path
    return write


@pytest.fixture
def buildable(tree):
    """The same with this repository's build files, so that it compiles."""
    def write(changed=()):
        root = tree(changed)
        for name in BUILD_FILES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        return root
    return write


def gate(name, *arguments):
    done = subprocess.run([str(LINT / name), *map(str, arguments)], stdin=subprocess.DEVNULL, text=True, timeout=100,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "STRICT": "", "CI": ""})
    return done.returncode, done.stdout


def assert_passes(name, *arguments):
    code, output = gate(name, *arguments)
    assert code == 0, output


def assert_refuses(words, name, *arguments):
    code, output = gate(name, *arguments)
    assert code not in (0, 77), output
    assert words in output


# ---- includes ----


def test_the_clean_tree_passes(tree):
    root = tree()
    for name in ("includes", "headers", "format", "portable", "documented"):
        assert_passes(name, root)


@pytest.mark.parametrize("name", ["includes", "headers", "format", "portable", "documented"])
def test_an_empty_tree_proves_nothing(name, tmp_path):
    code, _ = gate(name, tmp_path)
    assert code not in (0, 77)


def including(path, line):
    return {path: CLEAN.get(path, "/* New. */\n") + line + "\n"}


@pytest.mark.parametrize("path, line, words", [
    ("src/base/add.c", '#include "core/twice.h"', "base must not know core"),
    ("src/core/twice.c", '#include "http/parse.h"', "core must not know http"),
    ("src/http/parse.c", '#  include "core/twice.h"', "http must not know core"),
    ("src/store/store.c", '#include "http/parse.h"', "store must not know http"),
    ("src/core/twice.c", '#include "twice.h"', "does not name its folder"),
    ("src/core/twice.c", '#include "../base/add.h"', "does not name its folder"),
    ("src/core/twice.c", '#include "core/thrice.h"', "does not exist"),
    ("src/core/twice.c", '#include "build_info.h"', "is for command, main.c, metrics"),
    ("src/core/twice.c", "#include <sqlite3.h>", "belongs to command, main.c, store"),
    ("src/server/server.c", '#include "command/run.h"', "does not exist"),
    ("src/extra/new.c", '#include "base/add.h"', "does not know"),
    ("src/base/add.h", '#include "core/twice.h"', "base must not know core"),
])
def test_an_include_against_the_direction_is_refused(tree, path, line, words):
    assert_refuses(words, "includes", tree(including(path, line)))


def test_an_include_cycle_is_refused(tree):
    root = tree({"src/base/one.h": '#include "base/two.h"\n', "src/base/two.h": '#include "base/three.h"\n',
                 "src/base/three.h": '#include "base/one.h"\n'})
    assert_refuses("cycle: base/one.h -> base/two.h -> base/three.h -> base/one.h", "includes", root)


# ---- headers, format, portable, documented ----


def test_a_header_that_needs_another_first_is_refused(tree):
    assert_refuses("uint32_t", "headers", tree({"src/base/add.h": "/* Adds. */\nuint32_t sr_add(uint32_t a);\n"}))


def test_another_layout_is_refused(tree):
    assert_refuses("add.c", "format", tree({"src/base/add.c": "int sr_add(int a, int b) {\n  return a + b;\n}\n"}))


def test_a_long_comment_is_refused(tree):
    assert_refuses("add.h", "format", tree({"src/base/add.h": "/* " + "long " * 20 + "*/\n"}))


@pytest.mark.parametrize("line", [
    "/".join(["cd ", "home", "somebody", "project"]),
    "/".join(["see ", "work", "main", "src"]),
    "URIs: http://deb." + "debian.org/" + "debian",
    "deb http://mirror.example." + "ubuntu.com/" + "ubuntu noble main",
])
def test_a_machines_path_and_a_mirror_are_refused(tree, line):
    assert_refuses("notes.txt:1", "portable", tree({"notes.txt": line + "\n"}))


def test_the_machines_own_mirrors_are_refused(tree):
    script = f"import runpy; print(*runpy.run_path('{LINT}/portable')['own_mirrors'](), sep='\\n')"
    hosts = subprocess.run(["/usr/bin/python3", "-B", "-c", script], check=True, capture_output=True, text=True, cwd=LINT,
                           env=os.environ | {"PYTHONPATH": str(LINT)}).stdout.split()
    for host in hosts:
        assert_refuses(host, "portable", tree({"notes.txt": f"fetch from {host} first\n"}))


def test_a_source_file_that_no_page_names_is_refused(tree):
    assert_refuses("src/core/thrice.c is not named", "documented", tree({"src/core/thrice.c": "/* Triples. */\n"}))


def test_a_page_that_names_what_is_gone_is_refused(tree):
    assert_refuses("http/parse.c is named but not there", "documented", tree({"src/http/parse.c": None}))


def event_tree(rows):
    page = "".join(f"| `{name}` | INFO | told | |\n" for name in rows)
    return {"src/core/twice.c": CLEAN["src/core/twice.c"] + '\n/* */ static const char *told = "core.told";\n', "docs/EVENTS.md": page}


def test_an_event_that_no_page_describes_is_refused(tree):
    assert_refuses("does not describe the event core.told", "documented", tree(event_tree([])))


def test_an_event_that_is_gone_is_refused(tree):
    assert_refuses("describes core.lost, which the source does not have", "documented", tree(event_tree(["core.told", "core.lost"])))


def test_a_page_that_describes_every_event_passes(tree):
    assert_passes("documented", tree(event_tree(["core.told"])))


# ---- what needs a compiler ----


def compile_with_gcc(root):
    assert_passes("strict", "gcc", root)
    return root / "build-strict-gcc"


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_a_warning_is_refused(buildable, compiler):
    changed = CLEAN["src/core/twice.c"].replace("return sr_add(a, a)", "return (char)a + (a = sr_add(a, a), 1.5f)")
    assert_refuses("-Werror", "strict", compiler, buildable({"src/core/twice.c": changed}))


def test_a_clean_tree_compiles_and_is_pure(buildable):
    root = buildable()
    assert_passes("strict", "clang", root)
    assert_passes("pure", root, compile_with_gcc(root))


OUTSIDE = {
    "time": ("time.h", "(int)time(NULL)"),
    "clock_gettime": ("time.h", "clock_gettime(CLOCK_MONOTONIC, &(struct timespec){0})"),
    "puts": ("stdio.h", 'puts("hello")'),
    "close": ("unistd.h", "close(3)"),
    "getenv": ("stdlib.h", 'getenv("HOME") != NULL'),
    "rand": ("stdlib.h", "rand()"),
    "sched_yield": ("sched.h", "sched_yield()"),
    "pthread_exit": ("pthread.h", "(pthread_exit(NULL), 1)"),
}


def core_of(functions):
    """The files of a core whose file f<N>.c holds the N-th of the functions, each a pair of text before it and what it returns."""
    names = [f"f{number}" for number in range(len(functions))]
    declarations = "".join(f"int {name}(void);\n" for name in names)
    files = {"src/core/twice.h": CLEAN["src/core/twice.h"].replace("int twice(int a);\n", "int twice(int a);\n" + declarations),
             "src/core/meson.build": "core_sources = files('twice.c', " + ", ".join(f"'{name}.c'" for name in names) + ")\n"}
    for name, (before, expression) in zip(names, functions):
        files[f"src/core/{name}.c"] = f'#include "core/twice.h"\n{before}\nint {name}(void)\n{{\n    return {expression};\n}}\n'
    return files


def test_core_that_reaches_outside_is_refused(buildable):
    root = buildable(core_of([(f"#include <{header}>", call) for header, call in OUTSIDE.values()]))
    code, output = gate("pure", root, compile_with_gcc(root))
    assert code == 1
    assert output.splitlines() == [f"core/f{number}.c -> {symbol}" for number, symbol in enumerate(OUTSIDE)]


def test_core_that_reaches_outside_by_way_of_base_is_refused(buildable):
    root = buildable({"src/base/add.c": '/* Adds. */\n#include "base/add.h"\n\n#include <time.h>\n\nint sr_add(int a, int b)\n'
                                        "{\n    return a + b + (int)time(NULL);\n}\n"})
    assert_refuses("core/twice.c -> base/add.c -> time", "pure", root, compile_with_gcc(root))


def test_core_with_global_state_is_refused(buildable):
    root = buildable(core_of([("static int zero;", "zero++"), ("static int four = 4;", "four++"),
                              ("static _Thread_local int own;", "own++"), ("int open_to_all;", "open_to_all++"),
                              ('static const char *const names[] = {"a"};', "names[0][0]")]))
    code, output = gate("pure", root, compile_with_gcc(root))
    assert code == 1
    assert output.splitlines() == [f"core/f{number}.c: writable global {name}"
                                   for number, name in enumerate(["zero", "four", "own", "open_to_all"])]


def test_a_module_without_objects_proves_nothing(buildable):
    root = buildable({"src/http/meson.build": None})
    assert_refuses("http: no objects", "pure", root, compile_with_gcc(root))


USE_AFTER_FREE = {"src/core/twice.c": CLEAN["src/core/twice.c"].replace(
    "return sr_add", "int *gone = malloc(sizeof(*gone));\n    free(gone);\n    a += *gone;\n    return sr_add").replace(
    '#include "base/add.h"\n', '#include "base/add.h"\n\n#include <stdlib.h>\n')}


def test_a_finding_of_clang_tidy_is_refused(buildable):
    root = buildable(USE_AFTER_FREE)
    assert_passes("strict", "clang", root)
    assert_refuses("after it is freed", "tidy", root)


def test_a_finding_of_gccs_analyzer_is_refused(buildable):
    assert_refuses("Werror=", "analyzer", buildable(USE_AFTER_FREE))


def test_gccs_analyzer_passes_the_clean_tree(buildable):
    assert_passes("analyzer", buildable())


def test_clang_tidy_passes_the_clean_tree(buildable):
    root = buildable()
    assert_passes("strict", "clang", root)
    assert_passes("tidy", root)


@pytest.mark.parametrize("factor, code", [(1.0, 0), (0.5, 0), (1.04, 0), (1.06, 1)])
def test_a_rise_of_instructions_is_refused(tmp_path, factor, code):
    recorded = json.loads((ROOT / "bench" / "instructions.json").read_text(encoding="utf-8"))
    compiler, figures = next(iter(recorded.items()))
    counts = tmp_path / "counts.json"
    counts.write_text(json.dumps({name: value * factor for name, value in figures.items()}))
    assert gate("instructions", "--counts", counts, "--compiler", compiler)[0] == code


def test_instructions_that_were_not_counted_are_refused(tmp_path):
    counts = tmp_path / "counts.json"
    counts.write_text("{}")
    compiler = next(iter(json.loads((ROOT / "bench" / "instructions.json").read_text(encoding="utf-8"))))
    assert gate("instructions", "--counts", counts, "--compiler", compiler)[0] == 1


def test_instructions_of_an_unknown_compiler_are_not_checked(tmp_path):
    code, text = gate("instructions", "--counts", tmp_path / "none", "--compiler", "tcc 1 pdp11")
    assert code == 77 and "tcc 1 pdp11" in text


# ---- packaging ----

UNIT = "deploy/systemd/simple-request.service.in"


def test_a_unit_that_may_do_more_is_refused(tree):
    text = (ROOT / UNIT).read_text()
    assert_passes("packaging", tree({UNIT: text}))
    loosened = re.sub(r"(?m)^(PrivateUsers|SystemCallFilter|DynamicUser)=.*$", "", text)
    assert_refuses("exposure", "packaging", tree({UNIT: loosened}))
