"""Two machines and a cable between them, for faults that loopback has not. They are network
namespaces without names: when nobody holds them any more, the kernel takes them away."""

import contextlib
import ctypes
import functools
import os
import pathlib
import re
import subprocess

NEAR = "192.0.2.1"  # where the server runs, and the test
FAR = "192.0.2.2"
NOWHERE = "198.18"  # addresses that begin like this belong to nobody

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_NETWORK = 0x40000000


def _call(function, *arguments):
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _open_own():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _run(*words):
    ended = subprocess.run(words, capture_output=True, text=True)
    assert ended.returncode == 0, f"{' '.join(words)}: {ended.stderr}"
    return ended.stdout


@functools.cache
def missing():
    """Why there can be no such network here; nothing if there can."""
    if os.getuid() != 0:
        return "only root can make a network"
    attempt = """ip link add near type veth peer name far
        tc qdisc add dev near root tbf rate 1mbit burst 16k latency 50ms
        nft add table ip ouro"""
    ended = subprocess.run(
        ["unshare", "--net", "sh", "-ec", attempt], capture_output=True, text=True
    )
    return None if ended.returncode == 0 else f"no network can be made: {ended.stderr.strip()}"


class Network:
    """While the block runs this thread, and what it starts, is on the near machine."""

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            home = _open_own()
            undo.callback(os.close, home)
            _call(_LIBC.unshare, _NEW_NETWORK)
            self._far = _open_own()
            undo.callback(os.close, self._far)
            undo.callback(_call, _LIBC.setns, home, _NEW_NETWORK)
            _call(_LIBC.unshare, _NEW_NETWORK)
            self._near = _open_own()
            undo.callback(os.close, self._near)
            self._connect()
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_):
        self._undo.close()

    def _connect(self):
        far = f"/proc/{os.getpid()}/fd/{self._far}"
        _run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", far)
        self._bring_up("near", NEAR)
        _run("ip", "route", "add", "default", "via", FAR)
        with self.far():
            self._bring_up("far", FAR)

    def _bring_up(self, name, address):
        _run("ip", "link", "set", "lo", "up")
        _run("ip", "address", "add", f"{address}/24", "dev", name)
        _run("ip", "link", "set", name, "up")
        # A packet is what fits into a frame, and what is lost is sent again soon.
        _run("ip", "link", "set", name, "gso_max_segs", "1")
        _run("ip", "route", "change", "192.0.2.0/24", "dev", name, "rto_min", "20ms")
        _run("nft", "add table ip ouro; "
             "add chain ip ouro incoming { type filter hook input priority 0; }")

    @contextlib.contextmanager
    def far(self):
        """What is connected or started in the block, is on the far machine."""
        _call(_LIBC.setns, self._far, _NEW_NETWORK)
        try:
            yield
        finally:
            _call(_LIBC.setns, self._near, _NEW_NETWORK)

    def filter(self, rule, interface="near"):
        """What comes in on this machine's end of the cable meets this rule as well."""
        _run("nft", f'add rule ip ouro incoming iifname "{interface}" {rule}')

    def filtered(self):
        """Packets that met a rule with a counter."""
        return sum(map(int, re.findall(r"counter packets (\d+)", _run("nft", "list", "ruleset"))))

    def heal(self):
        _run("nft", "flush", "chain", "ip", "ouro", "incoming")

    def lose(self, some=""):
        """All packets, or some, both ways."""
        self.filter(f"{some} counter drop")
        with self.far():
            self.filter(f"{some} counter drop", "far")

    def slow_down(self, rate):
        """What leaves the near machine."""
        _run("tc", "qdisc", "add", "dev", "near", "root", "tbf", "rate", rate,
             "burst", "256k", "latency", "50ms")

    def unplug(self):
        with self.far():
            _run("ip", "link", "set", "far", "down")

    def set(self, name, value):
        pathlib.Path("/proc/sys/net/ipv4", name).write_text(value)

    def half_open(self):
        return len(_run("ss", "--no-header", "--numeric", "state", "syn-recv").splitlines())
