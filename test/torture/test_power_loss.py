"""Power loss on real file systems, at every kind of moment: acknowledged <= total <= acknowledged + unanswered after each.

The process is frozen first, and only the answers that it had sent by then are acknowledgements: a sync that is under way
while the file system is shut down may return as if it had been done. Then the file system is cut off, the process killed,
the image mounted again, and the next life is asked for every total. What it answers must survive the next cut."""

import random
import shutil
import signal
import time
from collections import Counter

import pytest

from campaign import freeze, newest_file, stop_and_compare, totals_over_http
from images import KINDS, mounted
from lib import settings
from lib.ledger import Ledger
from lib.load import Load, keys_at_random
from lib.server import StartFailed
from lib.store import SqliteStore
from mixed import KINDS_OF_CHANGE, Mixed

pytestmark = pytest.mark.power_loss
KEYS = [f"key{n}" for n in range(150)] + [f"key{n}".ljust(500, "k") for n in range(50)]
FEWER_IMAGES = pytest.mark.parametrize("image", KINDS if settings.LONG else ["ext4-ordered"], indirect=True)
STATES = 2 << 20  # bytes of applied epochs that are kept: soon reached, so that state files come and go at each cut

# Short and long intervals: at a cut the newest epoch is open, sealed, on its way to the database, or applied.
INTERVALS = ("20ms", "60ms", "150ms")


def increments(server, seed):
    return Load(server.address, keys_at_random(KEYS, seed=seed), connections=24, depth=6).start()


def cut_under_load(server, draw, seed, load):
    """While commits, flushes and retirement go on."""
    running = load(server, seed)
    time.sleep(draw.uniform(0, 0.2))
    freeze(server)
    return running.abandon()


def cut_under_long_load(server, draw, seed, _):
    """Long enough for the journal to go on to its next file."""
    source = keys_at_random([key for key in KEYS if len(key) == 500], seed=seed)
    running = Load(server.address, source, connections=24, depth=24).start()
    time.sleep(draw.uniform(0.5, 1.5))
    freeze(server)
    return running.abandon()


def cut_during_drain(server, draw, seed, load):
    """After SIGTERM under load, until its end and behind it."""
    running = load(server, seed)
    time.sleep(draw.uniform(0.02, 0.08))
    server.signal(signal.SIGTERM)
    time.sleep(draw.uniform(0, 0.08))
    freeze(server)
    return running.abandon()


def cut_during_recovery(server, draw, seed, load):
    """The first requests of a life that has the journal of another one to bring in."""
    server.restart("kill", wait="listening")
    running = load(server, seed)
    time.sleep(draw.uniform(0, 0.05))
    freeze(server)
    return running.abandon()


def cut_during_start(server, draw, seed, load):
    """Anywhere between exec and the first connection, with increments of the life before to bring in."""
    running = load(server, seed)
    time.sleep(draw.uniform(0, 0.1))
    server.kill()
    ledger = running.stop()
    server.start(wait=None)
    time.sleep(draw.uniform(0, 0.04))
    freeze(server)
    return ledger


MOMENTS = (cut_under_load,) * 5 + (cut_during_drain,) * 2 + (cut_during_recovery,) * 2 + (cut_during_start,) * 2
RARE, EVERY = cut_under_long_load, 12


class Cuts:
    """One instance on one image, cut off again and again; every life begins with a comparison over HTTP."""

    keys = KEYS
    compare_every = 50  # cuts between proper stops, after which table, journal and writer's row are compared
    fresh_every = 100  # cuts between empty data directories

    def __init__(self, image, server, seed, intervals=INTERVALS):
        self.image, self.server, self.draw, self.seed, self.intervals = image, server, random.Random(seed), seed, intervals
        self.ledger, self.done, self.acknowledged, self.unanswered = self.empty_ledger(), 0, 0, 0
        self.file_changes = 0

    def empty_ledger(self):
        return Ledger()

    def load(self, server, seed):
        return increments(server, seed)

    def draw_moment(self):
        return RARE if self.done % EVERY == EVERY - 1 else self.draw.choice(MOMENTS)

    def run(self, count):
        self.server.start()
        for _ in range(count):
            moment = self.draw_moment()
            self.check(moment, self.one(moment))
            if self.done % self.compare_every == 0:
                self.compare()
        self.compare()

    def one(self, moment):
        """One cut and the recovery from it; the totals that the next life names."""
        self.done += 1
        first_file = newest_file(self.server.data_dir)
        seen = moment(self.server, self.draw, self.seed * 1_000_000 + self.done, self.load)
        self.lose_power()
        self.file_changes += moment is RARE and newest_file(self.server.data_dir) > first_file
        self.acknowledged += sum(seen.acknowledged.values())
        self.unanswered += sum(seen.unanswered.values())
        self.ledger.add(seen)
        self.recover()
        return totals_over_http(self.server, self.keys)

    def lose_power(self):
        ended = self.server.process.poll()
        assert ended in (None, 0), self.server.log()[-2000:]
        self.image.cut()
        self.server.kill()
        self.image.unmount()
        self.image.mount()

    def recover(self):
        self.server.options[:2] = ["--sync-interval", self.draw.choice(self.intervals)]
        try:
            self.server.start()
        except StartFailed as error:
            raise AssertionError(f"{self.place()}: the start is refused: {error}") from None

    def place(self):
        return f"seed {self.seed}, cut {self.done}"

    def check(self, moment, totals):
        try:
            self.ledger.settle(totals)
        except AssertionError as error:
            raise AssertionError(f"{self.place()}, {moment.__name__}: {error}") from None

    def compare(self):
        """The table at rest, `verify`; now and then another instance takes over with an empty directory."""
        stop_and_compare(self.server, self.ledger, self.keys)
        if self.done % self.fresh_every == 0:
            shutil.rmtree(self.server.data_dir)
            if isinstance(self.server.store, SqliteStore):
                self.ledger = self.empty_ledger()
        self.server.start()

    def losses(self, moment, count):
        """What is acknowledged and gone after each of some cuts, for a durability that promises less."""
        lost = 0
        self.server.start()
        for _ in range(count):
            totals = self.one(moment)
            lost += sum(max(0, least - totals.get(key, 0)) for key, least in self.ledger.acknowledged.items())
            self.ledger = Ledger()
            self.ledger.acknowledged.update(totals)
        return lost


class MixedCuts(Cuts):
    """The same with batches, PUT, DELETE and Idempotency-Keys: after each recovery what has no answer is repeated under its key."""

    keys, compare_every, fresh_every = Mixed().keys, 20, 40  # after which an old answer is in the database alone

    def empty_ledger(self):
        return Mixed(before=getattr(self, "ledger", None))

    def load(self, server, seed):
        return self.ledger.start(server, seed)

    def draw_moment(self):
        return self.draw.choice(MOMENTS)

    def check(self, moment, totals):
        super().check(moment, totals)
        self.ledger.repeat(self.server, self.draw)
        super().check(moment, totals_over_http(self.server, self.keys))


@pytest.fixture(params=KINDS)
def image(request):
    """A file system of each kind, mounted. It must outlive the servers on it: make_cuts takes it before make_server."""
    with mounted(request.param) as image:
        yield image


@pytest.fixture
def make_cuts(image, make_server):
    def make(store, *more, intervals=INTERVALS, kind=Cuts):
        options = ("--sync-interval", intervals[0], "--journal-limit", "64MiB", "--journal-retention-bytes", str(STATES))
        server = make_server(*options, *more, store=store, data_dir=image.point / "data")
        return kind(image, server, settings.count("POWER_SEED", short=1, long=1), intervals)

    return make


def tell(figures, cuts, count):
    assert cuts.acknowledged > 200 * count and cuts.unanswered, "no cut met a request"
    assert cuts.file_changes or count < EVERY, "no life went on to a second file"
    brought_in = sum(event["attributes"]["records"] > 0 for event in cuts.server.events()
                     if event["event_name"] == "journal.recovered")
    figures(cuts=count, acknowledged=cuts.acknowledged, unanswered=cuts.unanswered, lost=0, doubled=0,
            lives_with_records_to_bring_in=brought_in, lives_of_several_files=cuts.file_changes)


def test_no_power_cut_loses_or_invents_a_count(make_cuts, postgres, figures):
    count = settings.count("POWER_CUTS", short=12, long=500)  # on each kind of file system
    cuts = make_cuts(postgres)
    cuts.run(count)
    tell(figures, cuts, count)


def test_no_power_cut_loses_or_invents_a_count_with_the_sqlite_store_on_the_same_disk(make_cuts, image, figures):
    count = settings.count("POWER_CUTS_SQLITE", short=10, long=100)  # on each kind of file system
    cuts = make_cuts(SqliteStore(image.point / "data" / "counters.db"))
    cuts.run(count)
    tell(figures, cuts, count)


def test_the_same_cuts_take_from_a_service_that_does_not_sync(make_cuts, postgres, figures):
    """The judge can fail, and the cut does cut: --durability write promises nothing across power loss."""
    cuts = make_cuts(postgres, "--durability", "write", intervals=("1h",))
    lost = cuts.losses(cut_under_load, 4)
    assert lost > 0, "nothing was lost"
    figures(cuts=4, acknowledged=cuts.acknowledged, lost=lost)


@FEWER_IMAGES
def test_no_power_cut_tears_a_batch_undoes_a_set_or_counts_a_token_twice(make_cuts, postgres, figures):
    count = settings.count("POWER_CUTS_MIXED", short=3, long=100)  # on each kind of file system
    cuts = make_cuts(postgres, kind=MixedCuts)
    cuts.run(count)
    cuts.ledger.tell(figures, count)


@FEWER_IMAGES
def test_no_power_cut_tears_undoes_or_counts_twice_with_the_sqlite_store_on_the_same_disk(make_cuts, image, figures):
    count = settings.count("POWER_CUTS_MIXED", short=3, long=100)  # on each kind of file system
    cuts = make_cuts(SqliteStore(image.point / "data" / "counters.db"), kind=MixedCuts)
    cuts.run(count)
    cuts.ledger.tell(figures, count)


@FEWER_IMAGES
def test_the_same_cuts_take_every_kind_of_change_from_a_service_that_does_not_sync(make_cuts, postgres, figures):
    """Each judge can fail: what is wrong after a cut under --durability write is seen in batches, sets and tokens alike."""
    cuts = make_cuts(postgres, "--durability", "write", intervals=("1h",), kind=MixedCuts)
    lost = Counter()
    cuts.server.start()
    for life in range(3):
        cuts.ledger = Mixed(f"life{life}")
        cuts.keys = cuts.ledger.keys
        found = cuts.ledger.wrong(cuts.one(cut_under_load))
        lost.update({kind: len(lines) for kind, lines in found.items()})
    assert set(lost) == set(KINDS_OF_CHANGE), "not every kind lost something"
    figures(cuts=3, wrong_keys=dict(lost))
