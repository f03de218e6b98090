#!/usr/bin/env python3
"""Counts once, however often it has to ask: increment.py URL KEY [N]

One Idempotency-Key is drawn for the increment and sent with every attempt. Lost connections, 409 (the first attempt is
still running), 429 and 5xx are tried again for a minute, after what Retry-After says or a pause that grows.
"""

import http.client
import json
import random
import sys
import time
import urllib.error
import urllib.request
import uuid


class GivenUp(Exception):
    """Counted once or not at all."""


def attempt(url, body, token):
    """(status, headers, body); status None where the connection was lost."""
    request = urllib.request.Request(f"{url}/increment", body, {"Content-Type": "application/json", "Idempotency-Key": token})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()
    except (OSError, http.client.HTTPException) as error:
        return None, {}, str(error).encode()


def increment(url, key, value=1, patience=60):
    """The counter's total; None where the increment is kept and the total is not known now."""
    token = str(uuid.uuid4())
    body = json.dumps({"key": key, "value": value}).encode()
    deadline, pause = time.monotonic() + patience, 0.2
    while True:
        status, headers, answer = attempt(url, body, token)
        if status is not None and 200 <= status < 300:
            return json.loads(answer)["data"]["value"]
        if status is not None and status < 500 and status not in (409, 429):
            raise ValueError(f"refused with {status}: {answer.decode()}")
        if time.monotonic() > deadline:
            raise GivenUp(f"{status or 'no answer'}: {answer.decode()}")
        wait = int(headers.get("Retry-After") or 0) or pause * random.uniform(0.5, 1)
        print(f"increment: {status or 'no answer'}, again in {wait:.1f} s", file=sys.stderr, flush=True)
        time.sleep(wait)
        pause = min(2 * pause, 8)


if __name__ == "__main__":
    print(increment(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1))
