"""The rules of the tree that a program can check. Each takes the root and yields what breaks it.

By hand: python3 tests/rules/rules.py [ROOT]
"""

import ast
import pathlib
import re
import sys

import functions

LINE_LENGTH_MAX = 100
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600

# Which folders of src/ each folder may include, besides itself. <ouro/...> is open to all.
LAYERS = {
    "base": set(),
    "os": {"base"},
    "engine": {"base", "os"},
    "host": {"base", "os", "engine"},
    "http": {"base", "os", "engine"},
    "tls": {"base", "os", "engine"},
    "echo": {"base", "os", "engine"},
    "load": {"base", "os", "engine"},
    "ctl": {"base", "os", "engine"},
    "proxy": {"base", "os", "engine", "host", "http", "tls"},
    "study": {"base", "os", "engine", "load"},
}
LAYERS["cli"] = set(LAYERS)

# The headers that know which engine runs, and who may include them beside src/os itself.
ENGINE_HEADERS = {"os/ring.h": "src/engine/uring_", "os/epoll.h": "src/engine/epoll_"}

SYSCALL_HEADERS = re.compile(
    r"(?:sys/.*|liburing.*|linux/io_uring|fcntl|netdb|poll|sched|signal|spawn|syscall|unistd)\.h"
    r"|csignal"
)

# What is called as ::name() is the C library's or the kernel's.
GLOBAL_CALL = re.compile(r"(?<![\w>])::[a-z]\w*\(")

CODE = {".cpp", ".h", ".py", ".cmake", ".sh"}
SKIPPED_FOLDERS = {".git", ".deps", "build", "__pycache__", ".pytest_cache"}


def files(root):
    """Every file of the tree that people write."""
    for path in sorted(root.rglob("*")):
        inner = path.relative_to(root)
        if path.is_file() and not SKIPPED_FOLDERS.intersection(inner.parts):
            yield path, inner.as_posix()


def texts(root):
    for path, name in files(root):
        try:
            yield path, name, path.read_text()
        except UnicodeDecodeError:
            continue  # pictures and the like


def code(root):
    """Files that hold programs: by their ending, or by a first line that names an interpreter."""
    for path, name, text in texts(root):
        if path.suffix in CODE or path.name == "CMakeLists.txt" or text.startswith("#!"):
            yield path, name, text


def includes(root):
    """(file, line number, "quotes" or "angles", what is included) of all C++ files."""
    pattern = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)
    for path, name, text in texts(root):
        if path.suffix in (".cpp", ".h"):
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                yield name, line, "quotes" if match[1] == '"' else "angles", match[2]


def includes_run_one_way(root):
    for name, line, style, target in includes(root):
        top, *rest = name.split("/")
        public = target.startswith("ouro/")
        if top == "include" or top == "examples":
            if style == "quotes" and not public:
                yield f"{name}:{line}: may include only <ouro/...> and libraries, not {target}"
        elif top == "src":
            folder = rest[0]
            if folder not in LAYERS:
                yield f"{name}:{line}: src/{folder} is not among the layers in tests/rules/rules.py"
            elif style == "quotes" and not public:
                yield from layer_violation(name, line, folder, target)


def layer_violation(name, line, folder, target):
    layer, slash, _ = target.partition("/")
    if not slash:
        yield f'{name}:{line}: write the folder: "{folder}/{target}"'
    elif layer != folder and layer not in LAYERS[folder]:
        yield f"{name}:{line}: src/{folder} may not include {target}"


def only_backends_know_the_engine(root):
    for name, line, _, target in includes(root):
        if target in ENGINE_HEADERS and name.startswith(("src/", "include/")):
            owner = ENGINE_HEADERS[target]
            if not name.startswith(("src/os/", owner)):
                yield f"{name}:{line}: only {owner}* may include {target}"


def only_os_makes_syscalls(root):
    for name, line, style, target in includes(root):
        if name.startswith(("src/", "include/")) and not name.startswith("src/os/"):
            if style == "angles" and SYSCALL_HEADERS.fullmatch(target):
                yield f"{name}:{line}: system calls belong into src/os, and with them <{target}>"


    for path, name, text in code(root):
        if name.startswith("src/") and not name.startswith("src/os/"):
            for number, line in enumerate(functions.without_literals(text).splitlines(), 1):
                if match := GLOBAL_CALL.search(line):
                    yield f"{name}:{number}: system calls belong into src/os: {match[0]})"


def lines_are_short(root):
    for _, name, text in code(root):
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > LINE_LENGTH_MAX:
                yield f"{name}:{number}: {len(line)} columns, at most {LINE_LENGTH_MAX}"


def files_are_short(root):
    for _, name, text in code(root):
        if (count := text.count("\n")) > FILE_LINES_MAX:
            yield f"{name}:1: {count} lines, at most {FILE_LINES_MAX}"


def functions_are_short(root):
    for path, name, text in code(root):
        if path.suffix in (".cpp", ".h"):
            spans = functions.in_cpp(text)
        elif path.suffix == ".py" or text.startswith("#!") and "python" in text.splitlines()[0]:
            spans = functions.in_python(ast.parse(text))
        else:
            continue
        for what, begin, end in spans:
            if (count := end - begin + 1) > FUNCTION_LINES_MAX:
                yield f"{name}:{begin}: {what}: {count} lines, at most {FUNCTION_LINES_MAX}"


def no_package_hosts(root):
    """A mirror is the choice of the machine's owner; tools/bootstrap asks apt for it."""
    host = re.compile(
        r"\b(?:deb|security|snapshot|ftp[\w.]*|archive|ports)\.(?:debian|ubuntu)\.(?:org|com)\b"
        r"|\bpypi\.org\b|\bpythonhosted\.org\b|\bregistry\.npmjs\.org\b|\bcrates\.io\b"
        r"|\bconan\.io\b|\brubygems\.org\b|\bdl-cdn\.alpinelinux\.org\b|\bproxy\.golang\.org\b"
        r"|\b(?:ghcr|docker|quay|gcr)\.io\b|://[\w.-]+/(?:debian|ubuntu|npm)\b"
    )
    yield from forbidden(root, host, "names a package registry's host")


def no_paths_of_one_machine(root):
    """Homes and work folders; the place of this very clone too, wherever it is."""
    usual = r"/(?:home|root|Users|work|workspace)/\w"
    place = re.compile(rf"(?<![\w.}}/\]-])(?:{usual}|{re.escape(str(root))}\b)")
    yield from forbidden(root, place, "names a folder of one machine")


def forbidden(root, pattern, complaint):
    for _, name, text in texts(root):
        for number, line in enumerate(text.splitlines(), 1):
            if match := pattern.search(line):
                yield f"{name}:{number}: {complaint}: {match[0]}"


RULES = [
    includes_run_one_way,
    only_backends_know_the_engine,
    only_os_makes_syscalls,
    lines_are_short,
    files_are_short,
    functions_are_short,
    no_package_hosts,
    no_paths_of_one_machine,
]


def main():
    default = pathlib.Path(__file__).resolve().parents[2]
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else default
    broken = [line for rule in RULES for line in rule(root)]
    print(*broken, sep="\n", end="\n" if broken else "")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
