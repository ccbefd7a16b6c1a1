#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dependency law of docs/ARCHITECTURE.md, and a few smaller ones, as a test over the source text.

Arrows point down only: a folder may include the public headers of the folders listed for it and nothing else. Each
third-party library is known to one folder. Run with --self-test to see that each rule really bites."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]

# folder -> folders whose public headers it may include (its own always)
ALLOWED = {
    "base": "",
    "loop": "base",
    "json": "base",
    "xml": "base",
    "config": "xml json base",
    "net": "loop base",
    "http": "net json loop base",
    "ws": "net loop base",
    "store": "config base",
    "identity": "store http net config json base",
    "session": "identity store http net config json loop base",
    "print": "loop base",
    "pool": "print session ws http config json loop base",
    "host": "print pool session store http config json loop base",
    "display": "ws http json loop base",
    "webstream/gateway": "session identity store ws http net config json loop base",
    "webstream/session_host": "host pool print session store ws http net config json loop base",
    "webstream/streamer": "display print ws http net config json loop base",
    "ovd/message": "xml base",
    "ovd/tunnel": "net loop base",
    "ovd/display": "pool display loop base",
    "ovd/application_server": "ovd/message ovd/tunnel host print pool session http net config xml json loop base",
    "ovd/session_manager": "ovd/message session identity store http net config xml json loop base",
    "isthmus": "ovd/session_manager ovd/application_server ovd/display host webstream/gateway webstream/session_host webstream/streamer "
    "pool print session identity display store ws http net config json xml loop base",
}

X11_FILE = re.compile(r"x11")
# (headers, where they may be included); a place is a folder, or a pattern of file names
THIRD_PARTY = [
    (r"uthash\.h|utlist\.h|utarray\.h|utstring\.h", None),  # macros without a library: everywhere
    (r"microhttpd\.h|curl/.*", ["http"]),
    (r"libwebsockets\.h|lws.*\.h", ["ws"]),
    (r"uv\.h", ["loop"]),
    (r"openssl/.*", ["net", "base/secret.c"]),
    (r"libxml/.*", ["xml"]),
    (r"jansson\.h", ["json/json.h"]),
    (r"sqlite3\.h", ["store"]),
    (r"argon2\.h", ["identity"]),
    (r"libssh/.*", ["ovd/tunnel"]),
    (r"rfb/.*|zlib\.h", ["ovd/display"]),
    (r"pixman.*\.h|png\.h|xxhash\.h", ["display"]),
    (r"xkbcommon/.*", ["display", X11_FILE]),
    (r"xcb/.*|X11/.*", [X11_FILE]),
]

SYSTEM = re.compile(
    r"(sys|linux|net|netinet|arpa|asm)/[a-z0-9_./-]+\.h|"
    r"(assert|ctype|dirent|dlfcn|elf|errno|fcntl|fenv|float|fnmatch|ftw|getopt|glob|grp|ifaddrs|inttypes|langinfo|libgen|limits|"
    r"locale|malloc|math|mntent|netdb|paths|poll|pthread|pwd|regex|sched|semaphore|setjmp|shadow|signal|spawn|stdalign|stdarg|"
    r"stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|syslog|termios|threads|time|uchar|"
    r"unistd|utime|wchar|wctype)\.h"
)

BANNED = re.compile(
    r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|strtok|strtok_r|atoi|atol|atoll|gets|system|popen|alloca|tmpnam|mktemp|"
    r"getwd|scanf|rand|srand)\s*\("
)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
MAX_LINES = 700


def strip_c(text):
    """Without comments and the content of strings; line numbers stay right."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: '""' if m.group()[0] in "\"'" else "\n" * m.group().count("\n") or " ", text)


def module_of(path):
    """The folder of the table that a path below src/ belongs to."""
    parts = path.parts[:-1]
    if parts[0] == "common":
        return parts[1]
    if parts[0] == "isthmus":
        return "isthmus"
    return "/".join(parts[:2])


def included_module(name):
    name = name.removeprefix("common/")
    parts = name.split("/")
    if parts[0] in ("webstream", "ovd"):
        return "/".join(parts[:2])
    return parts[0]


def check_own(path, module, name):
    target = included_module(name)
    if target not in ALLOWED:
        return f'includes "{name}", which is in no folder of the law'
    if name == "isthmus/version.h":
        return None
    if target != module and name.endswith("_priv.h"):
        return f'includes "{name}", which is private to {target}'
    if target != module and target not in ALLOWED[module].split():
        return f'includes "{name}": {module} must not know {target}'
    return None


def check_third_party(path, module, name):
    for pattern, places in THIRD_PARTY:
        if not re.fullmatch(pattern, name):
            continue
        if places is None:
            return None
        short = f"{module}/{path.name}"
        for place in places:
            if isinstance(place, re.Pattern) and place.search(path.name):
                return None
            if place in (module, short):
                return None
        return f"includes <{name}>, which belongs elsewhere"
    if SYSTEM.fullmatch(name):
        return None
    return f"includes <{name}>, which the law does not know"


def check_source(path, text):
    """Problems of one file below src/; path is relative to src/."""
    problems = []
    module = module_of(path)
    if module not in ALLOWED:
        return [(1, f"folder {module} is not in the law")]
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        kind, name = match.groups()
        if re.fullmatch(THIRD_PARTY[0][0], name):
            continue
        if kind == '"' and "/" not in name:
            problem = f'includes "{name}" without its folder'
        elif kind == '"':
            problem = check_own(path, module, name)
        else:
            problem = check_third_party(path, module, name)
        if problem:
            problems.append((line, problem))
    return problems + check_text(text)


def check_text(text):
    """Rules for every C file, tests included."""
    problems = []
    if "SPDX-License-Identifier: GPL-3.0-or-later" not in text[:200]:
        problems.append((1, "has no SPDX line"))
    bare = strip_c(text)
    for match in BANNED.finditer(bare):
        problems.append((bare.count("\n", 0, match.start()) + 1, f"calls {match.group(1)}()"))
    for match in UNFINISHED.finditer(text):
        problems.append((text.count("\n", 0, match.start()) + 1, f"says {match.group(1)}"))
    lines = text.count("\n")
    if lines > MAX_LINES:
        problems.append((lines, f"has {lines} lines, more than {MAX_LINES}"))
    return problems


def run():
    failures = []
    sources = sorted(p for p in (ROOT / "src").rglob("*.[ch]"))
    for path in sources:
        for line, problem in check_source(path.relative_to(ROOT / "src"), path.read_text()):
            failures.append(f"{path.relative_to(ROOT)}:{line}: {problem}")
    for path in sorted((ROOT / "tests").rglob("*.[ch]")):
        if "node_modules" in path.parts:
            continue
        for line, problem in check_text(path.read_text()):
            failures.append(f"{path.relative_to(ROOT)}:{line}: {problem}")
    for pattern in ("scripts/*", ".ci/*", "src/webstream/web/**/*.js", "tests/**/*.py", "tests/**/*.js"):
        for path in sorted(ROOT.glob(pattern)):
            if not path.is_file() or "node_modules" in path.parts or path.suffix == ".json":
                continue
            if "SPDX-License-Identifier: GPL-3.0-or-later" not in path.read_text()[:300]:
                failures.append(f"{path.relative_to(ROOT)}:1: has no SPDX line")
    print("\n".join(failures) if failures else f"{len(sources)} files obey the law")
    return 1 if failures else 0


SPDX = "// SPDX-License-Identifier: GPL-3.0-or-later\n"
SELF_TEST = [
    ("common/base/x.c", '#include "loop/loop.h"\n', "must not know"),
    ("common/net/x.c", '#include "http/http_server.h"\n', "must not know"),
    ("webstream/gateway/x.c", '#include "webstream/streamer/streamer.h"\n', "must not know"),
    ("webstream/gateway/x.c", '#include "session/broker_priv.h"\n', "private"),
    ("common/session/x.c", "#include <uv.h>\n", "belongs elsewhere"),
    ("common/base/codec.c", "#include <openssl/evp.h>\n", "belongs elsewhere"),
    ("common/display/encode.c", "#include <xcb/xcb.h>\n", "belongs elsewhere"),
    ("common/base/x.c", "#include <zlib.h>\n", "belongs elsewhere"),
    ("common/base/x.c", "#include <lzma.h>\n", "does not know"),
    ("common/base/x.c", "int f(char *s)\n{\n    return atoi(s);\n}\n", "calls atoi"),
    ("common/base/x.c", "// TO" "DO: later\n", "says"),
    ("common/base/x.c", "int x;\n" * 800, "lines"),
]
SELF_TEST_GOOD = [
    ("common/base/secret.c", '#include <openssl/evp.h>\n#include "base/secret.h"\n'),
    ("common/display/source_x11.c", "#include <xcb/xcb.h>\n"),
    ("common/http/x.c", '// the system("rm") of old; strcpy(\nconst char *s = "atoi(1)";\n#include "net/tls.h"\n'),
]


def self_test():
    for name, text, expected in SELF_TEST:
        found = [p for _, p in check_source(pathlib.Path(name), SPDX + text)]
        assert any(expected in p for p in found), (name, text, found)
    assert any("SPDX" in p for _, p in check_source(pathlib.Path("common/base/x.c"), "int x;\n"))
    for name, text in SELF_TEST_GOOD:
        found = check_source(pathlib.Path(name), SPDX + text)
        assert not found, (name, found)
    print("every rule bites")
    return 0


if __name__ == "__main__":
    sys.exit(self_test() if "--self-test" in sys.argv else run())
