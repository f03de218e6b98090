"""openapi.yaml against the real server: every example is sent and its answer compared; every route and error is in it."""

import json
import re
from urllib.parse import quote, urlencode

import pytest
import yaml

from lib import settings
from lib.http import request_bytes

FILE = settings.ROOT / "src" / "web" / "openapi.yaml"
TEXT = FILE.read_bytes()
SPEC = yaml.safe_load(TEXT)
METHODS = ("get", "head", "put", "post", "delete", "options")
ORIGIN = "https://app.example"
EVERYTHING = ("--sync-interval", "1h", "--cors-origins", ORIGIN, "--request-ids", "always")
UNDESCRIBED = {"content-length", "content-type", "connection"}  # HTTP's own


def resolve(node):
    while "$ref" in node:
        found = SPEC
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def operations():
    for path, item in SPEC["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method], item.get("parameters", []) + item[method].get("parameters", [])


def encode(media, example):
    value = example["value"]
    if media == "application/x-www-form-urlencoded":
        return urlencode(value).encode()
    return value.encode() if isinstance(value, str) else json.dumps(value, separators=(",", ":")).encode()


def request_examples(operation):
    """name -> (media type, body)"""
    content = resolve(operation.get("requestBody", {})).get("content", {})
    return {name: (media, encode(media, example)) for media, described in content.items()
            for name, example in described.get("examples", {}).items()}


def answer_examples(operation):
    """name -> (status, body)"""
    found = {}
    for status, response in operation["responses"].items():
        response = resolve(response)
        if "x-example" in response:
            found[response["x-example"]] = (int(status), b"")
        for described in response.get("content", {}).values():
            for name, example in described.get("examples", {}).items():
                found[name] = (int(status), example["value"])
    return found


def target(path, parameters, name):
    query = []
    for parameter in map(resolve, parameters):
        if parameter["in"] == "path":
            path = path.replace("{%s}" % parameter["name"], quote(parameter["examples"][name]["value"], safe=""))
        elif parameter["in"] == "query" and name in parameter.get("examples", {}):
            query.append((parameter["name"], parameter["examples"][name]["value"]))
    return path + ("?" + urlencode(query) if query else "")


def header_examples(parameters, name):
    return [(parameter["name"], parameter["examples"][name]["value"]) for parameter in map(resolve, parameters)
            if parameter["in"] == "header" and name in parameter.get("examples", {})]


def check_headers(response, described, name):
    """All that came are described, and those with an example of this name are as it says, or are not there without one."""
    described = {header.lower(): resolve(node) for header, node in described.items()}
    assert {field for field, _ in response.fields} <= described.keys() | UNDESCRIBED, (name, response)
    for header, node in described.items():
        if "examples" in node:
            assert response.header(header) == node["examples"].get(name, {}).get("value"), (name, header, response)
    assert response.header("access-control-allow-origin") == ORIGIN and response.header("x-request-id")


def exchange(connection, method, path, body, headers):
    connection.send(request_bytes(method.upper(), path, body, [("Origin", ORIGIN), *headers]))
    return connection.read_response(head=method == "head")


def check_example(connection, path, method, operation, parameters, name):
    media, body = request_examples(operation).get(name, (None, None))
    headers = ([("Content-Type", media)] if media else []) + header_examples(parameters, name)
    response = exchange(connection, method, target(path, parameters, name), body, headers)
    status, wanted = answer_examples(operation)[name]
    assert response.status == status, (path, name, response)
    if wanted == b"":
        assert response.body == b"", (path, name)
    else:
        assert response.json() == wanted, (path, name)
    check_headers(response, resolve(operation["responses"][str(status)])["headers"], name)


def check_refused(connection, path, method, operation, refused):
    headers = [("Content-Type", "application/json"), *refused.get("headers", {}).items()]
    response = exchange(connection, method, path, refused["body"].encode(), headers)
    assert response.status == refused["status"] and response.message()
    assert response.json() == refused.get("answer", response.json())
    check_headers(response, resolve(operation["responses"][str(response.status)])["headers"], None)


def test_every_example_is_what_the_server_answers(start_server):
    server = start_server(*EVERYTHING, "--rate-limit", "1000/s")
    seen = 0
    with server.connect() as connection:
        for path, method, operation, parameters in operations():
            for name in {**request_examples(operation), **answer_examples(operation)}:
                check_example(connection, path, method, operation, parameters, name)
                seen += 1
            for refused in operation.get("x-refused", []):
                check_refused(connection, path, method, operation, refused)
    assert seen >= 23


def test_the_refusals_of_the_guard_carry_what_is_described(start_server, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("writer write ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n")  # "abc"
    server = start_server(*EVERYTHING, "--rate-limit", "1/h", "--rate-limit-burst", "1", "--tokens-file", str(tokens), wait="ready")
    bearer = [("Authorization", "Bearer abc"), ("Content-Type", "application/json")]
    body = b'{"key":"openapi-guarded","value":1}'
    responses = SPEC["paths"]["/increment"]["post"]["responses"]
    with server.connect() as connection:
        for status, method, path, headers in ((401, "post", "/increment", bearer[1:]), (403, "delete", "/counters/k", bearer),
                                              (200, "post", "/increment", bearer), (429, "post", "/increment", bearer),
                                              (405, "get", "/increment", bearer), (404, "get", "/nothing", bearer)):
            response = exchange(connection, method, path, body if method == "post" else None, headers)
            assert response.status == status, response
            described = resolve(responses.get(str(status), responses["default"]))["headers"]
            check_headers(response, described, None)
            wanted = {header.lower() for header in described} - {"retry-after", "allow", "idempotency-replayed"}
            assert wanted <= {field for field, _ in response.fields}, response


def test_every_answer_has_a_media_type_that_is_described(shared_server):
    for path, method, operation, _ in operations():
        if method != "get" or "{" in path or "x-endless" in operation:
            continue
        response = shared_server.get(path)
        described = resolve(operation["responses"]["200"])["content"]
        assert response.status == 200 and response.header("content-type").split(";")[0] in described


def test_it_is_served_as_it_is_in_the_source(shared_server):
    response = shared_server.get("/openapi.yaml")
    assert response.body == TEXT and response.header("content-type") == "application/yaml"
    with shared_server.connect() as connection:
        assert connection.request("HEAD", "/openapi.yaml").header("content-length") == str(len(TEXT))


def test_every_route_of_the_server_is_described_and_no_other():
    source = (settings.ROOT / "src" / "server" / "api_routes.c").read_text()
    routes = set(re.findall(r'\.path = "([^"]+)"', source))
    assert {re.sub(r"{.*}", "", path) for path in SPEC["paths"]} == routes, "describe it in src/web/openapi.yaml"


def test_every_status_and_header_of_the_server_is_described():
    described = json.dumps(SPEC)
    reply = (settings.ROOT / "src" / "http" / "reply.c").read_text()
    for status in re.findall(r"^\s+X\((\d+),", reply, re.MULTILINE):
        assert f'"{status}"' in described or status in SPEC["components"]["responses"]["Refused"]["description"], status
    headers = {name for operation in operations() for response in operation[2]["responses"].values()
               for name in resolve(response).get("headers", {})}
    sent = " ".join(path.read_text() for folder in ("server", "http") for path in (settings.ROOT / "src" / folder).glob("*.c"))
    known = set(re.findall(r'"([A-Z][A-Za-z-]+): ', sent)) - {"Content-Type", "Content-Length", "Connection"}
    assert {"Retry-After", "WWW-Authenticate", "Idempotency-Replayed"} <= known <= headers, known ^ headers


@pytest.mark.parametrize("path, method, operation", [o[:3] for o in operations()], ids=lambda value: str(value)[:30])
def test_what_tokens_guard_says_so(path, method, operation):
    guarded = "401" in operation["responses"]
    assert guarded == ("security" not in operation), (path, method)
    assert guarded == ("403" in operation["responses"])
