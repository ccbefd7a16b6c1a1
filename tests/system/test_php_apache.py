# SPDX-License-Identifier: GPL-3.0-or-later
"""php-compat/ as it is meant to be used: PHP as a module of Apache, configured with the very lines of its README."""

import contextlib
import http.client
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.parse

import fake_host
import ovdclient
import pytest
import test_php_compat as compat
import testenv
from ovdviewer import Tunnel, rfb_result
from test_php_compat import COMPAT, DOCUMENT_FORM, FORM, FOLDERS, PATHS, answer

MODULES = pathlib.Path("/usr/lib/apache2/modules")


def documented():
    """The configuration that the README tells people to write."""
    text = (COMPAT / "README.md").read_text()
    block = re.search(r"(?:^ {7}.*\n)+", text[text.index("       Alias /sessionmanager") :], re.MULTILINE)[0]
    assert block.count("Alias") == 2 and "</FilesMatch>" in block
    return block


class Apache(compat.Php):
    """Apache, with a copy of the folder that its account can read; a context manager with the requests of compat.Php."""

    def __init__(self, backend, **options):
        self.port = testenv.free_port()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="isthmus-apache-", dir="/tmp"))
        self.directory.chmod(0o755)
        root = self.directory / "php-compat"
        shutil.copytree(COMPAT, root)
        text = (COMPAT / "config.php.dist").read_text()
        text = text.replace("http://127.0.0.1:8080", backend).replace("http://127.0.0.1:8082", options.get("application_server", backend))
        (root / "config.php").write_text(text)
        (self.directory / "www").mkdir()
        (self.directory / "www/outside.txt").write_text("outside")
        (php,) = MODULES.glob("libphp*.so")
        lines = [
            f"ServerRoot {self.directory}", "ServerName localhost", f"Listen 127.0.0.1:{self.port}", "TypesConfig /dev/null",
            f"PidFile {self.directory}/pid",
            f"ErrorLog {self.directory}/error.log", f"DocumentRoot {self.directory}/www", "User www-data", "Group www-data", "TimeOut 150",
            *(f"LoadModule {m}_module {MODULES}/mod_{m}.so" for m in ("mpm_prefork", "authz_core", "alias", "dir", "mime")),
            f"LoadModule php_module {php}", "StartServers 3", "MinSpareServers 1", "ServerLimit 20", "MaxRequestWorkers 20",
            '<FilesMatch "\\.php$">', "SetHandler application/x-httpd-php", "</FilesMatch>", "php_admin_value memory_limit 24M",
            documented().replace("/usr/share/isthmus/php-compat", str(root)),
        ]  # fmt: skip
        (self.directory / "apache.conf").write_text("\n".join(lines) + "\n")
        self.process = subprocess.Popen(
            ["/usr/sbin/apache2", "-f", str(self.directory / "apache.conf"), "-D", "FOREGROUND"],
            stdin=subprocess.DEVNULL,
            stderr=open(self.directory / "stderr", "wb"),
            start_new_session=True,  # it sends its own signals to its whole group
        )
        testenv.until(self.answers, "Apache listens")

    def logs(self, lines=60):
        return "\n".join(f.read_text() for f in (self.directory / "stderr", self.directory / "error.log") if f.exists())

    def __exit__(self, *error):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(compat.WAIT)
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture(scope="module")
def backend():
    server = compat.Backend()
    yield server
    server.close()


@pytest.fixture(scope="module")
def apache(backend):
    with Apache(backend.url) as server:
        yield server


@pytest.fixture(autouse=True)
def fresh(backend):
    backend.reset()


def test_the_form_of_the_document(apache, backend):
    target = "http://host.example:8082/applicationserver/index.php?token=1795229214KyCE5"
    backend.reset(answer(status="302 Found", headers=[f"Location: {target}", "Content-Type: text/html", "Set-Cookie: PHPSESSID=s1; path=/"]))
    reply = apache.ask("POST", "/sessionmanager/startsession.php", DOCUMENT_FORM, Content_Type=FORM, X_Forwarded_For="203.0.113.9")
    assert (reply.status, reply.body) == (302, b"")
    assert reply.headers.get_all("Location") == [target]
    assert reply.headers.get_all("Content-Type") == ["text/html"]
    assert reply.headers.get_all("Set-Cookie") == ["PHPSESSID=s1; path=/"]
    got = backend.last
    assert (got.method, got.target, got.body) == ("POST", "/sessionmanager/startsession.php", DOCUMENT_FORM)
    assert got.header("Content-Type") == FORM and got.header("Host") == f"127.0.0.1:{apache.port}"
    assert got.all("X-Forwarded-For") == ["127.0.0.1"]


def test_every_path(apache, backend):
    for path in PATHS + FOLDERS:
        backend.reset()
        assert apache.ask("GET", path + "?a=1&b=%2F").status == 200, path
        assert (backend.last.method, backend.last.target, backend.last.size) == ("GET", path + "?a=1&b=%2F", 0)


def test_relative_redirects_of_folders(apache, backend):
    """index.php sends browsers to "desktop/?token=": that has to come back here."""
    backend.reset(answer(status="302 Found", headers=["Location: desktop/?token=T"]))
    reply = apache.ask("GET", "/applicationserver/index.php?token=T")
    assert (reply.status, reply.headers["Location"]) == (302, "desktop/?token=T")
    backend.reset()
    assert apache.ask("GET", "/applicationserver/desktop").headers["Location"].endswith("/applicationserver/desktop/")
    assert backend.seen == []


def test_cookies_and_the_text_of_answers(apache, backend):
    page = b'<?xml version="1.0" encoding="utf-8"?>\n<session status="2"/>\n \n'
    cookies = ["PHPSESSID=a1; path=/", "other=b%202; HttpOnly"]
    backend.reset(answer(page, headers=[*(f"Set-Cookie: {c}" for c in cookies), "Content-Type: text/xml; charset=utf-8"]))
    reply = apache.ask("GET", "/applicationserver/whatsup.php?application_id=desktop", Cookie="PHPSESSID=zz; x=1")
    assert backend.last.header("Cookie") == "PHPSESSID=zz; x=1"
    assert reply.headers.get_all("Set-Cookie") == cookies
    assert reply.headers.get_all("Content-Type") == ["text/xml; charset=utf-8"]
    assert reply.headers["X-Powered-By"] is None and reply.body == page


@pytest.mark.parametrize("status", [400, 401, 404, 405, 500])
def test_failures_are_the_backends(apache, backend, status):
    backend.reset(answer(b"ERROR - NO $_GET['fqdn']", status=f"{status} Whatever"))
    reply = apache.ask("GET", "/sessionmanager/webservices/server_status.php")
    assert (reply.status, reply.body) == (status, b"ERROR - NO $_GET['fqdn']")


def test_multipart_stays_as_it_came(apache, backend):
    """.htaccess keeps PHP from reading it."""
    parts = [('name="fqdn"', b"host"), ('name="a.b c[]"', b"1"), ('name="xml"; filename="m.xml"\r\nContent-Type: text/xml', b"<m/>")]
    body, kind = compat.multipart(parts)
    assert apache.ask("POST", "/sessionmanager/webservices/server_monitoring.php", body, Content_Type=kind).status == 200
    assert backend.last.body == body and backend.last.header("Content-Type") == kind


def chunks(block, count):
    for _ in range(count):
        yield block


@pytest.mark.parametrize("chunked", [False, True])
def test_a_big_upload_within_bounded_memory(apache, backend, chunked):
    block = bytes(range(256)) * 4096
    body = chunks(block, 40) if chunked else block * 40
    connection = http.client.HTTPConnection("127.0.0.1", apache.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", "/sessionmanager/webservices/server_monitoring.php", body, {"Content-Type": "application/octet-stream"},
                           encode_chunked=chunked)  # fmt: skip
        assert connection.getresponse().status == 200, apache.logs()
    assert backend.last.size == 40 * len(block)


def test_a_long_answer_streams(apache, backend):
    seen = threading.Event()
    block = bytes(range(256)) * 256

    def script(peer):
        peer.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: {len(block) * 640}\r\n\r\n".encode() + block)
        assert seen.wait(compat.WAIT)  # the client has the first block before there is a second
        for _ in range(639):
            peer.sendall(block)

    backend.reset(script)
    connection = http.client.HTTPConnection("127.0.0.1", apache.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", "/applicationserver/print.php?timestamp=1")
        response = connection.getresponse()
        assert response.read(len(block)) == block
        seen.set()
        assert sum(len(data) for data in iter(lambda: response.read(1 << 20), b"")) == 639 * len(block)


def test_the_backend_is_down(apache):
    with Apache(f"http://127.0.0.1:{testenv.free_port()}") as alone:
        reply = alone.ask("POST", "/sessionmanager/startsession.php", b"login=a&password=secret", Content_Type=FORM)
        assert reply.status == 502 and b"The service is not available, please try again later." in reply.body
        assert "isthmus: /sessionmanager/startsession.php: " in alone.logs() and "secret" not in alone.logs()


def test_what_nobody_should_read(apache, backend):
    for path in ("/sessionmanager/.htaccess", "/applicationserver/.user.ini"):
        assert apache.ask("GET", path).status == 403, path
    for path in ("/config.php", "/isthmus-proxy.php", "/sessionmanager/", "/sessionmanager/../config.php"):
        reply = apache.ask("GET", path)
        assert b"array" not in reply.body and b"function" not in reply.body, path
    assert apache.ask("GET", "/outside.txt").body == b"outside"


def test_in_front_of_a_real_gateway(backend):
    with fake_host.Gateway(ovd__sessionManager="true", gateway__trustedProxies="127.0.0.1", ovd__defaultMode="desktop") as gateway:
        host = fake_host.FakeHost(gateway)
        try:
            assert host.register(capabilities=["ovd-port=8099"]).status == 200
            with Apache(f"http://127.0.0.1:{gateway.config['gateway.httpPort']}") as server:
                form = b"login=admin&session_mode=desktop&locale=fr_FR.UTF-8&client=strict&password="
                reply = server.ask("POST", "/sessionmanager/startsession.php", form + b"wrong", Content_Type=FORM)
                assert reply.status == 500 and b'<p class="msg_error centered">The service is not available' in reply.body
                reply = server.ask("POST", "/sessionmanager/startsession.php", form + gateway.password.encode(), Content_Type=FORM)
                assert reply.status == 302, reply.body
                assert re.fullmatch(r"http://127\.0\.0\.1:8099/applicationserver/index\.php\?token=[0-9A-Za-z]{32}", reply.headers["Location"])
                # A login by cookie, as portals with a page of their own do it.
                reply = server.ask("POST", "/sessionmanager/ajax/login.php", b"do_login=1&login=admin&password=" + gateway.password.encode(),
                                   Content_Type=FORM)  # fmt: skip
                assert (reply.status, reply.body) == (200, b"You are now logged in")
                cookie = re.match(r"PHPSESSID=[0-9A-Za-z]+", reply.headers["Set-Cookie"])[0]
                reply = server.ask("GET", "/sessionmanager/applications.php", Cookie=cookie)
                assert reply.headers["Content-Type"] == "text/xml; charset=utf-8" and b"<application id=" in reply.body
        finally:
            host.close()


def test_a_whole_session_through_apache(backend):
    """A farm whose clients see nothing but the old web server, but for the tunnel."""
    config = {**ovdclient.CONFIG, "gateway.trustedProxies": "127.0.0.1", "webstreamSettings.serverMaxSessionCount": 1}
    with testenv.Instance(config=config) as instance:
        ovd = ovdclient.OvdClient(instance)
        host = re.search(r"ovd=([0-9]+)", instance.log("all"))[1]
        with Apache(ovd.manager.removesuffix("/sessionmanager"), application_server=f"http://127.0.0.1:{host}") as apache:
            front = f"127.0.0.1:{apache.port}"
            ovd.manager = f"http://{front}/sessionmanager"
            location = ovd.form(client="strict").location
            assert urllib.parse.urlsplit(location).netloc == f"127.0.0.1:{host}"
            ovd.open(location.replace(f"127.0.0.1:{host}", front))
            aps = ovd.session.find("aps")
            assert (aps.get("server"), aps.get("port"), aps.get("location")) == ("127.0.0.1", str(apache.port), "/applicationserver")
            ovd.until(0)
            ovd.start()
            ovd.until(2, 2, "desktop")
            access = ovd.access()
            assert access.host == "127.0.0.1" and access.vnc_port >= 5900
            with Tunnel(access).wait() as tunnel:
                assert rfb_result(tunnel.port, access.vnc_password) == 0
                assert ovd.ask("print.php", timestamp=0).status == 404
                ovd.exit()
            assert ovd.whatsup().status == 4
            # Where a browser is sent to is relative to what it asked for, and then the address of the browser client.
            testenv.until(lambda: not ovdclient.keepers(instance), "the host is empty")
            location = testenv.until(lambda: (r := ovd.form(client="browser")).status == 302 and r, "the next one").location
            reply = ovd.follow(location.replace(f"127.0.0.1:{host}", front))
            assert reply.location.startswith("desktop/?token=")
            page = ovdclient.ask(f"{ovd.base}/{reply.location}", cookie=ovd.cookie)
            assert page.location.startswith(f"https://127.0.0.1:{instance.port}/#code="), page
        instance.stop()
