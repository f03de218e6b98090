"""What a client knows about its increments: acknowledged, unanswered, refused, highest total seen."""

from collections import Counter, defaultdict


class Ledger:
    def __init__(self):
        self.acknowledged = defaultdict(int)
        self.unanswered = defaultdict(int)
        self.refused = defaultdict(int)
        self.highest = {}  # the highest total an answer named: a crash must not take it back
        self.statuses = Counter()
        self.unknown = 0  # 202: counted, total not known
        self.answers = {}  # per key, in order of arrival; only where asked for
        self.latencies = []
        self.sent = 0

    def add(self, other):
        """Takes in another ledger over the same counters."""
        for name in ("acknowledged", "unanswered", "refused"):
            mine = getattr(self, name)
            for key, value in getattr(other, name).items():
                mine[key] += value
        for key, value in other.highest.items():
            self.highest[key] = max(value, self.highest.get(key, value))
        self.statuses.update(other.statuses)
        self.unknown += other.unknown
        self.sent += other.sent

    def check(self, totals):
        """acknowledged <= total <= acknowledged + unanswered for every key (positive increments)."""
        wrong = []
        for key in self.acknowledged.keys() | self.unanswered.keys() | totals.keys():
            total, least = totals.get(key, 0), self.acknowledged.get(key, 0)
            most = least + self.unanswered.get(key, 0)
            if not max(least, self.highest.get(key, 0)) <= total <= most:
                wrong.append(f"{key}: acknowledged {least}, total {total}, at most {most}, "
                             f"highest answer {self.highest.get(key)}")
        assert not wrong, f"{len(wrong)} keys wrong: {wrong[:5]}"

    def check_exact(self, totals):
        """Nothing is unanswered or refused and every total is what was acknowledged."""
        assert not self.unanswered and not self.refused, (
            f"unanswered {dict(list(self.unanswered.items())[:3])}, "
            f"refused {dict(list(self.refused.items())[:3])}, statuses {dict(self.statuses)}")
        self.check(totals)

    def settle(self, totals):
        """check() with nothing in flight: then what was unanswered is known, and later checks bind as tightly as this one."""
        self.check(totals)
        self.acknowledged = defaultdict(int, totals)
        self.unanswered = defaultdict(int)
