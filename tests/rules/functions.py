"""Where functions begin and end: in Python by its own parser, in C++ by counting braces.

The C++ part knows only what formatted code needs: it blanks comments and literals, follows the
braces, and tells a body from a scope and from an initializer by what stands before the brace.
"""

import ast
import re

LITERALS = re.compile(
    r"//[^\n]*|/\*.*?\*/"  # comments
    r'|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'  # strings
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'"  # characters, but not 1'000'000
    r"|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",  # the preprocessor's lines
    re.DOTALL | re.MULTILINE,
)
ACCESS = re.compile(r"\b(?:public|protected|private)\s*:")
SCOPE = re.compile(r"(?:^|[\s>])(?:namespace|class|struct|union|enum)\b[^()]*$|^extern\s*$")
# What may stand between the parameters of a function and its body.
TAIL = r"(?:\s*(?:const|noexcept(?:\([^{}]*\))?|override|final|mutable|&&?|try|->[^{};]+))*\s*$"
SIGNATURE = re.compile(r"\)" + TAIL)
CONSTRUCTOR_LIST = re.compile(r"\)(?:\s*noexcept(?:\([^{}]*\))?)?\s*:[^:]")


def in_python(tree):
    """Yields (name, first line, last line) of every function."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno


def in_cpp(text):
    """Yields (signature, first line, last line) of every function with a body."""
    text = ACCESS.sub(blank, without_literals(text))
    opened = []  # (kind, where its header begins) of the braces that are open
    header_begin = 0
    for match in re.finditer(r"[{};]", text):
        at, closed = match.start(), None
        if match[0] == "{":
            kind = "inner" if is_inside(opened) else kind_of(text[header_begin:at])
            opened.append((kind, header_begin))
        elif match[0] == "}" and opened:
            closed, begin = opened.pop()
            if closed == "function":
                begin = re.compile(r"\S").search(text, begin).start()
                yield signature(text[begin:at]), line_of(text, begin), line_of(text, at)
        # After an initializer, what stood before it goes on.
        if not is_inside(opened) and closed not in ("inner", "initializer"):
            header_begin = at + 1


def is_inside(opened):
    return any(kind in ("function", "initializer") for kind, _ in opened)


def without_literals(text):
    return LITERALS.sub(blank, text)


def blank(match):
    """What is not code becomes spaces; line numbers stay."""
    return re.sub(r"[^\n]", " ", match[0])


def kind_of(header):
    header = re.sub(r"\[\[[^\]]*\]\]", " ", header).strip()
    if SCOPE.search(header):
        return "scope"
    before_parameters = header.partition("(")[0]
    if "=" in before_parameters and "operator" not in before_parameters:
        return "initializer"
    if CONSTRUCTOR_LIST.search(header):
        return "function" if header[-1] in ")}" else "initializer"
    if SIGNATURE.search(header) or "requires" in header:
        return "function"
    return "initializer" if header else "scope"


def signature(text):
    return " ".join(text.partition("{")[0].partition("(")[0].split()) + "()"


def line_of(text, at):
    return text.count("\n", 0, at) + 1
