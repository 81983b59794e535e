#!/usr/bin/env python3
"""Both engines under everything at once, for as long as one likes.

    tests/soak/soak.py MINUTES OUT    (tools/soak run MINUTES builds what it needs and calls this)

Four echo servers and four proxies before an echo server, each engine built for release and with
sanitizers, go through the same round again and again: short connections, streams, requests at a
rate, idle connections, resets, clients that never read, and workers that are killed, stopped and
continued meanwhile. The proxies are given another config all the time. Every byte that comes back
is checked. After each round nobody is connected, and what every process holds is noted in a table
in OUT. In the end: no wrong byte, no error where nobody was killed, no report of a sanitizer,
descriptors as after the first rounds, memory as after the first quarter of an hour.
"""

import csv
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUNDS_TO_WARM_UP = 3
WARM_UP_S = 15 * 60
# Between the means of the first and of the last third; pools come and go by huge pages.
GROWTH_MAX = 0.02
HUGE_PAGE_KB = 2048


class Server:
    def __init__(self, preset, engine, out):
        self.start(f"{preset}-{engine}", out, preset,
                   ["echo", "--engine", engine, "--workers", "2", "--listen", "127.0.0.1:0",
                    "--admin", "127.0.0.1:0", "--idle-timeout", "60s"])

    def start(self, name, out, preset, arguments):
        self.name = name
        self.tools = ROOT / "build" / "release"
        self.log_path = out / f"{self.name}.log"
        self.process = subprocess.Popen(
            [ROOT / "build" / preset / "ouro", *arguments],
            stdout=subprocess.PIPE, stderr=self.log_path.open("w"), text=True)
        ready = self.process.stdout.readline()
        self.place, *_, self.admin = re.findall(r"127\.0\.0\.1:\d+", ready)
        threading.Thread(target=self.watch, daemon=True).start()
        self.failures = []
        self.rounds = []
        self.bytes_checked = 0
        self.requests = 0
        self.killed = 0

    def children(self):
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        found = {}
        for child in pathlib.Path(path).read_text().split():
            try:
                found[pathlib.Path(f"/proc/{child}/comm").read_text().strip()] = int(child)
            except (FileNotFoundError, ProcessLookupError):
                pass
        return found

    def metrics(self, name):
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=30) as page:
            text = page.read().decode()
        return sum(float(value) for value in re.findall(rf"^ouro_{name}\S* (\S+)$", text, re.M))

    def fail(self, what):
        self.failures.append(what)
        print(f"{self.name}: {what}", file=sys.stderr, flush=True)

    # What clients do; `disturbed` while workers are killed: then connections may break, but no
    # byte may be wrong.

    def load(self, *options, disturbed=False):
        ended = subprocess.run(
            [self.tools / "ouro", "load", self.place, "--verify", "--warmup", "0", "--json", "-",
             *options], capture_output=True, text=True, check=False, timeout=300)
        try:
            result = json.loads(ended.stdout)
        except ValueError:
            if not disturbed:
                self.fail(f"load {options} ended with {ended.returncode}: {ended.stderr}")
            return
        self.requests += result["requests"]
        self.bytes_checked += result["bytes_received"]
        if result["corrupt"]:
            self.fail(f"load {options}: wrong bytes: {result['first_corruption']}")
        errors = {**result["early_errors"], **result["errors"]}
        # A farewell of more than a second: what a lost packet costs. Whether anybody is left in the
        # end is seen after the round.
        errors.pop("not closed by the server", None)
        if not disturbed and (ended.returncode or errors):
            self.fail(f"load {options}: {ended.returncode} {errors} {ended.stderr}")

    def check(self, *options, disturbed=False):
        ended = subprocess.run(
            [self.tools / "tests" / "content_client", self.place, *options],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
        if checked := re.match(r"checked (\d+) bytes", ended.stdout):
            self.bytes_checked += int(checked[1])
        wrong = "reset" not in ended.stderr and "end" not in ended.stderr
        if ended.returncode and (wrong or not disturbed):
            self.fail(f"content_client {options}: {ended.stderr}")

    def round(self):
        def together(*jobs):
            threads = [threading.Thread(target=job) for job in jobs]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        together(
            lambda: self.load("--mode", "churn", "-c", "8", "-d", "3"),
            lambda: self.load("--mode", "stream", "-c", "4", "--size", "16k", "-d", "3"),
            lambda: self.load("--rate", "500", "-c", "50", "-d", "3", "--poisson"))
        together(
            lambda: self.load("--mode", "idle", "-c", "1000", "-d", "3"),
            lambda: self.check("--connections", "30", "--bytes", "300000", "--finish",
                               "resets-among", "--write-max", "5000"),
            lambda: self.check("--never-readers", "20", "--connections", "10", "--bytes", "500000",
                               "--reading", "full", "--receive-buffer", "4096"))
        together(
            lambda: self.disturb(),
            lambda: self.load("--mode", "churn", "-c", "4", "-d", "4", disturbed=True),
            lambda: self.load("--mode", "stream", "-c", "4", "-d", "4", disturbed=True),
            lambda: self.check("--connections", "20", "--bytes", "500000", disturbed=True))
        self.note()

    # Worker 0 dies, worker 1 stands still for a moment: what worker 1 holds after the round tells
    # whether memory grows. SIGHUP has nothing to reload here and has to do nothing.
    def disturb(self):
        for _ in range(2):
            time.sleep(0.8)
            children = self.children()
            if worker := children.get("ouro-worker-0"):
                self.killed += 1
                os.kill(worker, signal.SIGKILL)
            os.kill(self.process.pid, signal.SIGHUP)
            stopped = children["ouro-worker-1"]
            os.kill(stopped, signal.SIGSTOP)
            time.sleep(0.4)
            os.kill(stopped, signal.SIGCONT)

    def note(self):
        deadline = time.monotonic() + 60
        while self.metrics("connections_open") or len(self.children()) < 3:
            if time.monotonic() > deadline:
                return self.fail("connections are left after a round")
            time.sleep(0.2)
        time.sleep(1)
        row = {"seconds": round(time.monotonic() - BEGAN)}
        for name, process in [("master", self.process.pid), *self.children().items()]:
            status = pathlib.Path(f"/proc/{process}/status").read_text()
            row[f"{name} kB"] = int(re.search(r"RssAnon:\s+(\d+)", status)[1])
            row[f"{name} files"] = len(os.listdir(f"/proc/{process}/fd"))
        self.rounds.append(row)

    def end(self):
        self.process.terminate()
        code = self.process.wait(timeout=60)
        if code != 0:
            self.fail(f"ended with {code}")
        for sign in ("Sanitizer", "runtime error", "event=bug", "killed_by_watchdog"):
            if sign in self.log_path.read_text():
                self.fail(f"'{sign}' in {self.log_path}")
        self.judge_memory()
        self.judge_files()

    def watch(self):
        """Evidence for later, should a worker stand still."""
        while self.process.poll() is None:
            time.sleep(1)
            try:
                with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=30) as page:
                    text = page.read().decode()
            except OSError:
                continue
            for worker, age in re.findall(r'worker_turn_age_seconds{worker="(\d)"} (\S+)', text):
                process = self.children().get(f"ouro-worker-{worker}")
                if float(age) > 3 and process:
                    self.note_process(process, float(age))

    def note_process(self, process, age):
        with self.log_path.with_suffix(".still").open("a") as file:
            print(f"{self.name}: {process} has made no turn for {age:.1f} s", file=file)
            for what in ("stat", "syscall", "wchan", "stack"):
                try:
                    print(pathlib.Path(f"/proc/{process}/{what}").read_text(), file=file)
                except OSError as wrong:
                    print(f"{what}: {wrong}", file=file)

    def judge_memory(self):
        settled = [row for row in self.rounds if row["seconds"] > WARM_UP_S]
        third = len(settled) // 3
        if third == 0 or "release" not in self.name:
            return  # a sanitizer keeps what was freed for a while
        for process in ("master", "ouro-worker-1", "ouro-attendant"):
            sizes = [row[f"{process} kB"] for row in settled]
            first, last = sum(sizes[:third]) / third, sum(sizes[-third:]) / third
            if last > first * (1 + GROWTH_MAX) + HUGE_PAGE_KB:
                self.fail(f"{process} grew from {first:.0f} to {last:.0f} kB")

    def judge_files(self):
        base = self.rounds[min(ROUNDS_TO_WARM_UP, len(self.rounds)) - 1]
        for key, files in self.rounds[-1].items():
            if key.endswith("files") and files > base.get(key, files):
                self.fail(f"{key}: {files}, after the first rounds {base[key]}")

    def summary(self):
        first, last = self.rounds[min(2, len(self.rounds) - 1)], self.rounds[-1]
        memory = ", ".join(
            f"{name[5:] if name.startswith('ouro-') else name} {first[f'{name} kB']} -> "
            f"{last[f'{name} kB']} kB, {last[f'{name} files']} files"
            for name in ("master", "ouro-worker-1", "ouro-attendant"))
        return (f"{self.name}: {len(self.rounds)} rounds, {self.requests} requests, "
                f"{self.bytes_checked / 2**30:.1f} GiB checked, {self.killed} workers killed, "
                f"{len(self.failures)} failures; {memory}")


class Proxy(Server):
    """Before two doors of one echo server, and given another config several times a second."""

    def __init__(self, preset, engine, out, origin):
        self.origin = origin
        self.config = out / f"proxy-{preset}-{engine}.toml"
        self.reloads = 0
        self.write_config()
        self.start(f"proxy-{preset}-{engine}", out, preset,
                   ["proxy", "--engine", engine, "--config", self.config])

    def write_config(self):
        """The first listener stays, with all that depends on it; everything else changes."""
        odd = self.reloads % 2
        first, second = self.origin.place, self.origin.process.args[-1]
        text = f"""
            [workers]
            count = 2
            [admin]
            address = "127.0.0.1:0"
            [timeouts]
            idle = "{60 + odd}s"
            [[listen]]
            name = "stays"
            address = "127.0.0.1:0"
            upstream = "u{odd}"
            [[upstream]]
            name = "u{odd}"
            balance = "{['round-robin', 'least-connections'][odd]}"
            servers = [{{ address = "{first}", weight = {1 + odd} }}, "{second}"]
            """
        if odd:
            text += """
            [[listen]]
            address = "127.0.0.2:0"
            upstream = "u1"
            """
        written = self.config.with_suffix(".new")
        written.write_text(text)
        written.replace(self.config)

    def round(self):
        over = threading.Event()

        def reload():
            while not over.wait(0.3):
                self.reloads += 1
                self.write_config()
                self.process.send_signal(signal.SIGHUP)

        reloading = threading.Thread(target=reload)
        reloading.start()
        before = self.log_path.read_text().count("event=reloaded")
        try:
            super().round()
        finally:
            over.set()
            reloading.join()
        if self.log_path.read_text().count("event=reloaded") <= before:
            self.fail("no reload came into force")


class Origin:
    """What the proxies are before: an echo server with two doors."""

    def __init__(self, out):
        places = [f"unix:{(out / name).absolute()}" for name in ("door1", "door2")]
        self.place = places[0]
        self.process = subprocess.Popen(
            [ROOT / "build" / "release" / "ouro", "echo", "--workers", "1", "--listen", places[0],
             "--listen", places[1]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.process.stdout.readline()


def go_round(server):
    try:
        server.round()
    except Exception as wrong:  # whatever it was, the soak has found something
        server.fail(f"{type(wrong).__name__}: {wrong}")


def write_rounds(server, out):
    with (out / f"{server.name}.csv").open("w", newline="") as file:
        columns = list(dict.fromkeys(key for row in server.rounds for key in row))
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(server.rounds)


def main():
    minutes, out = float(sys.argv[1]), pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    origin = Origin(out)
    kinds = [(preset, engine) for preset in ("release", "dev") for engine in ("uring", "epoll")]
    servers = [Server(*kind, out) for kind in kinds] + [Proxy(*kind, out, origin) for kind in kinds]
    # One at a time: the others are quiet meanwhile, and have to stay as they are.
    while time.monotonic() < BEGAN + 60 * minutes and not any(one.failures for one in servers):
        for server in servers:
            go_round(server)
    for server in servers:
        server.end()
        write_rounds(server, out)
        print(server.summary())
    origin.process.terminate()
    origin.process.wait()
    return 1 if any(server.failures for server in servers) else 0


BEGAN = time.monotonic()

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main())
