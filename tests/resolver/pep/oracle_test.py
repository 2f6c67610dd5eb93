"""Asks moat and the `packaging` library the same questions, well over 100,000 of them, and compares the answers.
Metadata and RECORD are compared with Python's own email and csv modules.

    oracle_test.py PEP_ORACLE [SEED]

`packaging` comes from the default index into a throw-away environment; without an index the test is skipped (77).
Where the two differ on purpose the question is not asked, and the reason stands beside it.

Other tests import the questions and packaging's answers from here; their arguments begin with PROGRAM [SEED], too.
"""
import csv
import email
import io
import itertools
import json
import pathlib
import random
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import throw_away  # noqa: E402

throw_away.start_again_with("packaging>=26.3")

from packaging import _manylinux, tags, utils  # noqa: E402
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName  # noqa: E402
from packaging.requirements import InvalidRequirement, Requirement  # noqa: E402
from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: E402
from packaging.version import InvalidVersion, Version  # noqa: E402

random.seed(int(sys.argv[2]) if len(sys.argv) > 2 else 20260819)
choice, chance = random.choice, lambda p: random.random() < p
NOT_ASKED = object()  # an answer that says: the two differ here on purpose


# ---- texts

def number():
    return choice(["0", "1", "1", "2", "3", "9", "10", "00", "01", "007", "2024", "20240101123456",
                   "18446744073709551615", "18446744073709551616", "99999999999999999999999999"])


def small():
    return choice(["0", "1", "2", "3"])


def version(digits=number, local=True):
    out = choice(["", "", "", "", "", "v", "V"]) + (choice([digits() + "!"]) if chance(.1) else "")
    out += ".".join(digits() for _ in range(choice([1, 2, 2, 2, 3, 3, 4])))
    if chance(.35):
        out += choice(["", "", ".", "-", "_"]) + choice(["a", "b", "rc", "c", "alpha", "beta", "pre", "preview", "RC", "A"])
        out += choice(["", ".", "-", "_"]) + choice([digits(), ""]) if chance(.8) else ""
    if chance(.25):
        out += "-" + digits() if chance(.2) else (choice(["", ".", "-", "_"]) + choice(["post", "rev", "r", "POST"])
                                                  + choice(["", "", ".", "-"]) + choice([digits(), ""]))
    if chance(.25):
        out += choice(["", ".", "-", "_"]) + choice(["dev", "Dev"]) + choice(["", "", "."]) + choice([digits(), ""])
    if local and chance(.2):
        out += "+" + choice([".", "-", "_"]).join(choice(["1", "2", "10", "00", "abc", "ABC", "foo0100", "zzz", "1a"])
                                                  for _ in range(choice([1, 1, 2, 3])))
    return choice(["", "", "", "", " ", "\t", "\n"]) + out + choice(["", "", "", "", " ", "\n"]) if chance(.1) else out


def spoilt(text, alphabet):
    """The text with something small wrong, or still right."""
    at = random.randrange(len(text) + 1)
    return choice([text[:at] + choice(alphabet) + text[at:], text[:at] + text[at + 1:], text[:at],
                   text[:at] + text[at:at + 1] * 2 + text[at + 1:]])


def maybe_spoilt(text, alphabet, p=.15):
    return spoilt(text, alphabet) if chance(p) else text


def simple_version():
    """Near each other, so that comparing them finds corners."""
    return version(small)


def clause():
    operator = choice(["==", "!=", "~=", "<=", ">=", "<", ">", "===", "==", "!="])
    text = version(small, local=operator in ("==", "!=", "===") or chance(.05)).strip()
    if operator in ("==", "!=") and chance(.3):
        text = ".".join(small() for _ in range(choice([1, 2, 3]))) + ".*"
    return choice(["", " "]) + operator + choice(["", " "]) + text + choice(["", "", " "])


def specifiers():
    return maybe_spoilt(",".join(clause() for _ in range(choice([0, 1, 1, 1, 2, 2, 3]))) + choice(["", "", "", ","]),
                        list("<>=!~.*,1a+-; "), .1)


ENVIRONMENTS = []
for full, system, machine, release in itertools.product(
        ["3.8.19", "3.9.0", "3.10.14", "3.11.7", "3.13.0rc2", "3.14.0a1", "3.15.0+", "3.15.0a8+"],
        [("posix", "linux", "Linux"), ("nt", "win32", "Windows"), ("posix", "darwin", "Darwin")],
        ["x86_64", "aarch64"], ["6.8.0-100-generic", "23.1.0", "10", ""]):
    ENVIRONMENTS.append({
        "os_name": system[0], "sys_platform": system[1], "platform_system": system[2], "platform_machine": machine,
        "platform_python_implementation": "CPython", "platform_release": release,
        "platform_version": "#100-Ubuntu SMP", "python_version": ".".join(full.split(".")[:2]),
        "python_full_version": full, "implementation_name": "cpython", "implementation_version": full.rstrip("+")})

VERSION_FIELDS = ["python_version", "python_full_version", "implementation_version", "platform_release"]
STRING_FIELDS = ["os_name", "sys_platform", "platform_machine", "platform_python_implementation", "platform_system",
                 "implementation_name", "os.name", "sys.platform", "platform.machine",
                 "platform.python_implementation", "python_implementation", "platform_version", "platform.version"]
VERSION_LITERALS = ["3.8", "3.9", "3.10", "3.11", "3.11.7", "3", "3.13", "3.13.0rc2", "3.14", "3.15", "3.15.0", "3.*", "3.1*",
                    "3.1.*", "20", "10", "4", "2.7", "3.8.19.0", "dev", "", "3.11.7+local", "23.1", "v3.8", "03.08"]
STRING_LITERALS = ["posix", "nt", "linux", "win32", "darwin", "Linux", "Windows", "x86_64", "aarch64", "CPython", "cpython",
                   "win", "linux2", "", "PyPy", "x86", "3.8"]
OPERATORS = ["==", "!=", "<", "<=", ">", ">=", "~=", "===", "in", "not in", "not  in"]


def quoted(text):
    return choice(['"%s"', "'%s'"]) % text


def comparison():
    kind = random.random()
    if kind < .45:
        field, operator = choice(VERSION_FIELDS), choice(OPERATORS)
        literal = choice(["3.8, 3.9", "3.8 3.11", "3.10", "3"]) if "in" in operator else choice(VERSION_LITERALS)
    elif kind < .8:
        field, operator = choice(STRING_FIELDS), choice(OPERATORS)
        literal = choice(["linux darwin", "win32", "posix,nt"]) if "in" in operator and chance(.5) else choice(STRING_LITERALS)
    else:
        field, operator, literal = "extra", choice(["==", "!="]), choice(["test", "Foo_Bar", "foo-bar", "foo.bar", "docs"])
    space = choice([" ", " ", "", "  ", "\t"])
    edge = " " if operator[0].isalpha() or field == "extra" and not space else space
    if chance(.15):
        return quoted(literal) + edge + operator + edge + field
    return field + edge + operator + edge + quoted(literal)


def marker(depth=0):
    parts = [("(" + choice(["", " "]) + marker(depth + 1) + choice(["", " "]) + ")") if depth < 2 and chance(.2)
             else comparison() for _ in range(choice([1, 1, 1, 2, 2, 3]))]
    out = parts[0]
    for part in parts[1:]:
        out += choice([" and ", " or ", "  and  "]) + part
    return out


def name():
    return maybe_spoilt(choice(["foo", "Foo.Bar", "foo_bar", "foo--bar", "a", "A1", "zope.interface", "x-_.y", "0", "foo-", "_foo",
                                "f" * 80, "foo\n", "foo bar", "foo", "ſoo", "B-", ".a"]), list("abcXY09.-_ \n/é"), .5)


def requirement():
    out = choice(["", "", " "]) + choice(["foo", "Foo.Bar", "a", "zope.interface", "foo_bar", "A-1"]) + choice(["", " "])
    if chance(.3):
        out += "[" + choice([",", ", ", " ,"]).join(choice(["a", "Foo_Bar", "b.c", "x1"])
                                                   for _ in range(choice([0, 1, 2, 3]))) + "]" + choice(["", " "])
    if chance(.2):
        out += "@" + choice(["", " "]) + choice(["https://h/x-1.0.whl", "git+https://h/x@main#egg=x", "file:///tmp/x", "./x",
                                                 "http://x;python_version<'3'", "https://u:p@h:8/x?a=b"])
        out += choice(["", " ", " ; " + marker(), " ;" + marker()])
    else:
        inner = ",".join(clause() for _ in range(choice([0, 1, 1, 2]))) + choice(["", "", "", ","])
        inner = inner if inner != "," else ""
        out += "(" + inner + ")" if chance(.2) else inner
        out += choice(["", "", "; " + marker(), " ;" + marker()])
    return maybe_spoilt(out, list("[](),;@<>=!'\" \tax1.\n"), .15)


def wheel():
    python = ".".join(choice(["py2", "py3", "cp311", "cp312", "CP39", "pp310", "py3"]) for _ in range(choice([1, 1, 2, 3])))
    abi = ".".join(choice(["none", "abi3", "cp311", "abi3t", "CP312"]) for _ in range(choice([1, 1, 2])))
    platform = ".".join(choice(["any", "linux_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "win_amd64",
                                "macosx_11_0_arm64"]) for _ in range(choice([1, 1, 2, 3])))
    parts = [choice(["foo", "Foo.Bar", "foo_bar", "a", "zope.interface", "foo__bar"]), version(small).strip().replace("-", "_")]
    if chance(.25):
        parts.append(choice(["1", "2", "01", "1_abc", "20240101", "1.x", "abc", "99999999999999999999999999"]))
    return maybe_spoilt("-".join(parts + [python, abi, platform]) + ".whl", list("-_.1a+ "), .15)


# ---- the other side's answers; False where a text is refused

def reference_version(question):
    # ASCII alone counts as blank here; Python's \s also takes the separators U+001C to U+001F.
    try:
        v = Version(question[1])
    except InvalidVersion:
        return False
    return [str(v), utils.canonicalize_version(v), v.is_prerelease, v.is_postrelease, v.is_devrelease]


def reference_compare(question):
    try:
        a, b = Version(question[1]), Version(question[2])
    except InvalidVersion:
        return False
    return (a > b) - (a < b)


def canonical(clauses):
    """packaging's key of a clause, with `.*` and `===` clauses as moat writes them."""
    out = set()
    for one in clauses:
        operator, text = one._canonical_spec
        if text.endswith(".*") and operator != "===":
            text = str(Version(text[:-2])) + ".*"
        out.add(operator + text)
    return sorted(out)


def reference_specifier(question):
    # An empty text behind `===` is a slip of the hand; moat refuses it.
    if re.search(r"===\s*(,|$)", question[1]):
        return NOT_ASKED
    try:
        specifier = SpecifierSet(question[1])
    except InvalidSpecifier:
        return False
    contained = [specifier.contains(v, prereleases=True) for v in question[2]]
    admitted = [i for i, inside in enumerate(contained) if inside]
    # A clause that names a pre-release puts them on an equal footing in packaging; in moat it is a licence to
    # fall back to them, so stable versions are preferred there too. The rule is the same for all other sets.
    stable = [i for i in admitted if not Version(question[2][i]).is_prerelease]
    if not any(s.prereleases for s in specifier):
        assert [question[2].index(v) for v in specifier.filter(question[2])] == (stable or admitted), question
    # moat filters versions, not texts: what `===` admits by its text is not asked for.
    return [canonical(specifier), contained, None if "===" in question[1] else stable or admitted]


# `<name> op <literal>` with what packaging refuses or answers on purpose otherwise.
def differs_on_purpose(text, environment):
    for field, literal, other, swapped in [(m[1], m[3], m[2], False) for m in re.finditer(
            r"([\w.]+)\s*(===|==|~=|!=|<=|>=|<|>|\bnot\s+in\b|\bin\b)\s*['\"]([^'\"]*)['\"]", text)] + [
            (m[3], m[1], m[2], True) for m in re.finditer(
                r"['\"]([^'\"]*)['\"]\s*(===|==|~=|!=|<=|>=|<|>|\bnot\s+in\b|\bin\b)\s*([\w.]+)", text)]:
        # The living specification has platform_version compare as a version where both sides are one; packaging
        # never does. (Our environments' values are not versions, so only `~=`-like operators would differ.)
        # What does not parse falls back to the rule for strings; packaging answers False for such a left side.
        if field == "platform_release" and other == "!=":
            return True
        # `"3.*" == python_version` is read with its sides changed; packaging finds that 3.* is no version.
        if swapped and literal.endswith(".*"):
            return True
        # python_full_version alone is mended (`3.15.0+`) in packaging; a literal that is no version on the left is
        # compared as a string here, and is False there.
        if swapped and field in VERSION_FIELDS:
            try:
                Version(literal)
            except InvalidVersion:
                return True
    return False


def reference_marker(question):
    _, text, environment, extra = question
    try:
        parsed = Marker(text)
    except InvalidMarker:
        return False
    # packaging evaluates escapes in quoted texts; the specification knows none.
    # It takes two literals, or a variable's name as a literal, for a comparison; moat refuses the first.
    if "\\" in text or differs_on_purpose(text, environment):
        return NOT_ASKED
    try:
        result = parsed.evaluate(dict(environment, extra=extra))
    except (UndefinedComparison, UndefinedEnvironmentName):
        return NOT_ASKED  # `~=` and `===` on strings may be `==`, and are here
    return [None, result]


def agrees_on_marker(theirs, ours, question):
    if not isinstance(theirs, list) or not isinstance(ours, list):
        return theirs == ours
    # The texts differ in parentheses; ours must be one that packaging reads and writes the same way.
    return theirs[1] == ours[1] and str(Marker(ours[0])) == ours[0]


def reference_requirement(question):
    text = question[1]
    if re.search(r"===\s*(,|;|\)|$)", text) or "\\" in text:
        return NOT_ASKED
    # The text behind `===` goes up to a blank in packaging, a comma included, which then is missing behind it.
    if re.search(r"===\s*[^\s;)]*,", text):
        return NOT_ASKED
    try:
        r = Requirement(text)
    except InvalidRequirement:
        return False
    # packaging takes names that end in `_`, blanks of other kinds, and control characters in URLs.
    if r.name.endswith("_") or any(e.endswith("_") for e in r.extras) or re.search(r"[\n\r\f\v]", text):
        return NOT_ASKED
    # packaging lets two literals be compared, and fails when asked for the answer.
    if r.marker is not None and re.search(r"['\"]\s*(===|==|~=|!=|<=|>=|<|>|in|not\s+in)\s*['\"]", text.split(";", 1)[-1]):
        return NOT_ASKED
    # `extra` is compared with names in quotes alone.
    if r.marker is not None and re.search(r"[\w.]+\s*(===|==|~=|!=|<=|>=|<|>|\bin\b|\bnot\s+in\b)\s*[a-z]", str(r.marker)):
        return NOT_ASKED
    return [utils.canonicalize_name(r.name), sorted({utils.canonicalize_name(e) for e in r.extras}), canonical(r.specifier),
            r.url, None if r.marker is None else str(r.marker)]


def agrees_on_requirement(theirs, ours, question):
    if not isinstance(theirs, list) or not isinstance(ours, list):
        return theirs == ours
    if theirs[:4] != ours[:4] or (theirs[4] is None) != (ours[4] is None):
        return False
    return theirs[4] is None or str(Marker(ours[4])) == ours[4]


def reference_name(question):
    try:
        return utils.canonicalize_name(question[1], validate=True)
    except utils.InvalidName:
        return False


def reference_wheel(question):
    try:
        project, v, build, found = utils.parse_wheel_filename(question[1])
    except utils.InvalidWheelFilename:
        return False
    # packaging takes names that begin or end with `_` or `.`, and blanks around the version.
    part = question[1].split("-")
    if not re.fullmatch(r"[A-Za-z0-9](.*[A-Za-z0-9])?", part[0]) or part[1] != part[1].strip():
        return NOT_ASKED
    return [project, str(v), [str(build[0]), build[1]] if build else [], sorted(map(str, found))]


def agrees_on_tags(theirs, ours, question):
    if isinstance(ours, list) and isinstance(ours[-1], list):
        ours = ours[:-1] + [sorted(set(ours[-1]))]
    return theirs == ours


def reference_sdist(question):
    # moat also reads the older kinds of archives.
    if not question[1].endswith((".tar.gz", ".zip")):
        return NOT_ASKED
    try:
        project, v = utils.parse_sdist_filename(question[1])
    except utils.InvalidSdistFilename:
        return False
    part = question[1].rpartition("-")
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", part[0]) or re.search(r"\s", part[2]):
        return NOT_ASKED
    return [project, str(v)]


def reference_tag(question):
    try:
        return sorted(map(str, tags.parse_tag(question[1], limit=10000)))
    except (tags.InvalidTag, tags.TooManyTagsError):
        return False


def agrees_on_tag(theirs, ours, question):
    return theirs == (sorted(set(ours)) if isinstance(ours, list) else ours)


def unique(items):
    return list(dict.fromkeys(map(str, items)))


def reference_cpython(question):
    _, minor, threaded, debug, platforms = question
    settings = {"Py_DEBUG": debug, "Py_GIL_DISABLED": threaded, "WITH_PYMALLOC": 1, "Py_UNICODE_SIZE": 4}
    original, tags._get_config_var = tags._get_config_var, lambda key, warn=False: settings.get(key)
    try:
        abis = list(tags._cpython_abis((3, minor)))  # lazy since 26.4
    finally:
        tags._get_config_var = original
    return unique(itertools.chain(tags.cpython_tags((3, minor), abis, platforms),
                                  tags.compatible_tags((3, minor), f"cp3{minor}", platforms)))


def reference_generic(question):
    _, implementation, minor, abi, platforms = question
    short = tags.INTERPRETER_SHORT_NAMES.get(implementation, implementation)
    return unique(itertools.chain(
        tags.generic_tags(f"{short}3{minor}", [abi], platforms),
        tags.compatible_tags((3, minor), "pp3" if short == "pp" else None, platforms)))


def agrees_on_list(theirs, ours, question):
    return theirs == list(dict.fromkeys(ours))


def reference_linux(question):
    _, arch, libc, major, minor = question
    archs = ["armv8l", "armv7l"] if arch == "armv8l" else [arch]
    out = [f"linux_{each}" for each in archs]
    if libc == "musl":
        return out + [f"musllinux_{major}_{level}_{each}" for each in archs for level in range(minor, -1, -1)]
    originals = _manylinux._get_glibc_version, _manylinux._have_compatible_abi, _manylinux._get_manylinux_module
    _manylinux._get_glibc_version = lambda: (major, minor)
    _manylinux._get_manylinux_module = lambda: None
    # On this interpreter the ELF header of another architecture cannot be looked at.
    _manylinux._have_compatible_abi = lambda _, names: bool({"armv7l", "i686", *_manylinux._ALLOWED_ARCHS} & set(names))
    try:
        return out + list(_manylinux.platform_tags(archs))
    finally:
        _manylinux._get_glibc_version, _manylinux._have_compatible_abi, _manylinux._get_manylinux_module = originals


def reference_macos(question):
    _, arch, major, minor = question
    return list(tags.mac_platforms((major, minor), arch))


def reference_platform(question):
    kind, *rest = question[1].split("_", 3)
    if kind == "ios":
        return list(tags.ios_platforms((int(rest[0]), int(rest[1])), rest[2]))
    api, abi = question[1].split("_", 2)[1:]
    return list(tags.android_platforms(int(api), abi))


def reference_metadata(question):
    # Lines split at \\x0b, \\x1c and the like nowhere; a mailbox's "From " as the last line is the body's there.
    message = email.message_from_string(question[1])
    if re.search(r"(^|[\r\n])From ", question[1]):
        return NOT_ASKED
    fields = []
    for key, value in message.raw_items():
        first, *more = re.split(r"\r\n|\r|\n", value)
        lines = [first] + [line.lstrip(" \t").removeprefix("|") for line in more]
        fields.append([key, "\n".join(lines).strip(" \t\r\n\f\v")])
    return [fields, message.get_payload()]


def reference_record(question):
    out = []
    for row in csv.reader(io.StringIO(question[1], newline="")):
        if not row:
            continue
        path, digest, size = (row + ["", ""])[:3]
        algorithm, equals, value = digest.partition("=")
        if not path or len(row) > 3 or digest and (not equals or not algorithm):
            return False
        if size.strip() and not re.fullmatch("[0-9]{1,19}", size.strip()):
            return False
        out.append([path, algorithm.lower(), value, int(size) if size.strip() else None])
    return out


# ---- questions

def metadata():
    lines = [choice(["Name: a", "Version:1", "License: x", "        |more", "  y", "        ", "", "\t", "no field", "Requires-Dist: b",
                     ": z", "a b: c", "Key-With-\x7f: x", "K: ", " : q", "Caf\u00e9: x", "X: caf\u00e9", "Summary:  s  "])
             for _ in range(random.randrange(8))]
    return maybe_spoilt("".join(line + choice(["\n", "\n", "\r\n", "\r"]) for line in lines), list(": \t\n\rab|"), .2)


def record():
    rows = [choice(["a/b.py", '"a,b"', '"say ""x"""', 'in"side', '"two\nlines"', '"a"b', "", '"open', "c d"]) + ","
            + choice(["sha256=AbC-_x", "", "sha256=", "md5=x", "nohash", '"sha256=x"']) + "," + choice(["12", "", "0", " 7 ", "x"])
            for _ in range(random.randrange(4))]
    return maybe_spoilt("".join(row + choice(["\n", "\n", "\r\n"]) for row in rows), list(',"\n\ra1='), .3)


def same(theirs, ours, question):
    return theirs == ours


KINDS = {
    "version": (reference_version, same), "compare": (reference_compare, same),
    "specifier": (reference_specifier, same), "marker": (reference_marker, agrees_on_marker),
    "requirement": (reference_requirement, agrees_on_requirement), "name": (reference_name, same),
    "wheel": (reference_wheel, agrees_on_tags), "sdist": (reference_sdist, same), "tag": (reference_tag, agrees_on_tag),
    "cpython": (reference_cpython, agrees_on_list), "generic": (reference_generic, agrees_on_list),
    "linux": (reference_linux, same), "macos": (reference_macos, same), "platform": (reference_platform, same),
    "metadata": (reference_metadata, same), "record": (reference_record, same),
}

PLATFORMS = [["linux_x86_64", "manylinux_2_36_x86_64", "manylinux2014_x86_64"], ["win_amd64"], ["macosx_11_0_arm64"]]


def questions(times=1):
    for _ in range(25000 * times):
        yield ["version", maybe_spoilt(version(), list("1.-_+!abr xdev\u0131\uff12"))]
    for _ in range(25000 * times):
        yield ["compare", simple_version(), simple_version()] if chance(.7) else ["compare", version(), version()]
    for _ in range(25000 * times):
        yield ["specifier", specifiers(), list({version(small).strip(): 0 for _ in range(6)})]
    for _ in range(20000 * times):
        text = marker()
        yield ["marker", maybe_spoilt(text, list("()'\"=<> ax\t"), .05), choice(ENVIRONMENTS), choice(["", "", "test", "foo-bar", "Foo.Bar"])]
    for _ in range(15000 * times):
        yield ["requirement", requirement()]
    for _ in range(5000 * times):
        yield ["name", name()]
    for _ in range(8000 * times):
        yield ["wheel", wheel()]
    for _ in range(3000 * times):
        yield ["sdist", maybe_spoilt(choice(["foo", "Foo.Bar", "foo-bar", "a"]) + "-" + version(small).strip()
                                     + choice([".tar.gz", ".zip"]), list("-.1a"), .1)]
    for _ in range(3000 * times):
        yield ["tag", maybe_spoilt("-".join(wheel()[:-4].split("-")[-3:]), list("-.1a_"), .3)]
    for _ in range(8000 * times):
        yield ["metadata", metadata()]
        yield ["record", record()]
    for minor, threaded, debug, platforms in itertools.product(range(2, 20), [False, True], [False, True], PLATFORMS):
        yield ["cpython", minor, threaded, debug, platforms]
    for minor, platforms in itertools.product([8, 9, 10, 11], PLATFORMS):
        yield ["generic", "pypy", minor, f"pypy3{minor}_pp73", platforms]
        yield ["generic", "graalpy", minor, "graalpy240_310_native", platforms]
        yield ["generic", "jython", minor, "none", platforms]
    for arch, libc in itertools.product(["x86_64", "i686", "aarch64", "armv7l", "armv8l", "ppc64le", "s390x", "riscv64",
                                         "loongarch64", "ppc64", "mips64", "sparc64"], ["glibc", "musl"]):
        for major, minor in [(2, 4), (2, 5), (2, 12), (2, 16), (2, 17), (2, 28), (2, 36), (3, 2)] if libc == "glibc" else [(1, 0), (1, 2)]:
            yield ["linux", arch, libc, major, minor]
    for arch, release in itertools.product(["x86_64", "arm64", "i386", "ppc", "ppc64"],
                                           [(10, 3), (10, 4), (10, 6), (10, 9), (10, 15), (11, 0), (12, 3), (14, 1), (26, 0)]):
        # packaging goes on from an ARM Mac's 10.x, which there never was, with formats of its own.
        if arch in ("x86_64", "arm64") or release < (11, 0):
            yield ["macos", arch, *release]
    for platform in ["ios_15_4_arm64_iphoneos", "ios_12_0_x86_64_iphonesimulator", "ios_11_0_arm64_iphoneos",
                     "android_21_arm64_v8a", "android_16_x86_64", "android_15_x86"]:
        yield ["platform", platform]


def main():
    asked = list(questions())
    done = subprocess.run([sys.argv[1]], input="\n".join(json.dumps(q) for q in asked) + "\n", capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{sys.argv[1]} ended with {done.returncode}: {done.stderr[-1000:]}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(asked), (len(answers), len(asked))

    compared, refused, wrong = 0, 0, []
    for question, ours in zip(asked, answers):
        reference, agrees = KINDS[question[0]]
        theirs = reference(question)
        if theirs is NOT_ASKED:
            continue
        compared += 1
        refused += theirs is False
        if not agrees(theirs, ours, question):
            wrong.append((question, theirs, ours))
    for question, theirs, ours in wrong[:40]:
        print(json.dumps(question), "\n    packaging:", json.dumps(theirs), "\n    moat:     ", json.dumps(ours))
    print(f"{compared} compared, {refused} of them refused by both or one, {len(wrong)} differ")
    sys.exit(bool(wrong) or compared < 100000)


if __name__ == "__main__":
    main()
