"""Asks `moat eval` and PyPI's `packaging` the same questions, more than 300,000 of them, and compares the answers.

    eval_test.py MOAT [SEED]

The questions and packaging's answers are those of tests/resolver/pep/oracle_test.py; what is not asked there, because the
two differ on purpose, is listed with its reason in docs/differences.md.
"""
import itertools
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "resolver/pep"))
import oracle_test as oracle  # noqa: E402  (begins again in an environment that has packaging)

from packaging import utils  # noqa: E402
from packaging.specifiers import SpecifierSet  # noqa: E402
from packaging.version import Version  # noqa: E402


def keys(text):
    return oracle.canonical(SpecifierSet(text))


# ---- question → (subject, line in); line out → what the oracle's own program would have said

def ask_version(q):
    return "version", {"version": q[1], "details": True}


def told_version(out, q):
    return [out["normalized"], out["canonical"], out["is_prerelease"], out["is_postrelease"], out["is_devrelease"]]


def same_version(theirs, told, out):
    if theirs is False or told is False:
        return theirs is told
    v = Version(out["normalized"])
    parts = [v.epoch, list(v.release), list(v.pre) if v.pre else None, v.post, v.dev, v.local, v.base_version, v.public]
    # Integers above 2^63-1 are decimal strings.
    big = [out["epoch"], out["release"], out["pre"], out["post"], out["dev"], out["local"], out["base_version"], out["public"]]
    return theirs == told and json.dumps(parts, default=str).replace('"', "") == json.dumps(big).replace('"', "")


def ask_compare(q):
    return "version", {"compare": q[1:]}


def ask_specifier(q):
    return "specifier", {"specifier": q[1], "versions": q[2], "prereleases": {0: None, 1: True, 2: False}[len(q[1]) % 3]}


def told_specifier(out, q):
    return [keys(out["normalized"]), out["contains"], out["filter"]]


def reference_specifier(q):
    theirs = oracle.reference_specifier(q)
    if not isinstance(theirs, list):
        return theirs
    policy, pre = ask_specifier(q)[1]["prereleases"], [Version(v).is_prerelease for v in q[2]]
    contained = [inside and not (policy is False and before) for inside, before in zip(theirs[1], pre)]
    admitted = [v for v, inside in zip(q[2], contained) if inside]
    stable = [v for v, inside, before in zip(q[2], contained, pre) if inside and not before]
    if policy is not None:  # here packaging has one rule for all sets
        assert list(SpecifierSet(q[1]).filter(q[2], prereleases=policy)) == admitted, q
    return [theirs[0], contained, admitted if policy else stable or admitted]


def ask_marker(q):
    return "marker", {"marker": q[1], "environment": q[2], "extras": [q[3]] if q[3] else []}


def told_marker(out, q):
    return [out["normalized"], out["result"]]


def ask_requirement(q):
    return "requirement", {"requirement": q[1]}


def told_requirement(out, q):
    return [utils.canonicalize_name(out["name"]), sorted({utils.canonicalize_name(e) for e in out["extras"]}),
            keys(out["specifier"]), out["url"], out["marker"]]


def ask_filename(q):
    return q[0], {"filename": q[1]}


def told_wheel(out, q):
    return [out["name"], out["version"], [str(part) for part in out["build"]], out["tags"]]


def ask_cpython(q):
    _, minor, threaded, debug, platforms = q
    return "tags", {"python": f"3.{minor}", "flags": "t" * threaded + "d" * debug, "platforms": platforms}


def ask_generic(q):
    _, implementation, minor, abi, platforms = q
    return "tags", {"python": f"3.{minor}", "implementation": implementation, "abi": abi, "platforms": platforms}


def ask_linux(q):
    _, arch, libc, major, minor = q
    return "tags", {"python": "3.12", "platform": f"{'musl' if libc == 'musl' else 'many'}linux_{major}_{minor}_{arch}"}


def ask_macos(q):
    return "tags", {"python": "3.12", "platform": f"macosx_{q[2]}_{q[3]}_{q[1]}"}


def platforms_in(out, q):
    """The platforms that the tags run through, best first."""
    return list(dict.fromkeys(tag.split("-", 2)[2] for tag in out["tags"] if tag.startswith("cp312-cp312-")))


def same(theirs, told, out):
    return theirs == told


def by_oracle(agrees):
    return lambda theirs, told, out: agrees(theirs, told, None)


# kind: line in, told of the line out, packaging's answer, agreement
KINDS = {
    "version": (ask_version, told_version, oracle.reference_version, same_version),
    "compare": (ask_compare, lambda out, q: out["result"], oracle.reference_compare, same),
    "specifier": (ask_specifier, told_specifier, reference_specifier, same),
    "marker": (ask_marker, told_marker, oracle.reference_marker, by_oracle(oracle.agrees_on_marker)),
    "requirement": (ask_requirement, told_requirement, oracle.reference_requirement, by_oracle(oracle.agrees_on_requirement)),
    "name": (lambda q: ("name", {"name": q[1]}), lambda out, q: out["normalized"], oracle.reference_name, same),
    "wheel": (ask_filename, told_wheel, oracle.reference_wheel, same),
    "sdist": (ask_filename, lambda out, q: [out["name"], out["version"]], oracle.reference_sdist, same),
    "tag": (lambda q: ("tags", {"tag": q[1]}), lambda out, q: out["tags"], oracle.reference_tag, same),
    "cpython": (ask_cpython, lambda out, q: out["tags"], oracle.reference_cpython, same),
    "generic": (ask_generic, lambda out, q: out["tags"], oracle.reference_generic, same),
    "linux": (ask_linux, platforms_in, oracle.reference_linux, same),
    "macos": (ask_macos, platforms_in, oracle.reference_macos, same),
}


def questions():
    yield from (q for q in oracle.questions(times=3) if q[0] in KINDS)
    for minor, (arch, levels) in itertools.product(range(6, 20), {"x86_64": [5, 17, 36], "aarch64": [17, 28]}.items()):
        for level, threaded in itertools.product(levels, [False, True]):
            platforms = oracle.reference_linux(["linux", arch, "glibc", 2, level])
            yield ["cpython", minor, threaded, False, platforms]


def answers_of(moat, asked):
    """One process a subject; the answers in the order of the questions."""
    lines = {}
    for q in asked:
        subject, line = KINDS[q[0]][0](q)
        lines.setdefault(subject, []).append(json.dumps(line))
    out = {}
    for subject, texts in lines.items():
        done = subprocess.run([moat, "eval", subject], input="\n".join(texts) + "\n", capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"moat eval {subject} ended with {done.returncode}: {done.stderr[-1000:]}")
        out[subject] = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(out[subject]) == len(texts), (subject, len(out[subject]), len(texts))
    streams = {subject: iter(answers) for subject, answers in out.items()}
    return [next(streams[KINDS[q[0]][0](q)[0]]) for q in asked]


def main():
    asked = list(questions())
    compared, refused, wrong = 0, 0, []
    for q, out in zip(asked, answers_of(sys.argv[1], asked)):
        ask, tell, reference, agrees = KINDS[q[0]]
        theirs = reference(q)
        if theirs is oracle.NOT_ASKED:
            continue
        told = False if "error" in out else tell(out, q)
        compared += 1
        refused += theirs is False
        if not agrees(theirs, told, out):
            wrong.append((ask(q), theirs, told, out))
    for line, theirs, told, out in wrong[:40]:
        print(json.dumps(line)[:500], "\n    packaging:", json.dumps(theirs)[:500], "\n    moat:     ", json.dumps(told)[:500])
    print(f"{compared} compared, {refused} of them refused by both or one, {len(wrong)} differ")
    sys.exit(bool(wrong) or compared < 300000)


if __name__ == "__main__":
    main()
