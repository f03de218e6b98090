"""A proxy in front of the service that spoils requests as it is told, one fault a request, and notes what it was sent.

refused (the port until listen()), "503" (answered so, with Retry-After, never passed on), "lost" (passed on, and the
answer thrown away), "pass".
"""

import re
import socket
import threading
import time

UNAVAILABLE = (b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
               b"Connection: close\r\n\r\n{}")


def read_message(connection):
    """Head and body of one HTTP/1.1 message that tells its length."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65536)
        if not more:
            return None
        got += more
    head, body = got.split(b"\r\n\r\n", 1)
    length = re.search(rb"(?i)^content-length: *(\d+)", head, re.MULTILINE)
    while len(body) < (int(length[1]) if length else 0):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


class FaultProxy:
    def __init__(self, upstream, faults):
        self.upstream, self.faults = upstream, list(faults)
        self.requests = []  # (fault, time of arrival, bytes)
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def listen(self):
        self.socket.listen()
        self.thread.start()

    def close(self):
        if self.thread.is_alive():
            self.socket.shutdown(socket.SHUT_RDWR)
            self.thread.join()
        self.socket.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                request = read_message(connection)
                if request is not None:
                    self._answer(connection, request)

    def _answer(self, connection, request):
        fault = self.faults.pop(0) if self.faults else "pass"
        self.requests.append((fault, time.monotonic(), request))
        if fault == "503":
            connection.sendall(UNAVAILABLE)
            return
        with socket.create_connection(self.upstream) as upstream:
            upstream.sendall(request)
            answer = read_message(upstream)
        if fault == "pass":
            connection.sendall(answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
