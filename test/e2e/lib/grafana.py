"""A small Grafana: keeps what it is asked, and can be ill in several ways."""

import http.server
import json
import ssl
import threading

TOKEN = "glsa_test-token"


class Grafana:
    """illness: None, 'hangs' (reads and never answers), 'drips' (a byte each 100 ms, for ever), 'fails' (500)."""

    def __init__(self, illness=None, pair=None, dashboards=()):
        self.illness, self.dashboards = illness, dashboards
        self.requests = []
        self.ended = threading.Event()
        grafana = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                grafana.answer(self, [{"uid": uid, "type": "dash-db"} for uid in grafana.dashboards])

            def do_POST(self):
                grafana.answer(self, {"message": "Annotation added", "id": 1})

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if pair:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*pair)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if pair else 'http'}://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def answer(self, handler, document):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.requests.append((handler.command, handler.path, dict(handler.headers), json.loads(body) if body else None))
        if self.illness == "hangs":
            self.ended.wait()
            return
        if self.illness == "drips":
            self.drip(handler)
            return
        text = json.dumps(document).encode()
        handler.send_response(500 if self.illness == "fails" else 200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def drip(self, handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        try:
            while not self.ended.wait(0.1):
                handler.wfile.write(b" ")
        except OSError:
            pass

    def annotations(self):
        return [body for method, path, _, body in self.requests if method == "POST"]

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
