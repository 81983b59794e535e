"""Who the client is and whom it asks for: PROXY headers in and out, and TLS names."""

import ipaddress
import socket
import ssl
import struct
import subprocess

import pytest
from conftest import PATIENCE, PATIENCE_S, echoes, eventually, receive_exactly
from proxy_support import (
    PIECE,
    connect_to,
    echo,
    how_it_ends,
    is_refused,
    named,
    name_of_server,
    pattern,
    receive_pattern,
)

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TRUSTED = {"proxy_protocol": "required", "proxy_protocol_from": ["127.0.0.0/30", "::1"]}
V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 5555 443\r\n"


def v2(source, destination, command=0x21, more=b""):
    family = {4: 0x11, 6: 0x21}[ipaddress.ip_address(source[0]).version]
    body = b"".join(ipaddress.ip_address(one[0]).packed for one in (source, destination))
    body += struct.pack("!HH", source[1], destination[1]) + more
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(body)) + body


V2 = v2(("192.0.2.7", 5555), ("198.51.100.1", 443))
V2_LONG = v2(("192.0.2.7", 5555), ("198.51.100.1", 443), more=b"\xe0\x00\x05hello")


def in_pieces(connection, *pieces):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in pieces:
        connection.sendall(piece)


@pytest.mark.parametrize("header", [V1, V2, V2_LONG], ids=["v1", "v2", "v2 with more"])
def test_a_header_is_taken_off_however_it_comes(proxy, backend, header):
    server = backend()
    running = proxy([server], listen=TRUSTED)
    message = header + b"hello"
    ways = [[message], [message[i:i + 1] for i in range(len(message))],
            *([message[:at], message[at:]] for at in range(1, len(message), 7))]
    for pieces in ways:
        with running.connect() as client:
            in_pieces(client, *pieces)
            with server.accept() as accepted:
                assert receive_exactly(accepted, 5) == b"hello"
                accepted.sendall(pattern(100_000))
                assert receive_exactly(client, 100_000) == pattern(100_000)


def test_what_follows_a_header_at_once_is_not_lost(proxy, backend):
    server = backend()
    client = proxy([server], listen=TRUSTED).connect()
    client.sendall(V2 + pattern(300_000))
    client.shutdown(socket.SHUT_WR)
    assert receive_pattern(server.accept()) == (300_000, "end")


NO_HEADERS = [
    b"GET / HTTP/1.1\r\n", b"PROXY TCP4 1.2.3.4\r\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 99999 1\r\n",
    b"PROXY TCP4 " + b"1" * 200, SIGNATURE + b"\x31\x11\0\x0c" + bytes(12),
    SIGNATURE + b"\x21\x11\0\x02" + bytes(2), b"\x16\x03\x01\x02\0",
]


def test_a_wrong_header_is_refused_and_no_server_troubled(proxy, backend):
    server = backend(echo)
    running = proxy([server], listen=TRUSTED)
    for wrong in NO_HEADERS:
        with running.connect() as client:
            client.sendall(wrong)
            assert how_it_ends(client) == "reset", wrong
    with running.connect() as good:
        good.sendall(V1)
        assert echoes(good)
    assert len(server.connections) == 1


def test_who_sends_no_header_in_time_is_refused(proxy, backend):
    running = proxy([backend(echo)], listen=TRUSTED, timeouts={"header": "300ms"})
    silent, halfway, good = running.connect(), running.connect(), running.connect()
    halfway.sendall(V1[:20])
    good.sendall(V1)
    assert how_it_ends(silent) == "reset"
    assert how_it_ends(halfway) == "reset"
    assert echoes(good)


def test_who_ends_before_the_header_is_over_is_let_go(proxy, backend):
    running = proxy([backend(echo)], listen=TRUSTED)
    client = running.connect()
    client.sendall(V1[:20])
    client.shutdown(socket.SHUT_WR)
    assert how_it_ends(client) == "reset"
    eventually(lambda: running.metric("connections_open") == [0], "nothing is left")


def test_a_header_from_somebody_else_is_refused(proxy, backend):
    server = backend(echo)
    running = proxy([server], listen=TRUSTED)
    assert is_refused(running, source="127.0.0.9")
    with running.connect(source="127.0.0.2") as trusted:
        trusted.sendall(V1)
        assert echoes(trusted)
    assert len(server.connections) == 1


def test_lists_go_by_the_client_in_the_header(proxy, backend):
    running = proxy([backend(echo)], listen={**TRUSTED, "deny": ["192.0.2.0/24"]})
    denied, served = running.connect(), running.connect()
    denied.sendall(V1)
    assert how_it_ends(denied) == "reset"
    served.sendall(V1.replace(b"192.0.2.7", b"192.0.3.7"))
    assert echoes(served)


def test_a_hash_goes_by_the_client_in_the_header(proxy, backend):
    servers = [backend(named(name)) for name in "abc"]
    running = proxy(servers, listen=TRUSTED, upstream={"balance": "hash"})

    def served_by(number):
        with running.connect() as client:
            client.sendall(V1.replace(b"192.0.2.7", b"192.0.2.%d" % number))
            return name_of_server(client)

    chosen = [served_by(number) for number in range(20)]
    assert set(chosen) == set("abc")
    assert [served_by(number) for number in range(20)] == chosen


@pytest.mark.parametrize("place", ["127.0.0.1:0", "[::1]:0"])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_servers_are_told_who_the_client_is(proxy, backend, place, version):
    server = backend(place=place)
    running = proxy([server], listen={"address": place}, upstream={"send_proxy": version})
    client = running.connect()
    source, destination = client.getsockname()[:2], client.getpeername()[:2]
    if version == "v2":
        header = v2(source, destination)
    else:
        kind = "TCP6" if ":" in place.rpartition(":")[0] else "TCP4"
        header = (f"PROXY {kind} {source[0]} {destination[0]} {source[1]} {destination[1]}\r\n"
                  ).encode()
    accepted = server.accept()
    assert receive_exactly(accepted, len(header)) == header  # the client has not said a word
    client.sendall(b"hello")
    assert receive_exactly(accepted, 5) == b"hello"
    accepted.sendall(b"hi")
    assert receive_exactly(client, 2) == b"hi"


@pytest.mark.parametrize("version, passed_on", [("v1", V1), ("v2", V2)])
def test_a_header_is_passed_on_with_the_first_client_in_it(proxy, backend, version, passed_on):
    server = backend()
    running = proxy([server], listen=TRUSTED, upstream={"send_proxy": version})
    for header in (V1, V2, V2_LONG):
        running.connect().sendall(header + b"hello")
        assert receive_exactly(server.accept(), len(passed_on) + 5) == passed_on + b"hello"


def test_clients_of_a_unix_socket_may_send_headers_too(proxy, backend, tmp_path):
    server = backend()
    running = proxy([server], upstream={"send_proxy": "v1"}, listen={
        "address": f"unix:{tmp_path}/front", "proxy_protocol": "required"})
    client = running.connect()
    client.sendall(V2 + b"hello")
    assert receive_exactly(server.accept(), len(V1) + 5) == V1 + b"hello"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """By name: (certificate and key in one file)."""
    folder = tmp_path_factory.mktemp("certificates")
    made = {}
    for name in ("one.test", "other.test"):
        made[name] = folder / f"{name}.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "30", "-subj", f"/CN={name}", "-keyout", folder / "key",
             "-addext", f"subjectAltName=DNS:{name},DNS:*.{name}", "-out", folder / "certificate"],
            check=True, capture_output=True)
        made[name].write_bytes((folder / "key").read_bytes()
                               + (folder / "certificate").read_bytes())
    return made


def tls_echo(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def serve(connection):
        with context.wrap_socket(connection, server_side=True) as wrapped:
            while piece := wrapped.recv(PIECE):
                wrapped.sendall(piece)

    return serve


class TlsClient:
    """TLS whose bytes go through the test's hands: the hello leaves as it says."""

    def __init__(self, connection, certificate, name, cut=lambda hello: [hello]):
        context = ssl.create_default_context(cafile=certificate)
        context.check_hostname = name is not None
        self.connection, self.cut = connection, cut
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.run(self.tls.do_handshake)

    def run(self, function, *arguments):
        while True:
            wants_more = False
            try:
                result = function(*arguments)
            except ssl.SSLWantReadError:
                wants_more = True
            if said := self.outgoing.read():
                in_pieces(self.connection, *self.cut(said))
                self.cut = lambda said: [said]
            if not wants_more:
                return result
            received = self.connection.recv(PIECE)
            if not received:
                raise ConnectionResetError("ended by the server")
            self.incoming.write(received)

    def exchange(self, message):
        self.run(self.tls.write, message)
        received = b""
        while len(received) < len(message):
            received += self.run(self.tls.read, len(message) - len(received))
        return received


@pytest.fixture
def by_name(proxy, backend, certificates):
    """A proxy before two TLS servers, each reached by its name."""

    def begin(limits=None, **listen):
        servers = {name: backend(tls_echo(path)) for name, path in certificates.items()}
        return proxy(config={
            "workers": {"count": 1},
            "limits": limits or {},
            "listen": [{"address": "127.0.0.1:0", **listen}],
            "timeouts": {"header": f"{500 * PATIENCE}ms"},
            "route": [{"sni": ["one.test", "*.one.test"], "upstream": "one"},
                      {"sni": "other.test", "upstream": "other"}],
            "upstream": [{"name": name.removesuffix(".test"), "servers": [server.place]}
                         for name, server in servers.items()],
        })

    return begin


def talk(running, certificates, name, certificate=None, **how):
    with running.connect() as connection:
        client = TlsClient(connection, certificates[certificate or name], name, **how)
        assert client.exchange(b"hello") == b"hello"
        return client.exchange(pattern(15_000)) == pattern(15_000)


def test_tls_is_passed_to_the_server_that_was_asked_for(by_name, certificates):
    running = by_name()
    for name in certificates:
        assert talk(running, certificates, name)
    assert talk(running, certificates, "a.one.test", "one.test")
    assert talk(running, certificates, "ONE.test", "one.test")


def test_a_hello_may_come_in_pieces(by_name, certificates):
    running = by_name()
    for at in (1, 4, 5, 6, 9, 43, 100, 200):
        assert talk(running, certificates, "other.test", cut=lambda said: [said[:at], said[at:]])
    assert talk(running, certificates, "other.test",
                cut=lambda said: [said[i:i + 1] for i in range(len(said))])


def in_records(hello, size):
    """The same hello in several TLS records, as they may be when it is long."""
    head, body = hello[:3], hello[5:]
    return [head + struct.pack("!H", len(part)) + part
            for part in (body[i:i + size] for i in range(0, len(body), size))]


@pytest.mark.parametrize("header", [b"", V1])
def test_a_client_counts_once(by_name, certificates, header):
    running = by_name({"max_connections_per_client": 1}, **(TRUSTED if header else {}))

    def served():
        try:
            return talk(running, certificates, "one.test", cut=lambda hello: [header + hello])
        except (ConnectionResetError, BrokenPipeError):
            return False

    assert served()
    for _ in range(3):
        eventually(served, "once the one before has left")


def test_a_hello_may_be_spread_over_records(by_name, certificates):
    assert talk(by_name(), certificates, "one.test", cut=lambda said: in_records(said, 50))


def test_a_name_nobody_serves_is_refused(by_name, certificates):
    running = by_name()
    for name in ("third.test", "x.other.test", None):
        with running.connect() as connection, pytest.raises(ConnectionResetError):
            TlsClient(connection, certificates["one.test"], name)


def test_a_name_nobody_serves_goes_to_the_default(by_name, certificates):
    running = by_name(upstream="one")
    with running.connect() as connection:
        client = TlsClient(connection, certificates["one.test"], None)
        assert client.exchange(b"hello") == b"hello"
    with running.connect() as connection, pytest.raises(ssl.SSLCertVerificationError):
        TlsClient(connection, certificates["one.test"], "third.test")  # it is not who answers


def test_what_is_no_hello_is_refused(by_name):
    running = by_name(upstream="one")
    for wrong in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\0\0", b"\x15" * 50):
        with running.connect() as connection:
            connection.sendall(wrong)
            assert how_it_ends(connection) == "reset", wrong


def test_a_hello_that_never_ends_is_refused_in_time(by_name):
    with by_name().connect() as connection:
        connection.sendall(b"\x16\x03\x01\x40\0\x01\0\x3f\xfc")
        assert how_it_ends(connection) == "reset"


def test_a_hello_may_follow_a_proxy_header(by_name, certificates):
    running = by_name(**TRUSTED)
    assert talk(running, certificates, "one.test", cut=lambda said: [V2 + said])
    assert talk(running, certificates, "one.test", cut=lambda said: [V1, said])


def test_routes_may_be_of_one_listener_alone(proxy, backend, certificates):
    one, plain = backend(tls_echo(certificates["one.test"])), backend(echo)
    running = proxy(config={
        "workers": {"count": 1},
        "listen": [{"address": "127.0.0.1:0", "name": "tls"},
                   {"address": "127.0.0.1:0", "name": "plain", "upstream": "plain"}],
        "route": [{"sni": "one.test", "listen": "tls", "upstream": "one"}],
        "upstream": [{"name": "one", "servers": [one.place]},
                     {"name": "plain", "servers": [plain.place]}],
    })
    assert talk(running, certificates, "one.test")
    with connect_to(running.places[1]) as connection:
        connection.settimeout(PATIENCE_S)
        assert echoes(connection, b"no TLS here")
