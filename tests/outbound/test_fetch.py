"""The guarded fetch: what it reaches, what it refuses, and that refusals reveal nothing."""

import hashlib
import io
import math
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tchavi_studio.outbound import (
    FetchedFile,
    OutboundPolicy,
    OutboundRefusedError,
    OutboundTooLargeError,
    fetch_to_file,
)

Handler = Callable[[socket.socket, str], None]
"""Takes the connection and the request's head, and answers with raw bytes."""


@contextmanager
def raw_server(handler: Handler) -> Iterator[int]:
    """A loopback server that sends exactly the given bytes. Yields its port."""

    class RequestHandler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            while b"\r\n\r\n" not in head:
                part = self.request.recv(4096)
                if not part:
                    return
                head += part
            with suppress(OSError):  # the client under test may hang up, as it should
                handler(self.request, head.decode("latin-1"))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), RequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def answer(body: bytes, *, status: str = "200 OK", headers: Sequence[str] = (), length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def fixed(reply: bytes) -> Handler:
    return lambda connection, head: connection.sendall(reply)


def fetch(
    url: str,
    *,
    allow: Sequence[str] = (),
    into: io.BytesIO | None = None,
    max_bytes: int = 1000,
    timeout_seconds: float = 5,
    idle_seconds: float = math.inf,
    **policy: object,
) -> FetchedFile:
    return fetch_to_file(
        url,
        into if into is not None else io.BytesIO(),
        max_bytes=max_bytes,
        timeout_seconds=timeout_seconds,
        idle_seconds=idle_seconds,
        policy=OutboundPolicy(allowed_peers=frozenset(allow), **policy),  # type: ignore[arg-type]
    )


# --- What is never tried ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "not a url",
        "example.com/a.png",
        "//example.com/a.png",
        "file:///etc/passwd",
        "ftp://example.com/a.png",
        "gopher://example.com/",
        "ws://example.com/",
        "http://",
        "http:///path",
        "http://user:secret@example.com/a.png",
        "http://user@example.com/a.png",
        "http://example.com:22/",
        "http://example.com:8080/",
        "https://example.com:6379/",
        "http://example.com:99999/",
        "http://example.com/\x00",
        "http://[::1/",
        "http://example.com/" + "a" * 5000,
        "http://\udcff/",
    ],
)
def test_an_invalid_url_is_refused_before_any_lookup(url: str) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return []

    with pytest.raises(OutboundRefusedError):
        fetch(url, resolve=resolve)
    assert asked == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]", "0"],
)
def test_loopback_is_refused_however_it_is_spelled(host: str) -> None:
    with pytest.raises(OutboundRefusedError):
        fetch(f"http://{host}/")


def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    with pytest.raises(OutboundRefusedError):
        fetch("http://mixed.example/", resolve=lambda host, port: ["93.184.216.34", "10.0.0.1"])


def test_dns_is_resolved_only_once() -> None:
    """DNS rebinding: the checked address is also the one used; a second lookup would give another."""
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    asked: list[str] = []
    seen: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers.pop(0)

    def handler(connection: socket.socket, head: str) -> None:
        seen.append(connection.getsockname()[0])
        connection.sendall(answer(b"ok"))

    with raw_server(handler) as port:
        fetch(f"http://rebinding.example:{port}/", allow=[f"rebinding.example:{port}"], resolve=resolve)
    assert (asked, seen) == (["rebinding.example"], ["127.0.0.1"])


def test_a_name_that_rebinds_between_redirects_is_checked_again() -> None:
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    redirect = answer(b"", status="302 Found", headers=["Location: http://rebinding.example/"])
    with raw_server(fixed(redirect)) as port, pytest.raises(OutboundRefusedError):
        fetch(
            f"http://first.example:{port}/",
            allow=[f"first.example:{port}"],
            resolve=lambda host, port: answers.pop(0),
        )
    assert answers == []


def test_the_allow_list_matches_hosts_as_written() -> None:
    with raw_server(fixed(answer(b"ok"))) as port:
        assert fetch(f"http://127.0.0.1:{port}/", allow=[f"127.0.0.1:{port}"]).byte_count == 2
        assert fetch(f"http://LOCALHOST:{port}/", allow=[f"LocalHost:{port}"]).byte_count == 2
        for allow in ([f"127.0.0.1:{port + 1}"], ["127.0.0.1"], [f"localhost:{port}"], [f"27.0.0.1:{port}"], ["*:*"]):
            with pytest.raises(OutboundRefusedError):
                fetch(f"http://127.0.0.1:{port}/", allow=allow)


def test_every_refusal_has_the_same_message() -> None:
    """An open port, a closed one, a forbidden address, a missing page and a bad name are indistinguishable."""
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    closed_port = closed.getsockname()[1]
    messages = set()

    def resolve(host: str, port: int) -> list[str]:
        if host == "name.invalid":
            raise socket.gaierror
        return [host]

    with raw_server(fixed(answer(b"no", status="404 Not Found"))) as port:
        for url, allow in [
            (f"http://127.0.0.1:{port}/", []),
            (f"http://127.0.0.1:{port}/", [f"127.0.0.1:{port}"]),
            (f"https://127.0.0.1:{port}/", [f"127.0.0.1:{port}"]),
            (f"http://127.0.0.1:{closed_port}/", []),
            (f"http://127.0.0.1:{closed_port}/", [f"127.0.0.1:{closed_port}"]),
            ("http://10.0.0.1/", []),
            ("http://name.invalid/", []),
            ("gopher://127.0.0.1/", []),
        ]:
            with pytest.raises(OutboundRefusedError) as refused:
                fetch(url, allow=allow, resolve=resolve, timeout_seconds=0.5)
            messages.add(str(refused.value))
    closed.close()
    assert messages == {"The address could not be fetched."}


def test_proxies_from_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with raw_server(fixed(answer(b"direct"))) as port:
        assert fetch(f"http://127.0.0.1:{port}/", allow=[f"127.0.0.1:{port}"]).byte_count == 6


# --- What is fetched --------------------------------------------------------------------------------------------------


def test_a_file_is_fetched_with_its_metadata(tmp_path: Path) -> None:
    heads: list[str] = []

    def handler(connection: socket.socket, head: str) -> None:
        heads.append(head)
        connection.sendall(answer(b"hello", headers=["Content-Type: image/png"]))

    with raw_server(handler) as port:
        url = f"http://files.example:{port}/a.png?b=c"
        fetched = fetch_to_file(
            url,
            tmp_path / "a",
            max_bytes=5,
            timeout_seconds=5,
            policy=OutboundPolicy(
                allowed_peers=frozenset({f"files.example:{port}"}), resolve=lambda host, port: ["127.0.0.1"]
            ),
        )
    assert fetched == FetchedFile(
        byte_count=5, content_type="image/png", final_url=url, sha256=hashlib.sha256(b"hello").hexdigest()
    )
    assert (tmp_path / "a").read_bytes() == b"hello"
    assert heads[0].startswith("GET /a.png?b=c HTTP/1.1\r\n")
    assert f"host: files.example:{port}\r\n" in heads[0].lower()
    assert "accept-encoding: identity\r\n" in heads[0].lower()


def test_the_next_address_is_tried_when_the_first_does_not_answer() -> None:
    with raw_server(fixed(answer(b"ok"))) as port:
        fetched = fetch(
            f"http://two.example:{port}/",
            allow=[f"two.example:{port}"],
            resolve=lambda host, port: ["127.0.0.9", "127.0.0.1"],
        )
    assert fetched.byte_count == 2


def redirecting(hops: int) -> Handler:
    """Redirects from /0 to /1 and so on, and serves a body at /<hops>."""

    def handler(connection: socket.socket, head: str) -> None:
        step = int(re.match(r"GET /(\d+)", head)[1])  # type: ignore[index]
        if step < hops:
            connection.sendall(answer(b"", status="302 Found", headers=[f"Location: /{step + 1}"]))
        else:
            connection.sendall(answer(b"there"))

    return handler


def test_three_redirects_are_followed() -> None:
    with raw_server(redirecting(3)) as port:
        fetched = fetch(f"http://127.0.0.1:{port}/0", allow=[f"127.0.0.1:{port}"])
    assert (fetched.byte_count, fetched.final_url) == (5, f"http://127.0.0.1:{port}/3")


def test_a_fourth_redirect_is_not() -> None:
    with raw_server(redirecting(4)) as port, pytest.raises(OutboundRefusedError):
        fetch(f"http://127.0.0.1:{port}/0", allow=[f"127.0.0.1:{port}"])


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{other}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:{other}/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{other}/",
        "http://user:secret@127.0.0.1:{port}/",
        "http://xn--a/",
    ],
)
def test_a_redirect_to_a_private_address_is_refused(location: str) -> None:
    reached: list[str] = []

    def secret(connection: socket.socket, head: str) -> None:
        reached.append(head)
        connection.sendall(answer(b"secret"))

    with raw_server(secret) as other:

        def handler(connection: socket.socket, head: str) -> None:
            target = location.format(other=other, port=connection.getsockname()[1])
            connection.sendall(answer(b"", status="302 Found", headers=[f"Location: {target}"]))

        with raw_server(handler) as port, pytest.raises(OutboundRefusedError):
            fetch(f"http://127.0.0.1:{port}/", allow=[f"127.0.0.1:{port}"])
    assert reached == []


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial Content", "304 Not Modified", "403 No", "500 No"])
def test_only_200_is_accepted_and_trusted_callers_learn_the_status(status: str) -> None:
    with raw_server(fixed(answer(b"", status=status))) as port, pytest.raises(OutboundRefusedError) as refused:
        fetch(f"http://127.0.0.1:{port}/", allow=[f"127.0.0.1:{port}"])
    assert refused.value.status_code == int(status[:3])


def test_compressed_bodies_are_refused() -> None:
    with (
        raw_server(fixed(answer(b"x", headers=["Content-Encoding: gzip"]))) as port,
        pytest.raises(OutboundRefusedError),
    ):
        fetch(f"http://127.0.0.1:{port}/", allow=[f"127.0.0.1:{port}"])


# --- Caps -------------------------------------------------------------------------------------------------------------


def test_the_byte_cap_is_exact() -> None:
    with raw_server(fixed(answer(b"x" * 1000))) as port:
        assert fetch(f"http://127.0.0.1:{port}/", allow=[f"127.0.0.1:{port}"], max_bytes=1000).byte_count == 1000
        with pytest.raises(OutboundTooLargeError):
            fetch(f"http://127.0.0.1:{port}/", allow=[f"127.0.0.1:{port}"], max_bytes=999)


def test_a_body_without_a_length_stops_at_the_cap() -> None:
    def handler(connection: socket.socket, head: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    into = io.BytesIO()
    with raw_server(handler) as port, pytest.raises(OutboundTooLargeError):
        fetch(f"http://127.0.0.1:{port}/", allow=[f"127.0.0.1:{port}"], into=into, max_bytes=100_000)
    assert len(into.getvalue()) <= 100_000


def test_a_chunked_body_that_declares_a_small_length_is_refused(tmp_path: Path) -> None:
    """With both headers, no more than the cap is written, and a partial body never counts as complete."""
    chunks = b"".join(b"400\r\n" + b"x" * 1024 + b"\r\n" for _ in range(4)) + b"0\r\n\r\n"
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    with raw_server(fixed(reply)) as port, pytest.raises(OutboundRefusedError):
        fetch(f"http://127.0.0.1:{port}/", allow=[f"127.0.0.1:{port}"], max_bytes=1000)


def test_a_body_shorter_than_declared_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with raw_server(fixed(answer(b"half", length=8))) as port, pytest.raises(OutboundRefusedError):
        fetch_to_file(
            f"http://127.0.0.1:{port}/",
            tmp_path / "file",
            max_bytes=100,
            timeout_seconds=5,
            policy=OutboundPolicy(allowed_peers=frozenset({f"127.0.0.1:{port}"})),
        )
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with raw_server(fixed(answer(b"other"))) as port, pytest.raises(FileExistsError):
        fetch_to_file(
            f"http://127.0.0.1:{port}/",
            tmp_path / "file",
            max_bytes=100,
            timeout_seconds=5,
            policy=OutboundPolicy(allowed_peers=frozenset({f"127.0.0.1:{port}"})),
        )
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("part", ["head", "body", "silence"])
def test_a_slow_drip_ends_at_the_total_deadline(part: str) -> None:
    """Every byte arrives within the read timeout; only the total deadline stops it."""

    def handler(connection: socket.socket, head: str) -> None:
        if part == "silence":
            connection.recv(1)
        if part == "body":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
        if part == "head":
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    started = time.monotonic()
    with raw_server(handler) as port, pytest.raises(OutboundRefusedError):
        fetch(f"http://127.0.0.1:{port}/", allow=[f"127.0.0.1:{port}"], timeout_seconds=0.2)
    assert 0.2 <= time.monotonic() - started < 1


def test_a_stalled_body_ends_long_before_the_total_deadline() -> None:
    def handler(connection: socket.socket, head: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nx")
        connection.recv(1)

    started = time.monotonic()
    with raw_server(handler) as port, pytest.raises(OutboundRefusedError):
        fetch(f"http://127.0.0.1:{port}/", allow=[f"127.0.0.1:{port}"], timeout_seconds=30, idle_seconds=0.2)
    assert 0.2 <= time.monotonic() - started < 2


def test_a_hanging_resolver_ends_at_the_total_deadline() -> None:
    release = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        release.wait(5)
        return []

    started = time.monotonic()
    with pytest.raises(OutboundRefusedError):
        fetch("http://slow.example/", timeout_seconds=0.1, resolve=resolve)
    release.set()
    assert time.monotonic() - started < 1


# --- TLS --------------------------------------------------------------------------------------------------------------


def test_tls_checks_the_name_of_the_url_and_not_the_pinned_address(tmp_path: Path) -> None:
    import datetime
    import ssl

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "files.example")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("files.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "pem").write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(tmp_path / "pem")
    server_names: list[str | None] = []
    server_context.sni_callback = lambda connection, server_name, context: server_names.append(server_name)
    client_context = ssl.create_default_context(cafile=str(tmp_path / "pem"))

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def serve() -> None:
        for _ in range(2):
            connection = listener.accept()[0]
            try:
                with server_context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(4096)
                    secured.sendall(answer(b"secured"))
            except (ssl.SSLError, ConnectionError):
                connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:

        def get(host: str, context: ssl.SSLContext | None) -> FetchedFile:
            return fetch_to_file(
                f"https://{host}:{port}/",
                io.BytesIO(),
                max_bytes=100,
                timeout_seconds=5,
                policy=OutboundPolicy(
                    allowed_peers=frozenset({f"{host}:{port}"}), resolve=lambda host, port: ["127.0.0.1"]
                ),
                ssl_context=context,
            )

        assert get("files.example", client_context).byte_count == 7
        with pytest.raises(OutboundRefusedError):
            get("other.example", client_context)
    finally:
        thread.join()
        listener.close()
    assert server_names == ["files.example", "other.example"]


def test_the_package_needs_no_django() -> None:
    script = "import sys, tchavi_studio.outbound; sys.exit(any(name.split('.')[0] == 'django' for name in sys.modules))"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])
