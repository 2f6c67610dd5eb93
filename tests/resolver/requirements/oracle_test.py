"""Lets moat and pip read the same requirements files, several thousand of them, and compares what they understood.

    oracle_test.py REQUIREMENTS_ORACLE [SEED]

pip comes from the default index into a throw-away environment; without an index the test is skipped (77). Its parser is
asked from inside, without network. What the two read differently on purpose is listed in docs/differences.md, and is
levelled in `pip_reads` and `same` below, where the reason stands.
"""
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import throw_away  # noqa: E402

throw_away.start_again_with("pip>=26.3")

import logging  # noqa: E402
import shlex  # noqa: E402
from optparse import Values  # noqa: E402

from pip._internal.exceptions import PipError  # noqa: E402
from pip._internal.index.collector import LinkCollector  # noqa: E402
from pip._internal.index.package_finder import PackageFinder  # noqa: E402
from pip._internal.models.format_control import FormatControl  # noqa: E402
from pip._internal.models.release_control import ReleaseControl  # noqa: E402
from pip._internal.models.search_scope import SearchScope  # noqa: E402
from pip._internal.models.selection_prefs import SelectionPreferences  # noqa: E402
from pip._internal.network.session import PipSession  # noqa: E402
from pip._internal.req import req_file  # noqa: E402

logging.disable(logging.CRITICAL)
req_file.optparse.OptionParser.print_usage = lambda *_: None
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 20260819
random.seed(SEED)
choice, chance = random.choice, lambda p: random.random() < p
HEX = {"sha256": "0a" * 32, "sha384": "1b" * 48, "sha512": "2c" * 64, "md5": "3d" * 16}
VARIABLES = {"NAME": "foo", "VERSION": "1.0", "TOKEN": "s3 cret", "HASHED": "a #b", "EMPTY": "", "NESTED": "${NAME}",
             "OPTION": "x --pre", "_1": "one"}


# ---- files

def name():
    return choice(["foo", "Foo_Bar", "b.a-r", "x", "zope.interface", "${NAME}", "${_1}"])


def requirement():
    text = name()
    if chance(0.15):
        text += choice(["[x]", "[x, y]", " [x]", "[]"])
    if chance(0.6):
        text += choice(["==1.0", ">=1,<2", " == 1.0", "~=1.4.2", "===1.0", "==${VERSION}", ">=1.*", " (>=1)", "@file:///x"])
    if chance(0.1):
        text = choice(["./dist/foo-1.0-py3-none-any.whl", "../tree", "foo @ https://h/foo-1.0.tar.gz#sha256=" + HEX["sha256"],
                       "git+https://h/x.git@main#egg=x&subdirectory=y", "https://u:${TOKEN}@h/foo.zip", "/abs/foo.tar.gz[x]",
                       "a b c", "foo-bar -x", "file:foo.whl"])
    if chance(0.2):
        text += choice(["; ", " ; ", ";"]) + choice(["python_version > '3'", 'os_name == "nt"', "sys_platform=='-x'",
                                                     "extra == 'a -b'", 'platform_version in " -1"'])
    return text


def quoted(value):
    return choice([value, value, value, f"'{value}'", f'"{value}"', shlex.quote(value)])


def given(option, value):
    return choice([f"{option}={quoted(value)}", f"{option} {quoted(value)}", f"{option}  {value}"])


def hash_option():
    algorithm = choice(["sha256", "sha256", "sha256", "sha384", "sha512", "md5"] if chance(0.2) else ["sha256"])
    text = algorithm + ":" + HEX[algorithm]
    if chance(0.02):
        text = choice(["sha256=" + HEX["sha256"], "sha256", ":", "sha3:00"])
    return given(choice(["--hash", "--hash", "--has", "--ha"]), text)


def settings_option():
    return choice([given("--config-settings", "a=b"), given("--config-setting", "a=c d"), "-C a=b", "-Ck=", "--conf x=y",
                   "-C 'k=v=w' -C k=z", '--config-settings="--global-option=x y"'])


def url():
    return choice(["https://a.example/simple", "https://b.example/simple/", "http://u:p@h:80/x", "file:///mirror", "./index"])


def names():
    return choice([":all:", ":none:", "foo", "foo,Foo_Bar", ":all:,:none:,foo", "x"])


def global_option():
    return choice([
        lambda: given(choice(["-i", "--index-url", "--pypi-url", "--index", "--pypi"]), url()).replace("-i=", "-i"),
        lambda: given(choice(["--extra-index-url", "--extra-index", "--ex"]), url()),
        lambda: choice(["--no-index", "--no-ind"]),
        lambda: choice(["-f links", "-flinks", "--find-links=links", "--find-links ./nowhere", "--fi https://h/links", "-f sub/links"]),
        lambda: given("--no-binary", names()),
        lambda: given(choice(["--only-binary", "--only-b"]), names()),
        lambda: choice(["--prefer-binary", "--pref"]),
        lambda: choice(["--require-hashes", "--no-require-hashes", "--require-h"]),
        lambda: choice(["--pre"] * 9 + ["--pr"]),
        lambda: given("--all-releases", names()),
        lambda: given(choice(["--only-final", "--only-f"]), names()),
        lambda: given("--trusted-host", choice(["h", "h:80", "*.example"])),
        lambda: "--use-feature fast-deps",
        lambda: choice(["--frobnicate", "-x", "--no", "--pre=1", "--index-url", "--no-binary -x", "-Z", "--only", "--re x",
                        "--", "-- --pre", "-", "--=x", "--always-unzip", "--global-option=x", "--hash", "--index-url ''"])
        if chance(0.15) else "--pre",
        hash_option,
        settings_option,
    ])()


def comment():
    return choice(["# plain", "#tight", "# coding", "# with \\", "# --pre", "#"])


def blank():
    return choice([" ", " ", " ", "  ", "\t", " \t ", "\u00a0", "\u2003"] if chance(0.2) else [" "])


def line(nested):
    kind = random.random()
    if kind < 0.4:
        text = requirement()
        while chance(0.25):
            text += blank() + choice([hash_option, hash_option, settings_option, global_option])()
    elif kind < 0.65:
        text = global_option()
        while chance(0.2):
            text += blank() + choice([global_option(), global_option(), "word"])
    elif kind < 0.72:
        text = choice(["-e ", "-e", "--editable=", "--edit "]) + quoted(choice([".", "./lib[x]", "git+https://h/x.git#egg=x", "lib"]))
        if chance(0.4):
            text += blank() + choice([hash_option, settings_option, global_option])()
    elif kind < 0.82 and nested:
        text = choice(["-r ", "-r", "-c ", "--requirement=", "--constraint ", "--req ", "--cons="]) + choice(nested)
        if chance(0.1):
            text += " " + choice(["--no-binary x", "--only-final foo"])
    elif kind < 0.9:
        text = comment()
    else:
        text = choice(["", "", " ", "\\", "\\\\", "'", '"x', "${UNSET}", "${EMPTY}x", "${NESTED}${NAME}", "${NAME}${NESTED}", "${x${NAME}",
                       "${HASHED}", "a ${OPTION}", "${lower}", "$NAME", "foo 'unclosed --hash=x", "--index-url 'open", "x --hash=sha256:\\"])
    if chance(0.1):
        text = blank() + text
    if chance(0.1):
        text += blank() + comment()
    if chance(0.05):
        text += comment()
    return text


def broken(text):
    """Broken by a backslash at a random place or two."""
    while chance(0.15):
        at = random.randint(0, len(text))
        text = text[:at] + choice(["\\", "\\", "\\\\", " \\"]) + "\n" + choice(["", "", "  ", "# c\n", "\\", " # c \\\n"]) + text[at:]
    return text


def file_text(nested):
    ends = ["\n"] * 8 + ["\r\n", "\r\n", "\r", "\v", "\f", "\x1c", "\u0085", "\u2028"] * chance(0.1)
    text = "".join(broken(line(nested)) + choice(ends) for _ in range(random.randint(0, 7)))
    return text.rstrip("\n") if chance(0.2) else text


def encoded(text):
    if chance(0.9):
        return text.encode()
    kind = choice(["utf-8-sig", "utf-16", "utf-16-be-bom", "utf-32", "utf-32-be-bom", "latin-1", "cp1252", "iso-8859-15", "ascii",
                   "declared", "second", "third", "broken", "cut"])
    text += choice(["", "# ä€\n", "# ä\n"])
    if kind.endswith("-bom"):
        return ("\ufeff" + text).encode(kind[:-4])
    if kind in ("latin-1", "cp1252", "iso-8859-15", "ascii"):
        mark = choice(["# -*- coding: {} -*-\n", "# vim: set fileencoding={} :\n", "#coding={}\n", "# encoding of it: coding:  {}\n"])
        return (mark.format(choice([kind, kind.upper(), kind.replace("-", "_")])) + text).encode(kind, "replace")
    if kind == "declared":
        return ("# coding: utf-8\n" + text).encode(errors="replace")
    if kind in ("second", "third"):
        return ("\n" * (1 if kind == "second" else 2) + "# coding: latin-1\n" + text).encode("latin-1", "replace")
    if kind == "broken":
        return text.encode() + choice([b"\xe4", b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80"])
    if kind == "cut":
        return ("x" + text).encode("utf-16")[:-1]
    return text.encode(kind)


def make_case(folder, number):
    """A folder with up to four files that may include each other; the first is read."""
    paths = ["r.txt", "sub/a.txt", "sub/b.txt", "c.txt"][: choice([1, 1, 1, 2, 3, 4])]
    root = folder / str(number)
    for path in paths:
        here, nested = root / path, []
        here.parent.mkdir(parents=True, exist_ok=True)
        for other in paths:
            # A loop now and then.
            if paths.index(other) > paths.index(path) or chance(0.03):
                nested.append(os.path.relpath(root / other, here.parent))
        if chance(0.02):
            nested.append("missing.txt")
        nested += ["./" + n for n in nested if chance(0.2)]
        here.write_bytes(encoded(file_text(nested)))
    for links in ("links", "sub/links"):
        if chance(0.3):
            (root / links).mkdir(parents=True, exist_ok=True)
    return f"{number}/r.txt", chance(0.15)


# ---- pip's reading

SEVERAL = []  # not empty: a line of this case says more than pip hears


def hear_all(finder):
    """Of several -f, -e, -r and -c on one line pip takes the first, and nothing else from a line with -r or -c; moat takes
    them all. Such files are not compared."""
    parse = parse_line_of(finder)

    def parse_and_note(line):
        text, opts = parse(line)
        nested = (opts.requirements or []) + (opts.constraints or [])
        others = [opts.index_url, opts.extra_index_urls, opts.no_index, opts.find_links, opts.pre, opts.trusted_hosts,
                  opts.prefer_binary, opts.require_hashes, opts.no_require_hashes]
        if not text and (len(nested) > 1 or nested and any(others) and not opts.editables
                         or len(opts.editables or []) > 1 or len(opts.find_links or []) > 1):
            SEVERAL.append(line)
        return text, opts
    return parse_and_note


parse_line_of, req_file.get_line_parser = req_file.get_line_parser, hear_all

def pip_reads(path, constraint):
    session = PipSession()
    hosts = []
    session.add_trusted_host = lambda host, source=None: hosts.append(host)
    finder = PackageFinder.create(
        link_collector=LinkCollector(session, SearchScope.create([], ["default"], False)),
        selection_prefs=SelectionPreferences(allow_yanked=False, format_control=FormatControl(set(), set()),
                                             release_control=ReleaseControl()))
    options = Values({"require_hashes": False, "no_require_hashes": False, "features_enabled": []})
    try:
        read = list(req_file.parse_requirements(path, session, finder, options, constraint))
    except (PipError, UnicodeError, LookupError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    entries = []
    for one in read:
        hashes = one.options.get("hashes", {})
        settings = one.options.get("config_settings", {})
        file, number = re.fullmatch(r"-[rc] (.*) \(line (\d+)\)", one.comes_from).groups()
        entries.append({"text": one.requirement.strip(), "where": f"{os.path.relpath(file)}:{number}", "editable": one.is_editable,
                        "constraint": one.constraint, "hashes": hashes,
                        "settings": {k: v if isinstance(v, list) else [v] for k, v in settings.items()}})
    urls = finder.index_urls
    format_control, release_control = finder.format_control, finder.release_control
    return {"entries": entries, "index_urls": urls, "no_index": finder.search_scope.no_index,
            "find_links": [shown(f) for f in finder.find_links],
            "trusted_hosts": hosts, "prefer_binary": finder.prefer_binary,
            "binary": [sorted(format_control.no_binary), sorted(format_control.only_binary)],
            "releases": [sorted(release_control.all_releases), sorted(release_control.only_final)],
            "require_hashes": (options.require_hashes, options.no_require_hashes)}


def shown(link):
    return link if "://" in link else os.path.relpath(link)


# ---- comparison

def folded(options, first):
    """moat keeps such pairs as they were given, and folds them with the command line's."""
    sides = [set(), set()]
    for option, value in options:
        if option == "pre":
            sides[0].add(":all:")
            continue
        this = 0 if option == first else 1
        FormatControl.handle_mutual_excludes(value, sides[this], sides[1 - this])
    return sides


def same(pip, moat):
    if "error" in pip or "error" in moat:
        if "error" in pip and "error" in moat:
            return True
        # Refused on purpose: a hash of the wrong length, both switches for hashes (pip says so later).
        refused = moat.get("error", "")
        # moat has none of pip's features, so any name of one will do.
        return "hex digits" in refused or "cannot be used together" in refused or "--use-feature: invalid" in pip.get("error", "")
    theirs = dict(pip)
    urls = [] if moat["no_index"] else [moat["index_url"] or "default", *moat["extra_index_urls"]]
    releases = folded(moat["releases"], "all-releases")
    ours = {"entries": moat["entries"], "index_urls": urls, "no_index": moat["no_index"],
            "find_links": [shown(f) for f in moat["find_links"]],
            "trusted_hosts": moat["trusted_hosts"], "prefer_binary": moat["prefer_binary"],
            "binary": [sorted(s) for s in folded(moat["binary"], "no-binary")], "releases": [sorted(s) for s in releases],
            "require_hashes": (moat["require_hashes"] is True, moat["require_hashes"] is False)}
    # An empty URL is none.
    theirs["index_urls"] = [u for u in theirs["index_urls"] if u]
    return theirs == ours


def main():
    cases = 5000
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        os.chdir(folder)
        os.environ.update(VARIABLES)
        asked = [make_case(folder, number) for number in range(cases)]
        lines = "".join(json.dumps(a) + "\n" for a in asked)
        told = subprocess.run([os.path.join(start, sys.argv[1])], input=lines, capture_output=True, text=True)
        answers = [json.loads(a) for a in told.stdout.splitlines()]
        assert len(answers) == cases, told.stderr + repr(asked[len(answers)])
        differ = errors = 0
        for (path, constraint), moat in zip(asked, answers):
            SEVERAL.clear()
            pip = pip_reads(path, constraint)
            errors += "error" in pip
            if not SEVERAL and not same(pip, moat):
                differ += 1
                if differ <= 10:
                    for file in sorted(pathlib.Path(path).parent.rglob("*.txt")):
                        print(f"{file}: {file.read_bytes()!r}")
                    print(f"  pip:  {pip}\n  moat: {moat}\n")
    print(f"{cases} files, {errors} of them refused by pip: {differ} read differently (seed {SEED})")
    sys.exit(differ != 0)


start = os.getcwd()
main()
