"""Certificates for tests and a client that speaks TLS: a Connection on an SSL socket."""

import re
import ssl
import subprocess

from lib.http import Connection
from lib.waiting import eventually

HTTPS_LINE = re.compile(r"^  url   https://127\.0\.0\.1:(\d+)$", re.MULTILINE)


def make_certificate(directory, name="localhost", stem="server"):
    """A self-signed certificate and its key; replaces those that are there."""
    certificate, key = directory / f"{stem}.crt", directory / f"{stem}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-out", certificate, "-keyout", key], check=True, capture_output=True)
    return certificate, key


def options(pair):
    return ["--tls-certificate", str(pair[0]), "--tls-key", str(pair[1])]


def start(server):
    """Starts a server whose URL is https; the harness's own waits speak plain HTTP."""
    server.start(wait=None)

    def listening():
        match = HTTPS_LINE.search(server.banner())
        if match:
            server.port = int(match[1])
        else:
            server._check_running()
        return bool(match)

    eventually(listening, 20, "the server prints its URL")
    eventually(lambda: ask(server, "GET", "/readyz").status == 200, 20, "/readyz is 200")
    return server


def context(certificate=None, version=None, alpn=("http/1.1",)):
    """A client's: verifies against the certificate where one is given."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if certificate:
        made.load_verify_locations(certificate)
    else:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if version:
        made.minimum_version = made.maximum_version = version
    if alpn:
        made.set_alpn_protocols(list(alpn))
    return made


class TlsConnection(Connection):
    def __init__(self, address, client=None, timeout=10.0):
        super().__init__(address, timeout)
        self.socket = (client or context()).wrap_socket(self.socket, server_hostname="localhost")


def ask(server, *request, client=None):
    with TlsConnection(server.address, client) as connection:
        return connection.request(*request)
