#!/usr/bin/python3
"""Spoils the source in one place at a time and demands that the simulation finds it: the proof that its judge can fail.

Each spoilt build starts from the tree as git knows it, in one scratch directory, so that only what changed is compiled.
The short form begins each search with a seed that is known to find it; --fresh takes seeds that nobody chose.
Usage: sabotage.py [--seconds 60] [--jobs N] [--only PART-OF-NAME] [--fresh]; make sabotage.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HISTORIES = 1000000  # more than fit the time

# name, then edits: file, text that stands in it once, what stands there instead
SABOTAGES = [
    ("skip one fsync", [
        ("src/journal/commit.c", "    result = j->disk->sync(j->disk, j->current->file, err);\n    sr_histogram", "    (void)err;\n    result = SR_OK;\n    sr_histogram")]),
    ("acknowledge before the fsync", [
        ("src/journal/journal.c", "    return atomic_load(&j->durable);", "    return atomic_load(&j->handed);")]),
    ("flush before the seal is durable", [
        ("src/sync/epoch.c", "if (journal_synced(f->options.journal) < f->seal_position) {", "if (f->seal_position == 0) {")]),
    ("forget the fence", [
        ("test/unit/store/fake_apply.c", "writer->epoch != epoch->predecessor ||", "")]),
    ("apply twice after a lost COMMIT answer", [
        ("src/sync/claim.c", "        complete_unknown(f);\n", "        f->applied = f->slot_predecessor;\n"),
        ("src/sync/claim.c", "static void complete_unknown(struct flusher *f)", "void complete_unknown(struct flusher *f);\nvoid complete_unknown(struct flusher *f)"),
        ("test/unit/store/fake_apply.c", "writer->epoch != epoch->predecessor ||", "")]),
    ("skip the directory sync", [
        ("src/journal/state_writer.c", "    return w->disk->sync_directory(w->disk, err);", "    return SR_OK;")]),
    ("accept a torn frame", [
        ("src/journal/frame.c", "if (sr_get_u32(base + 4) != sr_crc32c(0, base + 8, JOURNAL_FRAME_HEADER + payload - 8)) {", "if (payload == UINT32_MAX) {")]),
    ("checksum without the file id", [
        ("src/journal/scan_raw.c", " &&\n           ret_frame->file_id == r->file->header.file_id;", ";")]),
    ("retry a failed fsync", [
        ("src/journal/commit.c", "    result = j->disk->sync(j->disk, j->current->file, err);\n    sr_histogram",
         "    result = j->disk->sync(j->disk, j->current->file, err);\n    if (result != SR_OK) {\n"
         "        result = j->disk->sync(j->disk, j->current->file, err);\n    }\n    sr_histogram")]),
    ("retire a file too early", [
        ("src/journal/retain.c", "if (raw->newest_epoch <= j->covered_epoch) {", "if (raw->newest_epoch <= j->covered_epoch + 1) {")]),
    ("drop the second look of turn against tick", [
        ("src/server/engine_turn.c", "if (again == epoch) {", "if (again > 0) {")]),
    ("install a stale load", [
        ("src/core/counters_load.c", "return loaded_epoch >= counters_applied(c) && ", "return ")]),
    ("evict a touched key", [
        ("src/core/counters_evict.c", "(entry_flags(e) & ENTRY_HELD) != 0", "(entry_flags(e) & ENTRY_HELD & ~ENTRY_KINDS) != 0")]),
    ("release a reply before an overlapping turn", [
        ("src/server/engine_turn.c", "        if ((turn & 1) != 0) {\n            row[i] = turn;", "        if (turn == UINT64_MAX) {\n            row[i] = turn;")]),
    ("let a fresh file replace before it holds what it replaces", [
        ("src/journal/raw_file.c", "struct journal_header spare = {.kind = JOURNAL_FILE_SPARE, .file_id = id};",
         "struct journal_header spare = {.kind = JOURNAL_FILE_RAW,\n                                   .file_id = id,\n"
         "                                   .first_sequence = j->durable_sequence + 1,\n"
         "                                   .needed_file_id = j->closed.first->file_id};")]),
    ("forget the token at recovery", [
        ("src/journal/recover.c", "    result = requests_take(&merge->requests, record, in->frame->sequence, err);\n", "    result = SR_OK;\n")]),
    ("skip the take-back of a duplicate", [
        ("src/sync/apply.c", "        takeback_request(&a->takeback, index);\n", "        (void)index;\n")]),
    ("bring tokens outside of the flush transaction", [
        ("test/unit/store/fake_apply.c", "fake_apply_requests(&transaction->state, source,", "fake_apply_requests(&connection->database->state, source,")]),
    ("tear a batch over two frames", [
        ("src/server/engine_turn.c", "        atomic_store(&w->handed, journal_hand_over(journal, sr_buffer_span(&w->records),\n"
         "                                                   w->record_count, w->counters_turn.epoch));",
         "        struct sr_span rest = sr_buffer_span(&w->records);\n        struct record record;\n        size_t size = 0;\n\n"
         "        SR_CHECK(record_decode(rest, &record, &size) == SR_OK);\n"
         "        (void)journal_hand_over(journal, (struct sr_span){.data = rest.data, .size = size}, 1, w->counters_turn.epoch);\n"
         "        w->reserved -= size;\n        w->records.size -= size;\n        rest.data += size;\n        rest.size -= size;\n"
         "        if (atomic_load(&w->turn) > 0 && rest.size > 0) {\n"
         "            atomic_store(&w->handed, journal_hand_over(journal, rest, w->record_count - 1, w->counters_turn.epoch));\n"
         "        } else {\n            atomic_store(&w->handed, journal_handed(journal));\n        }")]),
    ("compact from the live table", [
        ("src/sync/flusher.c", "journal_compact(f->options.journal, f->open_epoch, f->last_sealed, &err)", "flusher_epoch_save_open(f, &err)")]),
]

# A seed that finds each, for the short form. Any change to what histories draw makes them seeds like any other: put the
# ones in that --fresh prints.
SEEDS = {
    "skip one fsync": 1,
    "acknowledge before the fsync": 2,
    "flush before the seal is durable": 2,
    "forget the fence": 12,
    "apply twice after a lost COMMIT answer": 2,
    "skip the directory sync": 1,
    "accept a torn frame": 2,
    "checksum without the file id": 1,
    "retry a failed fsync": 41,
    "retire a file too early": 4,
    "drop the second look of turn against tick": 30,
    "install a stale load": 1,
    "evict a touched key": 10,
    "release a reply before an overlapping turn": 1,
    "let a fresh file replace before it holds what it replaces": 41,
    "forget the token at recovery": 9,
    "skip the take-back of a duplicate": 10,
    "bring tokens outside of the flush transaction": 9,
    "tear a batch over two frames": 2,
    "compact from the live table": 2,
}


def files_of_git():
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    return [name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


class Scratch:
    """A copy of the tree with its own build directory."""

    def __init__(self, directory):
        self.tree = pathlib.Path(directory) / "tree"
        self.build = pathlib.Path(directory) / "build"
        self.spoilt = {}
        for name in files_of_git():
            (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, self.tree / name)

    def spoil(self, edits):
        """Applies the edits; returns what is wrong with them, or None."""
        self.spoilt = {self.tree / name: (self.tree / name).read_text(encoding="utf-8") for name, _, _ in edits}
        for name, old, new in edits:
            path = self.tree / name
            text = path.read_text(encoding="utf-8")
            if text.count(old) != 1:
                return f"the text to replace stands {text.count(old)} times in {name}: {old!r}"
            path.write_text(text.replace(old, new), encoding="utf-8")
        return None

    def mend(self):
        """Takes the last edits back, with a fresh time stamp: the objects of the spoilt text are made again."""
        for path, text in self.spoilt.items():
            path.write_text(text, encoding="utf-8")
        self.spoilt = {}

    def compile(self):
        """Builds the simulation; returns the errors, or None."""
        done = subprocess.run([self.tree / "scripts/build", self.build, "--only", "test/simulation/simulate", "-Dtests=enabled"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        errors = [line for line in done.stdout.decode().splitlines() if "error:" in line]
        return None if done.returncode == 0 else "does not compile: " + (errors or [done.stdout.decode()])[0]

    def simulate(self, seconds, jobs, first, histories=HISTORIES):
        """Runs seeds from the first on (0: fresh ones) until a violation, for at most so long; returns what it printed and
        the time it took."""
        started = time.monotonic()
        done = subprocess.run([self.build / "test/simulation/simulate", str(histories), str(first), str(jobs)],
                              env={**os.environ, "SIMULATE_SECONDS": str(seconds)}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.stdout.decode(errors="replace"), time.monotonic() - started


def violation(text):
    found = re.search(r"^VIOLATION seed \d+: .*$", text, re.MULTILINE)
    return found.group(0) if found else None


def attempt(scratch, edits, options, first):
    """Returns (whether the judge found what is spoilt, what to say)."""
    wrong = scratch.spoil(edits) or scratch.compile()
    if wrong:
        return False, wrong
    text, took = scratch.simulate(options.seconds, options.jobs, first)
    said = violation(text)
    return said is not None, f"{took:5.1f} s  {said or 'no violation'}"


def control(scratch, options):
    """The same without anything spoilt: in the short form the very seeds that find the sabotages."""
    wrong = scratch.compile()
    if wrong:
        return False, wrong
    if options.fresh:
        runs = [scratch.simulate(options.seconds, options.jobs, 0)]
    else:
        runs = [scratch.simulate(options.seconds, 1, seed, 1) for seed in sorted(set(SEEDS.values()))]
    said = [violation(text) for text, _ in runs if violation(text)]
    return not said, f"{sum(took for _, took in runs):5.1f} s  {said[0] if said else 'no violation'}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="sabotage-") as directory:
        scratch = Scratch(directory)
        tries = [("nothing spoilt", None)] + [(name, edits) for name, edits in SABOTAGES if options.only in name]
        for name, edits in tries:
            first = 0 if options.fresh else SEEDS.get(name, 1)
            good, said = attempt(scratch, edits, options, first) if edits else control(scratch, options)
            scratch.mend()
            passed += good
            failed += not good
            print(f"{'ok  ' if good else 'FAIL'} {name:60} {said}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
