"""The tree keeps its rules, and each rule notices a violation planted in a tree of its own."""

import pathlib

import pytest

import functions
import rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
LONG_BODY = "  work();\n" * rules.FUNCTION_LINES_MAX


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps(rule):
    broken = list(rule(ROOT))
    assert not broken, "\n" + "\n".join(broken)


def tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


GOOD_TREE = {
    "include/ouro/worker.h": '#include <span>\n#include "ouro/address.h"\n',
    "src/base/slab.h": "#include <vector>\n",
    "src/os/ring.h": '#include <liburing.h>\n#include "base/slab.h"\n',
    "src/engine/uring_backend.cpp": '#include "os/ring.h"\n#include "ouro/worker.h"\n',
    "src/engine/epoll_backend.cpp": '#include "os/epoll.h"\n',
    "src/host/master.cpp": '#include "engine/backend.h"\n#include "host/master.h"\n',
    "src/cli/echo.cpp": '#include "echo/echo.h"\n#include "host/host.h"\n',
    "tests/engine/echo_test.cpp": '#include <unistd.h>\n#include "support/client.h"\n',
    "docs/notes.md": "words " * 100,
    "build/dev/generated.cpp": "x" * 1000,
}


def test_a_good_tree_passes(tmp_path):
    root = tree(tmp_path, GOOD_TREE)
    assert [line for rule in rules.RULES for line in rule(root)] == []


@pytest.mark.parametrize(
    "rule, name, text",
    [
        (rules.includes_run_one_way, "src/base/a.h", '#include "os/fd.h"\n'),
        (rules.includes_run_one_way, "src/os/a.cpp", '#include "engine/backend.h"\n'),
        (rules.includes_run_one_way, "src/engine/a.cpp", '#include "host/master.h"\n'),
        (rules.includes_run_one_way, "src/engine/a.cpp", '#  include "echo/echo.h"\n'),
        (rules.includes_run_one_way, "src/echo/a.cpp", '#include "host/master.h"\n'),
        (rules.includes_run_one_way, "src/host/a.cpp", '#include "cli/main.h"\n'),
        (rules.includes_run_one_way, "src/engine/a.cpp", '#include "backend.h"\n'),
        (rules.includes_run_one_way, "src/engine/a.cpp", '#include "../os/fd.h"\n'),
        (rules.includes_run_one_way, "src/misc/a.cpp", "#include <vector>\n"),
        (rules.includes_run_one_way, "include/ouro/a.h", '#include "base/slab.h"\n'),
        (rules.includes_run_one_way, "examples/a.cpp", '#include "engine/backend.h"\n'),
        (rules.only_backends_know_the_engine, "src/engine/worker.cpp", '#include "os/ring.h"\n'),
        (rules.only_backends_know_the_engine, "src/engine/uring_a.h", '#include "os/epoll.h"\n'),
        (rules.only_backends_know_the_engine, "src/host/a.cpp", '#include "os/epoll.h"\n'),
        (rules.only_os_makes_syscalls, "src/engine/uring_a.cpp", "#include <liburing.h>\n"),
        (rules.only_os_makes_syscalls, "src/base/a.cpp", "#include <sys/socket.h>\n"),
        (rules.only_os_makes_syscalls, "src/host/a.cpp", "#include <unistd.h>\n"),
        (rules.only_os_makes_syscalls, "src/host/a.cpp", "int f() { return ::getpid(); }\n"),
        (rules.only_os_makes_syscalls, "include/ouro/a.h", "#include <fcntl.h>\n"),
        (rules.lines_are_short, "src/base/a.h", "// " + "x" * 98 + "\n"),
        (rules.lines_are_short, "tools/a", "#!/bin/sh\n# " + "x" * 99 + "\n"),
        (rules.files_are_short, "src/base/a.h", "\n" * 601),
        (rules.functions_are_short, "src/base/a.cpp", f"int f() {{\n{LONG_BODY}}}\n"),
        (rules.functions_are_short, "tools/a.py", f"def f():\n{LONG_BODY}"),
        (rules.no_package_hosts, "tools/a", "#!/bin/sh\ncurl deb." + "debian.org\n"),
        (rules.no_package_hosts, "docs/a.md", "deb http:/" + "/mirror.example/debian trixie\n"),
        (rules.no_paths_of_one_machine, "docs/a.md", "see /" + "home/someone/ouro\n"),
    ],
)
def test_a_planted_violation_is_found(rule, name, text, tmp_path):
    root = tree(tmp_path, {**GOOD_TREE, name: text})
    found = list(rule(root))
    assert len(found) == 1, found
    assert found[0].startswith(f"{name}:")


def test_the_place_of_the_clone_itself_is_found(tmp_path):
    root = tree(tmp_path, {**GOOD_TREE, "docs/a.md": f"cd {tmp_path}/src\n"})
    assert len(list(rules.no_paths_of_one_machine(root))) == 1


CPP = """
#define BRACE {
namespace ouro {
constexpr std::array<int, 2> kTable = {{1, 2}};
const char kOpen = '{';  // {
enum class Verdict : int { kServe, kTaken };

Worker::Worker(int a) : a_{a}, b_(a, {1}) {
  run([&] { return "}"; });
}

class Listener final : public Node {
 public:
  explicit Listener(int fd) noexcept : fd_(fd) {}
  [[nodiscard]] int fd() const noexcept { return fd_; }
  bool operator==(const Listener& other) const = default;
  auto end() const -> std::optional<int> {
    if (fd_ < 0) {
      return {};
    }
    return fd_;
  }

 private:
  int fd_{-1};
  std::vector<int> waiting_ = {1, 2};
};

template <typename T>
  requires std::integral<T>
T twice(T value) {
  return 2 * value;
}
}  // namespace ouro

TEST(Listener, has_a_descriptor) {
  EXPECT_EQ(R"({)", "{");
}
"""


def test_the_ends_of_cpp_functions_are_found():
    found = [(what.split()[-1], begin, end) for what, begin, end in functions.in_cpp(CPP)]
    assert found == [
        ("Worker::Worker()", 8, 10),
        ("Listener()", 14, 14),
        ("fd()", 15, 15),
        ("end()", 17, 22),
        ("twice()", 29, 33),
        ("TEST()", 36, 38),
    ]
