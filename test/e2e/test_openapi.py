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
METHODS = ("get", "put", "post", "delete")


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
    """name -> (status, body or None)"""
    found = {}
    for status, response in operation["responses"].items():
        response = resolve(response)
        if "x-example" in response:
            found[response["x-example"]] = (int(status), None)
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


def test_every_example_is_what_the_server_answers(start_server):
    server = start_server("--sync-interval", "1h")
    seen = 0
    with server.connect() as connection:
        for path, method, operation, parameters in operations():
            bodies, answers = request_examples(operation), answer_examples(operation)
            for name in {**bodies, **answers}:
                media, body = bodies.get(name, (None, None))
                headers = [("Content-Type", media)] if media else []
                connection.send(request_bytes(method.upper(), target(path, parameters, name), body, headers))
                response = connection.read_response()
                status, wanted = answers[name]
                assert response.status == status, (path, name, response)
                if wanted is not None:
                    assert response.json() == wanted, (path, name)
                seen += 1
            for refused in operation.get("x-refused", []):
                connection.send(request_bytes(method.upper(), path, refused["body"].encode(),
                                              [("Content-Type", "application/json")]))
                response = connection.read_response()
                assert response.status == refused["status"] and response.message()
                assert response.json() == refused.get("answer", response.json())
    assert seen >= 12


def test_every_answer_has_a_media_type_that_is_described(shared_server):
    for path, method, operation, _ in operations():
        if method != "get" or "{" in path:
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
    source = (settings.ROOT / "src" / "server" / "api.c").read_text()
    routes = set(re.findall(r'\.path = "([^"]+)"', source))
    assert {path.replace("{key}", "") for path in SPEC["paths"]} == routes, "describe it in src/web/openapi.yaml"


def test_every_status_and_header_of_the_server_is_described():
    described = json.dumps(SPEC)
    reply = (settings.ROOT / "src" / "http" / "reply.c").read_text()
    for status in re.findall(r"^\s+X\((\d+),", reply, re.MULTILINE):
        if status in ("304", "500"):  # not sent by any described operation
            continue
        assert f'"{status}"' in described or status in SPEC["info"]["description"], status
    headers = {name for operation in operations() for response in operation[2]["responses"].values()
               for name in resolve(response).get("headers", {})}
    assert headers >= {"Retry-After", "RateLimit", "RateLimit-Policy", "WWW-Authenticate", "X-Request-Id", "Preference-Applied"}


@pytest.mark.parametrize("path, method, operation", [o[:3] for o in operations()], ids=lambda value: str(value)[:30])
def test_what_tokens_guard_says_so(path, method, operation):
    guarded = "401" in operation["responses"]
    assert guarded == ("security" not in operation), (path, method)
    assert guarded == ("403" in operation["responses"])
