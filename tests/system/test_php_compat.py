# SPDX-License-Identifier: GPL-3.0-or-later
"""php-compat/ in the real php, in front of a backend that writes down what arrives and answers byte for byte what the test
says; once with the curl extension and once without any extension."""

import contextlib
import hashlib
import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import tempfile
import threading

import fake_host
import pytest
import testenv

COMPAT = testenv.ROOT / "php-compat"
WAIT = 30

FORM = "application/x-www-form-urlencoded"

# The form of the public document, with its "locale", which nothing reads.
DOCUMENT_FORM = (
    b"login=jdoe&password=p%26ss+w%C3%B6rd&session_mode=desktop&locale=fr_FR.UTF-8&quality=high&timeout=7200&debug=0"
    b"&desktop_icons=1&persistent=1&shareable=1&start_app=&start_app_args=&client=browser"
)

SESSION_MANAGER = """index startsession ajax/login applications icon check webservices/session_token webservices/session_status
    webservices/session_end_status webservices/session_invite webservices/server_status webservices/server_monitoring
    webservices/icon webservices/application"""
APPLICATION_SERVER = """index whatsup start access apps icon start_app exit suspend invite print portal/application_exit
    portal/resume_app portal/focus portal/get_news portal/share_app portal/external_app portal/resume webservices/server_status
    webservices/server_type webservices/session_status webservices/kill_session webservices/applications"""
PATHS = [f"/sessionmanager/{n}.php" for n in SESSION_MANAGER.split()]
PATHS += [f"/applicationserver/{n}.php" for n in APPLICATION_SERVER.split()]
FOLDERS = [f"/applicationserver/{n}/" for n in ("desktop", "portal", "external", "share", "error")]


def answer(body=b"", status="200 OK", headers=("Content-Type: text/html; charset=utf-8",), length=True):
    lines = [f"HTTP/1.1 {status}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body


class Request:
    """What arrived."""

    def __init__(self, stream):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline(70000)
            if not line:
                raise EOFError
            head += line
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        self.method, self.target, self.version = first.split(" ")
        self.headers = [tuple(line.split(": ", 1)) for line in lines if ": " in line]
        assert len(self.headers) == len(lines), lines
        digest = hashlib.sha256()
        self.size = left = int(self.header("Content-Length") or 0)
        self.body = b""
        while left:
            data = stream.read(min(left, 65536))
            if not data:
                raise EOFError
            digest.update(data)
            left -= len(data)
            if self.size <= 1048576:
                self.body += data
        self.sha256 = digest.hexdigest()

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        assert len(values) < 2, values
        return values[0] if values else None


class Backend(socketserver.ThreadingTCPServer):
    """Answers with self.script, bytes or a function of the connection; self.seen holds the requests."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, tls=None):
        self.seen = []
        self.script = answer()
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
            self.url = f"https://localhost:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def handle_error(self, request, client_address):
        pass  # a connection that broke; the test sees it from the other side

    def reset(self, script=None):
        self.seen.clear()
        self.script = answer() if script is None else script

    @property
    def last(self):
        assert len(self.seen) == 1, self.seen
        return self.seen[0]

    def close(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.seen.append(Request(self.rfile))
        script = self.server.script
        if callable(script):
            script(self.connection)
        else:
            self.wfile.write(script)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


class Php:
    """php -S over php-compat/, or over another folder."""

    def __init__(self, backend, flavour, settings=(), root=COMPAT, **options):
        self.port = testenv.free_port()
        command = ["php", "-S", f"127.0.0.1:{self.port}", "-t", str(root)]
        command += ["-d", "memory_limit=24M", "-d", "log_errors=1", "-d", "display_errors=0"]
        if flavour == "plain":
            command.append("-n")
        for setting in settings or ["enable_post_data_reading=0"]:
            command += ["-d", setting]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ISTHMUS_BACKEND_")}
        environment["http_proxy"] = "http://127.0.0.1:9"  # nobody may ask it
        if backend:
            environment["ISTHMUS_BACKEND_SESSION_MANAGER"] = backend
            environment["ISTHMUS_BACKEND_APPLICATION_SERVER"] = backend
        environment.update({f"ISTHMUS_BACKEND_{k.upper()}": str(v) for k, v in options.items()})
        self.log = open(os.path.join(os.environ.get("TMPDIR", "/tmp"), f"isthmus-php-{self.port}.log"), "w+b")
        os.unlink(self.log.name)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment)
        testenv.until(self.answers, "php -S listens")

    def answers(self):
        assert self.process.poll() is None, self.logs()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5):
            return True
        return False

    def logs(self):
        return os.pread(self.log.fileno(), 1 << 20, 0).decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(WAIT)
        self.log.close()

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
            return Reply(connection.getresponse())

    def raw(self, text):
        """The whole answer to bytes as they are."""
        with socket.create_connection(("127.0.0.1", self.port), 60) as peer:
            peer.sendall(text)
            return b"".join(iter(lambda: peer.recv(65536), b""))


@pytest.fixture(scope="module")
def backend():
    server = Backend()
    yield server
    server.close()


@pytest.fixture(scope="module", params=["curl", "plain"])
def php(request, backend):
    with Php(backend.url, request.param) as server:
        server.flavour = request.param
        yield server


@pytest.fixture(autouse=True)
def fresh(backend):
    backend.reset()


def test_the_two_flavours_differ():
    for flags, expected in (([], "yes"), (["-n"], "no")):
        code = 'echo function_exists("curl_init") ? "yes" : "no";'
        assert subprocess.run(["php", *flags, "-r", code], capture_output=True, text=True, check=True).stdout == expected


def test_every_file_is_valid_and_of_two_lines():
    files = sorted([*COMPAT.rglob("*.php"), COMPAT / "config.php.dist"])
    for path in files:
        done = subprocess.run(["php", "-l", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        text = path.read_text()
        assert "SPDX-License-Identifier: GPL-3.0-or-later" in text[:120], path
        if path.name != "config.php" and path.parent != COMPAT:
            line = text.splitlines()[1]
            up = "/..".join([""] * (len(path.relative_to(COMPAT).parts)))
            start = f"require_once __DIR__ . '{up}/isthmus-proxy.php'; isthmus_proxy('"
            assert text.count("\n") == 2 and line.startswith(start), path


def test_the_syntax_is_that_of_old_programs():
    text = (COMPAT / "isthmus-proxy.php").read_text()
    for newer in (r"\?\?", r"<=>", r"\bfn\s*\(", r"function[^{;]*\)\s*:", r"\bmatch\s*\(", r"\?->", r"strict_types"):
        assert not re.search(newer, text), newer
    assert not re.search(r"\b(eval|assert|create_function|unserialize|extract|system|exec|passthru|shell_exec)\s*\(", text)
    assert set(re.findall(r"\b(?:require|include)(?:_once)?\b[^;]*;", text)) == {"require __DIR__ . '/config.php';"}


def test_every_path(php, backend):
    for path in PATHS + FOLDERS:
        backend.reset()
        assert php.ask("GET", path + "?a=1&b=%2F").status == 200, path
        assert backend.last.target == path + "?a=1&b=%2F"
        assert backend.last.method == "GET" and backend.last.size == 0


def test_the_form_of_the_document(php, backend):
    target = "http://host.example:8082/applicationserver/index.php?token=1795229214KyCE5"
    headers = [f"Location: {target}", "Content-Type: text/html", "Set-Cookie: PHPSESSID=s1; path=/"]
    backend.reset(answer(status="302 Found", headers=headers))
    reply = php.ask("POST", "/sessionmanager/startsession.php", DOCUMENT_FORM, Content_Type=FORM)
    assert reply.status == 302 and reply.body == b""
    assert reply.headers.get_all("Location") == [target]
    assert reply.headers.get_all("Content-Type") == ["text/html"]  # and no charset of PHP's own
    got = backend.last
    assert (got.method, got.target) == ("POST", "/sessionmanager/startsession.php")
    assert got.body == DOCUMENT_FORM
    assert got.header("Content-Type") == FORM
    assert got.header("Host") == f"127.0.0.1:{php.port}"


def test_the_form_when_php_reads_bodies(php, backend):
    with Php(backend.url, php.flavour, ["enable_post_data_reading=1"]) as reading:
        reply = reading.ask("POST", "/sessionmanager/startsession.php", DOCUMENT_FORM, Content_Type=FORM)
    assert reply.status == 200 and backend.last.body == DOCUMENT_FORM


def test_an_empty_post(php, backend):
    assert php.ask("POST", "/sessionmanager/ajax/login.php").status == 200
    assert backend.last.method == "POST" and backend.last.header("Content-Length") == "0"
    assert backend.last.header("Transfer-Encoding") is None


def test_cookies_travel_both_ways(php, backend):
    cookies = ["PHPSESSID=a1; path=/", "other=b%202; HttpOnly"]
    headers = [*(f"Set-Cookie: {value}" for value in cookies), "Content-Type: text/xml; charset=utf-8"]
    backend.reset(answer(b"ok", headers=headers))
    reply = php.ask("GET", "/applicationserver/whatsup.php?application_id=desktop", Cookie="PHPSESSID=zz; x=1")
    assert backend.last.header("Cookie") == "PHPSESSID=zz; x=1"
    assert reply.headers.get_all("Set-Cookie") == cookies
    assert reply.headers["Content-Type"] == "text/xml; charset=utf-8" and reply.body == b"ok"


@pytest.mark.parametrize("status", [200, 301, 400, 401, 404, 405, 500, 503])
def test_status_and_body_are_the_backends(php, backend, status):
    page = b'<?xml version="1.0"?>\r\n<p class="msg_error centered">Service \xc3\xa9 \x00\xff</p>\n \n'
    backend.reset(answer(page, status=f"{status} Whatever"))
    reply = php.ask("GET", "/sessionmanager/startsession.php")
    assert (reply.status, reply.body) == (status, page)
    assert reply.headers.get_all("Content-Type") == ["text/html; charset=utf-8"]
    assert reply.headers["X-Powered-By"] is None


def test_an_answer_without_a_type(php, backend):
    backend.reset(answer(b"x", headers=[]))
    reply = php.ask("GET", "/applicationserver/exit.php")
    assert reply.body == b"x" and not reply.headers["Content-Type"]


def test_no_content(php, backend):
    backend.reset(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    assert php.ask("GET", "/applicationserver/exit.php").status == 204


def test_head(php, backend):
    backend.reset(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 77\r\nConnection: close\r\n\r\n")
    reply = php.ask("HEAD", "/sessionmanager/icon.php?id=1")
    assert backend.last.method == "HEAD" and reply.status == 200 and reply.headers["Content-Type"] == "image/png"


def test_interim_and_chunked_answers(php, backend):
    backend.reset(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n1;x=y\r\n \r\n5\r\nworld\r\n0\r\nX-Trailer: 1\r\n\r\n"
    )
    reply = php.ask("GET", "/sessionmanager/check.php")
    assert reply.status == 200 and reply.body == b"hello world" and reply.headers["X-Trailer"] is None


def test_print_headers(php, backend):
    headers = [
        "Content-Type: application/pdf",
        "Content-Disposition: attachment; filename=My-doc.pdf",
        "UlteoFileName: My-doc.pdf",
        "UlteoPrintTime: 1795230326",
    ]
    pdf = b"%PDF-1.4\n" + bytes(range(256)) * 400
    backend.reset(answer(pdf, headers=headers))
    reply = php.ask("GET", "/applicationserver/print.php?timestamp=1795230325", Cookie="PHPSESSID=1")
    assert reply.body == pdf
    for header in headers:
        name, value = header.split(": ")
        assert reply.headers.get_all(name) == [value]


def test_the_clients_address_replaces_what_it_says(php, backend):
    php.ask("GET", "/sessionmanager/index.php", X_Forwarded_For="203.0.113.9", X_Real_IP="203.0.113.9", Forwarded="for=203.0.113.9",
            X_Forwarded_Proto="https", X_Session_ID="s", X_User="root", Proxy="http://127.0.0.1:9")
    got = backend.last
    assert got.all("X-Forwarded-For") == ["127.0.0.1"] and got.all("X-Forwarded-Proto") == ["http"]
    for name in ("X-Real-IP", "Forwarded", "X-Session-ID", "X-User", "Proxy"):
        assert got.header(name) is None


def test_a_trusted_proxy_is_believed(php, backend):
    with Php(backend.url, php.flavour, trusted_proxies="::1, 127.0.0.0/8 198.51.100.64/26") as behind:
        for said, expected in (
            ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
            ("203.0.113.9,198.51.100.127", "203.0.113.9"),
            ("203.0.113.9,198.51.100.128", "198.51.100.128"),
            ("2001:db8::7", "2001:db8::7"),
            ("203.0.113.9, none", "127.0.0.1"),
        ):
            backend.reset()
            behind.ask("GET", "/sessionmanager/index.php", X_Forwarded_For=said)
            assert backend.last.all("X-Forwarded-For") == [expected], said


def test_hop_by_hop_headers_stay(php, backend):
    headers = ["Keep-Alive: timeout=5", "Upgrade: h2c", "X-Secret: 1", "Proxy-Authenticate: Basic", "X-Kept: yes"]
    backend.reset(answer(b"", headers=[*headers, "Connection: X-Secret"]))
    said = {"TE": "trailers", "Upgrade": "h2c", "Connection": "Upgrade", "Accept_Encoding": "gzip", "Accept": "text/xml"}
    reply = php.ask("GET", "/sessionmanager/index.php", **said)
    for name in ("TE", "Upgrade", "Keep-Alive", "Accept-Encoding"):
        assert backend.last.header(name) is None
    assert backend.last.header("Accept") == "text/xml"
    for name in ("Keep-Alive", "Upgrade", "X-Secret", "Proxy-Authenticate"):
        assert reply.headers[name] is None
    assert reply.headers["X-Kept"] == "yes"


def test_no_header_is_smuggled(php, backend):
    php.raw(
        b'GET /sessionmanager/index.php?a=%0d%0aX-Evil:1&b="<\xe9 HTTP/1.1\r\nHost: farm.example\r\nUser-Agent: a\x01b\r\n'
        b"Referer: http://x/\rX-Evil: 2\r\nCookie: a=1\x7f\r\nConnection: close\r\n\r\n"
    )
    for got in backend.seen:  # php may refuse it on its own
        assert got.header("X-Evil") is None and got.header("User-Agent") is None and got.header("Cookie") is None
        assert " " not in got.target and got.target.isascii()
        assert got.target.startswith("/sessionmanager/index.php?a=%0d%0aX-Evil:1")
    backend.reset()
    php.ask("GET", "/sessionmanager/index.php?a=%0d%0aX-Evil:%201", User_Agent="ok", Cookie="a=\x02")
    assert backend.last.target == "/sessionmanager/index.php?a=%0d%0aX-Evil:%201"
    assert backend.last.header("User-Agent") == "ok" and backend.last.header("Cookie") is None
    backend.reset(answer(b"ok", headers=["X-A: 1\rX-Evil: 1", "X-B: \x01", "X bad: 1", "X-C: 3"]))
    reply = php.raw(b"GET /sessionmanager/index.php HTTP/1.0\r\n\r\n")
    head = reply.split(b"\r\n\r\n")[0]
    assert b"X-Evil" not in head and b"X-B" not in head and b"bad" not in head
    assert reply.endswith(b"\r\n\r\nok") and b"\r\nX-C: 3" in head


def test_a_false_host_is_refused(php, backend):
    for host in (b"a b", b"a/../b", b"a@b", b"<x>"):
        reply = php.raw(b"GET /sessionmanager/index.php HTTP/1.0\r\nHost: " + host + b"\r\n\r\n")
        assert b" 400 " in reply.split(b"\r\n")[0], reply
    assert backend.seen == []


def test_the_path_is_never_the_clients(php, backend):
    for path in ("index.php/../../iam/users", "index.php/http://evil/", "%69ndex.php"):
        backend.reset()
        php.raw(f"GET /sessionmanager/{path} HTTP/1.0\r\n\r\n".encode())
        assert all(got.target == "/sessionmanager/index.php" for got in backend.seen), path
    backend.reset()
    assert php.ask("GET", "/isthmus-proxy.php").status == 404
    assert backend.seen == []


def test_methods(php, backend):
    backend.reset(answer(status="405 Method Not Allowed"))
    assert php.ask("PUT", "/sessionmanager/index.php", b"abc", Content_Type="text/plain").status == 405
    assert (backend.last.method, backend.last.body) == ("PUT", b"abc")


def test_a_long_query_is_refused(php, backend):
    reply = php.ask("GET", "/sessionmanager/index.php?" + "a" * 20000)
    assert reply.status == 414 and backend.seen == []


def test_a_big_upload_within_bounded_memory(php, backend):
    body = bytes(range(256)) * 4096 * 40  # 40 MiB; memory_limit is 24M
    reply = php.ask("POST", "/sessionmanager/webservices/server_monitoring.php", body, Content_Type="application/octet-stream")
    assert reply.status == 200, php.logs()
    assert backend.last.size == len(body) and backend.last.sha256 == hashlib.sha256(body).hexdigest()


def test_too_large_an_upload(php, backend):
    with Php(backend.url, php.flavour, body_max=1000) as small:
        assert small.ask("POST", "/sessionmanager/ajax/login.php", b"x" * 1001).status == 413
        assert backend.seen == []
        assert small.ask("POST", "/sessionmanager/ajax/login.php", b"x" * 1000).status == 200


def multipart(parts, boundary="----------ThIs_Is_tHe_bouNdaRY_$"):
    out = b""
    for disposition, content in parts:
        out += f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + content + b"\r\n"
    return out + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def test_multipart_as_it_came(php, backend):
    body, kind = multipart([('name="fqdn"', b"host"), ('name="xml"; filename="monitoring.xml"\r\nContent-Type: text/xml', b"<m/>")])
    php.ask("POST", "/sessionmanager/webservices/server_monitoring.php", body, Content_Type=kind)
    assert backend.last.body == body and backend.last.header("Content-Type") == kind


def test_multipart_that_php_has_taken_apart(php, backend):
    xml = b"<monitoring>" + bytes(range(256)) * 3000 + b"</monitoring>\r\n"
    body, kind = multipart(
        [
            ('name="fqdn"', b"host.example"),
            ('name="a[b][]"', b"1\r\n--x"),
            ('name="xml"; filename="mon%22.xml"\r\nContent-Type: text/xml', xml),
        ]
    )
    with Php(backend.url, php.flavour, ["enable_post_data_reading=1"]) as reading:
        reading.ask("POST", "/sessionmanager/webservices/server_monitoring.php?fqdn=x", body, Content_Type=kind)
    got = backend.last
    boundary = re.fullmatch(r"multipart/form-data; boundary=(isthmus[0-9a-f]{40})", got.header("Content-Type"))[1]
    parts = got.body.split(f"--{boundary}".encode())
    assert parts[0] == b"" and parts[-1] == b"--\r\n" and len(parts) == 5
    assert parts[1] == b'\r\nContent-Disposition: form-data; name="fqdn"\r\n\r\nhost.example\r\n'
    assert parts[2] == b'\r\nContent-Disposition: form-data; name="a[b][0]"\r\n\r\n1\r\n--x\r\n'
    head, content = parts[3].split(b"\r\n\r\n", 1)
    assert b'name="xml"; filename="mon%22.xml"' in head and head.endswith(b"Content-Type: text/xml")
    assert content == xml + b"\r\n"


def test_a_form_that_php_refuses(php, backend):
    body, kind = multipart([('name="xml"; filename="x"\r\nContent-Type: text/xml', b"x" * 100000)])
    path = "/sessionmanager/webservices/server_monitoring.php"
    with Php(backend.url, php.flavour, ["enable_post_data_reading=1", "upload_max_filesize=1K"]) as reading:
        assert reading.ask("POST", path, body, Content_Type=kind).status == 413
    assert backend.seen == []
    with Php(backend.url, php.flavour, ["enable_post_data_reading=1", "post_max_size=1K"]) as reading:
        status = reading.ask("POST", path, body, Content_Type=kind).status
    if backend.seen:  # whole, or not at all
        assert status == 200 and backend.last.body == body and backend.last.header("Content-Type") == kind
    else:
        assert status == 413


def test_a_long_answer_streams(php, backend):
    seen = threading.Event()
    block = bytes(range(256)) * 256

    def script(peer):
        total = len(block) * 640  # 40 MiB; memory_limit is 24M
        peer.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: {total}\r\n\r\n".encode() + block)
        assert seen.wait(WAIT)  # the client has the first block before there is a second
        for _ in range(639):
            peer.sendall(block)

    backend.reset(script)
    connection = http.client.HTTPConnection("127.0.0.1", php.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", "/applicationserver/print.php?timestamp=1")
        response = connection.getresponse()
        assert response.read(len(block)) == block
        seen.set()
        for _ in range(639):
            assert response.read(len(block)) == block
        assert response.read() == b""


def test_the_backend_is_down(php):
    with Php(f"http://127.0.0.1:{testenv.free_port()}", php.flavour) as alone:
        reply = alone.ask("GET", "/sessionmanager/startsession.php?password=secret")
        assert reply.status == 502 and reply.headers["Content-Type"] == "text/html; charset=utf-8"
        assert b"<p>The service is not available, please try again later.</p>" in reply.body and len(reply.body) < 300
        lines = [line for line in alone.logs().splitlines() if "isthmus: /sessionmanager/startsession.php: " in line]
        assert len(lines) == 1 and "secret" not in lines[0]


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("rubbish", [b"", b"hello\r\n\r\n", OK + b"Content-Ty", OK + b"X: " + b"a" * 200000 + b"\r\n\r\n"])
def test_an_answer_that_is_none(php, backend, rubbish):
    backend.reset(rubbish)
    assert php.ask("GET", "/sessionmanager/index.php").status == 502


def test_an_answer_that_breaks_off(php, backend):
    backend.reset(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nhal")
    with pytest.raises(http.client.IncompleteRead):
        php.ask("GET", "/sessionmanager/index.php")


def test_a_slow_backend(php, backend):
    done = threading.Event()
    with Php(backend.url, php.flavour, timeout=1) as hasty:
        backend.reset(lambda peer: done.wait(WAIT))
        try:
            assert hasty.ask("GET", "/applicationserver/start_app.php?app_id=1&size=8x6").status == 504
        finally:
            done.set()


def test_the_file_of_the_configuration(php, backend):
    with tempfile.TemporaryDirectory(prefix="isthmus-php-") as folder:
        root = pathlib.Path(folder) / "www"
        shutil.copytree(COMPAT, root)
        text = (COMPAT / "config.php.dist").read_text()
        text = text.replace("http://127.0.0.1:8080", backend.url + "/below")
        text = text.replace("'pass_headers' => ''", "'pass_headers' => 'X-Remote-User'")
        (root / "config.php").write_text(text)
        with Php(None, php.flavour, root=root) as server:
            assert server.ask("GET", "/sessionmanager/icon.php?id=7", X_Remote_User="jdoe").status == 200
            assert backend.last.target == "/below/sessionmanager/icon.php?id=7"
            assert backend.last.header("X-Remote-User") == "jdoe"
            assert server.ask("GET", "/config.php").body == b""


def test_a_false_configuration(php):
    with Php("ftp://127.0.0.1/", php.flavour) as server:
        assert server.ask("GET", "/sessionmanager/index.php").status == 500
        assert "session_manager is no http or https address" in server.logs()


def test_over_tls_the_certificate_counts(php):
    with tempfile.TemporaryDirectory(prefix="isthmus-php-") as folder:
        key, certificate = f"{folder}/key.pem", f"{folder}/cert.pem"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        command += ["-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        subprocess.run(command, check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        secure = Backend(tls)
        body = bytes(range(256)) * 8192
        with contextlib.closing(secure):
            secure.reset(answer(body))
            with Php(secure.url, php.flavour, ca_file=certificate) as server:
                reply = server.ask("POST", "/sessionmanager/startsession.php", body, Content_Type="text/plain")
                assert reply.status == 200 and reply.body == body, server.logs()
                assert secure.last.sha256 == hashlib.sha256(body).hexdigest()
            secure.reset()
            with Php(secure.url, php.flavour) as server:  # not of an authority that the system knows
                assert server.ask("GET", "/sessionmanager/index.php").status == 502
            other = secure.url.replace("localhost", "127.0.0.1")
            with Php(other, php.flavour, ca_file=certificate) as server:  # the name is another
                assert server.ask("GET", "/sessionmanager/index.php").status == 502
            assert secure.seen == []


def test_in_front_of_a_real_gateway(php):
    config = {"ovd__sessionManager": "true", "gateway__trustedProxies": "127.0.0.1"}
    with fake_host.Gateway(**config) as gateway:
        port = gateway.config["gateway.httpPort"]
        with Php(f"http://127.0.0.1:{port}", php.flavour) as server:
            for path in ("/sessionmanager/index.php", "/sessionmanager/webservices/session_token.php?token=a&fqdn=b"):
                direct = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                with contextlib.closing(direct):
                    direct.request("GET", path)
                    expected = Reply(direct.getresponse())
                got = server.ask("GET", path)
                assert (got.status, got.body) == (expected.status, expected.body), path
                assert got.headers["Content-Type"] == expected.headers["Content-Type"]
            reply = server.ask("POST", "/sessionmanager/startsession.php", DOCUMENT_FORM, Content_Type=FORM)
            assert reply.status == 500 and b'<p class="msg_error centered">The service is not available' in reply.body
            reply = server.ask("POST", "/sessionmanager/ajax/login.php", b"login=jdoe&password=x&do_login=1", Content_Type=FORM)
            assert (reply.status, reply.body) == (404, b"Authentication failed")
