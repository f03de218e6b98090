"""Requests: how many, how fast, how large, how many failed, and how long replies waited for the journal.

Apdex: a request of the counting routes satisfies within 0.5 ms, is tolerated within 2 ms. An answer waits for a sync of the
disk, 0.2 ms on the disk that these bounds were chosen on; the next bounds are those of the histogram, for others.
"""

from .layout import Dashboard, Section, graph, heatmap, stat, steps, words

COUNTING = 'http_route=~"/increment|/counters.*"'
LISTENER = "simple_request_listener_info{@}"
DURATION = "http_server_request_duration_seconds"
SIZE = "http_server_response_body_size_bytes"
ROUTE_STATUS = "http_route, http_response_status_code"
GOOD = steps(("red", None), ("orange", 0.7), ("green", 0.9))
BAD = steps(("green", None), ("orange", 0.001), ("red", 0.01))


def apdex(span):
    within = [f'sum(increase({DURATION}_bucket{{@,{COUNTING},le="{bound}"}}[{span}]))' for bound in ("0.0005", "0.002")]
    return stat(f"Apdex {span}", f"Satisfaction over {span}: requests within 0.5 ms count whole, those within 2 ms half.", "none",
                f"({' + '.join(within)}) / 2 / sum(increase({DURATION}_count{{@,{COUNTING}}}[{span}]))", colours=GOOD, decimals=3)


def error_share(span):
    failed = f'sum(increase({DURATION}_count{{@,http_response_status_code=~"5.."}}[{span}]))'
    return stat(f"Error share {span}", f"Share of requests answered 5xx over {span}. What clients got wrong (4xx) does not count.", "percentunit",
                f"({failed} or vector(0)) / sum(increase({DURATION}_count{{@}}[{span}]))", colours=BAD, decimals=3)


def data_sent(span):
    return stat(f"Data sent {span}", f"Bytes written to clients over {span}.", "bytes",
                f"sum(increase(simple_request_http_sent_bytes_total{{@}}[{span}]))")


def requests(span):
    return stat(f"Requests {span}", f"Requests answered over {span}.", "short", f"sum(increase({DURATION}_count{{@}}[{span}]))")


def average(histogram, by):
    return f"sum by ({by}) (rate({histogram}_sum{{@}})) / sum by ({by}) (rate({histogram}_count{{@}}))"


OVERVIEW = Section("Overview", [
    words("Listen address", "Addresses that the service listens on.", LISTENER, "address", width=6),
    words("Port", "Its ports; empty for a Unix socket.", LISTENER, "port", width=6),
    words("URL", "Where clients find it.", LISTENER, "url", width=12),
    apdex("24h"), error_share("24h"), data_sent("24h"), requests("24h"),
    apdex("1h"), error_share("1h"), data_sent("1h"), requests("1h"),
])

DETAILS = Section("Requests", [
    heatmap("Request time", "How the requests' times spread, from first byte to the reply's release.", "s", f"{DURATION}_bucket{{@}}"),
    heatmap("Response size", "How the replies' sizes spread.", "bytes", f"{SIZE}_bucket{{@}}"),
    graph("Average time by route and status", "Average time of a request.", "s", {
        "{{http_route}} {{http_response_status_code}}": average(DURATION, ROUTE_STATUS)}),
    graph("Average size by route and status", "Average size of a reply.", "bytes", {
        "{{http_route}} {{http_response_status_code}}": average(SIZE, ROUTE_STATUS)}),
    graph("Requests by route", "Requests answered a second.", "reqps", {
        "{{http_request_method}} {{http_route}}": f"sum by (http_request_method, http_route) (rate({DURATION}_count{{@}}))"}),
    graph("Status classes", "Requests answered a second, by the class of their status.", "reqps", {
        "{{class}}": "sum by (class) (label_replace(sum by (http_response_status_code) (rate(" + DURATION + "_count{@}[$__rate_interval])), "
                     '"class", "${1}xx", "http_response_status_code", "(.).*"))'}, stacked=True),
    graph("Request time, quantiles", "Half of the requests, 99 and 99.9 of a hundred are faster.", "s", {
        f"p{name}": f"histogram_quantile({q}, sum by (le) (rate({DURATION}_bucket{{@,{COUNTING}}})))"
        for name, q in (("50", 0.5), ("99", 0.99), ("99.9", 0.999))}),
    graph("Declined", "Requests answered 401, 403 or 429, by reason.", "reqps", {
        "{{reason}}": "sum by (reason) (rate(simple_request_requests_declined_total{@}))"}),
])

DURABILITY = Section("Durability", [
    graph("Replies waiting for durability", "Replies that are ready and wait for the journal's sync.", "none", {
        "{{instance}}": "sum by (instance) (simple_request_replies_held{@})"}, width=8),
    heatmap("Wait for durability", "How long replies waited for the journal.", "s", "simple_request_reply_hold_seconds_bucket{@}", width=8),
    graph("Average wait for durability", "How long replies waited for the journal, on average.", "s", {
        "{{instance}}": average("simple_request_reply_hold_seconds", "instance")}, width=8),
])

DASHBOARD = Dashboard("http", "simple-request: HTTP", "Requests and replies.", "simple_request_build_info", [OVERVIEW, DETAILS, DURABILITY])
