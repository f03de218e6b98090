"""A strict reader of the Prometheus text format 0.0.4; every departure is a failure."""

import math
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|\Z)')
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


class Metrics:
    def __init__(self, text):
        assert text.endswith("\n"), "no newline at the end"
        self.types, self.helps, self.samples, self.values = {}, {}, [], {}
        self.order = []
        for line in text[:-1].split("\n"):
            self._line(line)
        self._check_families()
        self._check_histograms()

    def value(self, name, **labels):
        """The value of one series; KeyError where it is not there."""
        return self.values[(name, frozenset(labels.items()))]

    def sum(self, name, **labels):
        """The sum over all series of a name that carry these labels."""
        found = [v for n, ls, v in self.samples if n == name and labels.items() <= ls.items()]
        assert found, f"no series {name} {labels}"
        return sum(found)

    def _line(self, line):
        if line.startswith("# HELP "):
            name, _, text = line[7:].partition(" ")
            assert name not in self.helps and text, f"second or empty HELP: {line}"
            self.helps[name] = text
        elif line.startswith("# TYPE "):
            name, _, kind = line[7:].partition(" ")
            assert name in self.helps and name not in self.types, f"TYPE before HELP or twice: {line}"
            assert kind in TYPES, line
            self.types[name] = kind
        elif line and not line.startswith("#"):
            self._sample(line)

    def _sample(self, line):
        match = SAMPLE.match(line)
        assert match, f"not a sample: {line!r}"
        labels, at = {}, 0
        while match[2] and at < len(match[2]):
            label = LABEL.match(match[2], at)
            assert label and label[1] not in labels, f"bad labels: {line!r}"
            labels[label[1]] = label[2]
            at = label.end()
        value = float(match[3])
        series = (match[1], frozenset(labels.items()))
        assert series not in self.values, f"series twice: {line!r}"
        self.values[series] = value
        self.samples.append((match[1], labels, value))
        family = self._family(match[1])
        if not self.order or self.order[-1] != family:
            assert family not in self.order, f"family {family} is not in one piece"
            self.order.append(family)

    def _family(self, name):
        if name in self.types:
            return name
        base = re.sub(r"_(bucket|sum|count)\Z", "", name)
        assert self.types.get(base) in ("histogram", "summary"), f"{name} has no TYPE before it"
        return base

    def _check_families(self):
        for name, kind in self.types.items():
            assert (kind == "counter") == name.endswith("_total"), f"{name} is a {kind}"
        for name, _, value in self.samples:
            if self.types[self._family(name)] in ("counter", "histogram"):
                assert value >= 0 and not math.isnan(value), f"{name} is {value}"

    def _check_histograms(self):
        for family, kind in self.types.items():
            if kind != "histogram":
                continue
            series = {}
            for name, labels, value in self.samples:
                if name == f"{family}_bucket":
                    rest = frozenset((k, v) for k, v in labels.items() if k != "le")
                    series.setdefault(rest, []).append((float(labels["le"]), value))
            for rest, buckets in series.items():
                assert buckets == sorted(buckets), f"{family}: buckets out of order or not cumulative"
                counts = [count for _, count in buckets]
                assert counts == sorted(counts), f"{family}: buckets not cumulative"
                assert buckets[-1][0] == math.inf, f"{family}: no +Inf"
                assert self.values[(f"{family}_count", rest)] == counts[-1], family
                assert (f"{family}_sum", rest) in self.values, family


def scrape(server):
    response = server.get("/metrics")
    assert response.status == 200, response
    assert response.header("content-type").startswith("text/plain; version=0.0.4"), response
    return Metrics(response.body.decode("utf-8"))
