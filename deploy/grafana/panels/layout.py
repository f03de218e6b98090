"""What a dashboard is made of: panels in sections, placed on Grafana's grid of 24 columns, as the JSON that Grafana 10 to 13 read.

In an expression `name{@}` stands for `name{job=~"$job",instance=~"$instance"}`, `name{@,a="b"}` for the same with a label more;
`rate(x)` and `increase(x)` without a range get [$__rate_interval].
"""

import re
from dataclasses import dataclass, field

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
SELECTOR = 'job=~"$job",instance=~"$instance"'
COLUMNS = 24
RATE = re.compile(r"\b(rate|increase)\((\w+(?:\{[^{}]*\})?)\)")


def written_out(expression):
    """The expression with its shorthand replaced, on one line."""
    text = re.sub(r"\s+", " ", expression).strip()
    return RATE.sub(r"\1(\2[$__rate_interval])", text.replace("{@", "{" + SELECTOR))


@dataclass
class Query:
    """One line of a graph, one figure, or one row of a table. legend: Grafana's template, `{{label}}` within."""

    expression: str
    legend: str = ""


@dataclass
class Panel:
    """kind: the panel's type in Grafana; options and defaults are merged into what the kind brings."""

    kind: str
    title: str
    description: str
    unit: str
    queries: list
    width: int
    height: int
    options: dict = field(default_factory=dict)
    defaults: dict = field(default_factory=dict)
    transformations: list = field(default_factory=list)
    table: bool = False  # queries are asked once, each series a row with its labels as columns
    instant: bool = False

    def json(self, number, x, y):
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "fieldConfig": {"defaults": {"unit": self.unit} | self.defaults, "overrides": []},
            "options": self.options,
            "targets": [self._target(query, chr(ord("A") + i)) for i, query in enumerate(self.queries)],
            "transformations": self.transformations,
        }

    def _target(self, query, letter):
        style = "table" if self.table else "heatmap" if self.kind == "heatmap" else "time_series"
        return {
            "refId": letter,
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": written_out(query.expression),
            "format": style,
            "instant": self.instant,
            "range": not self.instant,
            "legendFormat": "{{le}}" if self.kind == "heatmap" else query.legend or "__auto",
        }


def _queries(given):
    """One expression, or {legend: expression}."""
    return [Query(e, name) for name, e in given.items()] if isinstance(given, dict) else [Query(given)]


def _stat_options(text_mode, graph_mode):
    return {
        "colorMode": "value", "graphMode": graph_mode, "justifyMode": "auto", "orientation": "auto", "textMode": text_mode,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }


def steps(*pairs):
    """Colours from values on: steps(('green', None), ('red', 1))."""
    return {"thresholds": {"mode": "absolute", "steps": [{"color": colour, "value": value} for colour, value in pairs]}}


QUIET = steps(("text", None))


def stat(title, description, unit, queries, width=4, height=4, graph=False, colours=None, decimals=None):
    """The newest figure; graph: with its course behind it."""
    defaults = dict(colours or QUIET)
    if decimals is not None:
        defaults["decimals"] = decimals
    return Panel("stat", title, description, unit, _queries(queries), width, height, _stat_options("auto", "area" if graph else "none"),
                 defaults, instant=not graph)


def words(title, description, expression, label, width=4, height=4):
    """The value of a label, as a word."""
    return Panel("stat", title, description, "none", [Query(expression, "{{" + label + "}}")], width, height,
                 _stat_options("name", "none"), dict(QUIET), instant=True)


def graph(title, description, unit, queries, width=12, height=8, stacked=False, colours=None):
    """Lines over time; queries as {legend: expression}."""
    custom = {"drawStyle": "line", "fillOpacity": 30 if stacked else 10, "lineWidth": 1, "showPoints": "never", "spanNulls": False,
              "stacking": {"group": "A", "mode": "normal" if stacked else "none"}}
    options = {"legend": {"calcs": ["lastNotNull", "max"], "displayMode": "table", "placement": "bottom", "showLegend": True},
               "tooltip": {"mode": "multi", "sort": "desc"}}
    return Panel("timeseries", title, description, unit, _queries(queries), width, height, options, {"custom": custom} | (colours or {}))


def heatmap(title, description, unit, histogram, width=12, height=8):
    """How values spread over time; histogram: `name_bucket{@}`."""
    options = {
        "calculate": False, "cellGap": 1, "cellValues": {"unit": "short"}, "filterValues": {"le": 1e-9}, "legend": {"show": True},
        "color": {"exponent": 0.5, "fill": "dark-orange", "mode": "scheme", "reverse": False, "scale": "exponential",
                  "scheme": "Oranges", "steps": 64},
        "rowsFrame": {"layout": "auto"}, "tooltip": {"mode": "single", "show": True, "yHistogram": False},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit},
    }
    custom = {"hideFrom": {"legend": False, "tooltip": False, "viz": False}, "scaleDistribution": {"type": "linear"}}
    return Panel("heatmap", title, description, unit, [Query(f"sum by (le) (increase({histogram}))")], width, height, options,
                 {"custom": custom})


TABLE_OPTIONS = {"cellHeight": "sm", "footer": {"countRows": False, "fields": "", "reducer": ["sum"], "show": False}, "showHeader": True}


def labels_table(title, description, expression, columns, width=8, height=8):
    """An info metric: a row for each series, the labels named in columns ({label: heading}) beside each other."""
    dropped = {name: True for name in ("Time", "Value", "__name__", "job", "instance")}
    organise = {"id": "organize", "options": {"excludeByName": dropped, "indexByName": {name: i for i, name in enumerate(columns)},
                                              "renameByName": columns}}
    return Panel("table", title, description, "none", [Query(expression)], width, height, TABLE_OPTIONS, {}, [organise], table=True,
                 instant=True)


def figures_table(title, description, unit, queries, width=8, height=8):
    """One row for each query: its legend and its newest figure."""
    reduce = {"id": "reduce", "options": {"includeTimeField": False, "mode": "seriesToRows", "reducers": ["lastNotNull"]}}
    rename = {"id": "organize", "options": {"excludeByName": {}, "indexByName": {}, "renameByName": {"Field": "What", "Last *": "Now"}}}
    return Panel("table", title, description, unit, _queries(queries), width, height, TABLE_OPTIONS, {}, [reduce, rename], instant=True)


@dataclass
class Section:
    title: str
    panels: list


@dataclass
class Dashboard:
    """uid is also the file's name after `simple-request-`; present: a metric by which job and instance are found."""

    name: str
    title: str
    description: str
    present: str
    sections: list
    refresh: str = "30s"

    def json(self):
        return {
            "uid": f"simple-request-{self.name}",
            "title": self.title,
            "description": self.description,
            "tags": ["simple-request"],
            "schemaVersion": 38,
            "version": 1,
            "editable": True,
            "graphTooltip": 1,
            "refresh": self.refresh,
            "time": {"from": "now-1h", "to": "now"},
            "timezone": "",
            "annotations": {"list": [ANNOTATIONS]},
            "links": [LINKS],
            "templating": {"list": [_datasource_variable(), _variable("job", f"label_values({self.present}, job)"),
                                    _variable("instance", f'label_values({self.present}{{job=~"$job"}}, instance)')]},
            "panels": self._panels(),
        }

    def _panels(self):
        placed, y = [], 0
        for section in self.sections:
            placed.append({"id": len(placed) + 1, "type": "row", "title": section.title, "collapsed": False,
                           "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y}, "panels": []})
            y += 1
            x = line = 0
            for panel in section.panels:
                if x + panel.width > COLUMNS:
                    x, y, line = 0, y + line, 0
                placed.append(panel.json(len(placed) + 1, x, y))
                x, line = x + panel.width, max(line, panel.height)
            y += line
        return placed


# Starts and stops that the service posts to Grafana itself carry these tags.
ANNOTATIONS = {
    "name": "Starts and stops", "builtIn": 0, "enable": True, "hide": False, "iconColor": "blue", "type": "tags",
    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
    "target": {"limit": 100, "matchAny": False, "tags": ["simple-request"], "type": "tags"},
}
LINKS = {"asDropdown": True, "icon": "external link", "includeVars": False, "keepTime": True, "tags": ["simple-request"],
         "targetBlank": False, "title": "simple-request", "type": "dashboards"}


def _datasource_variable():
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1, "regex": "",
            "hide": 0, "includeAll": False, "multi": False, "options": [], "current": {}}


def _variable(name, query):
    return {"name": name, "label": name.capitalize(), "type": "query", "datasource": DATASOURCE, "definition": query,
            "query": {"query": query, "refId": name}, "refresh": 2, "regex": "", "sort": 1, "hide": 0, "includeAll": True,
            "multi": True, "options": [], "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}
