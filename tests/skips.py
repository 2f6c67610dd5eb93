"""Tests that were skipped, against the list of those that may be (tests/skips.txt).

    skips.py RESULTS.xml     what `ctest --output-junit` wrote

Each skipped test is printed with the reason that the list has for it. One that is not listed is an error: what never
runs proves nothing.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree

LIST = pathlib.Path(__file__).with_name("skips.txt")


def allowed():
    """[(pattern of a whole name, reason)]"""
    out = []
    for number, line in enumerate(LIST.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, _, reason = line.partition("  ")
        if not reason.strip():
            sys.exit(f"{LIST.name}:{number}: two blanks and the reason are missing")
        out.append((re.compile(pattern), reason.strip()))
    return out


def skipped(results):
    """Whole tests, and those that say of themselves that a part of them was left out."""
    for case in xml.etree.ElementTree.parse(results).getroot().iter("testcase"):
        # ctest shows the value of a parameter behind the name.
        name = case.get("name").split("  #")[0]
        if case.get("status") == "notrun":
            yield name
        elif re.search(r"^OK \(skipped=\d+\)", case.findtext("system-out") or "", re.M):
            yield name + " (in part)"


def main():
    rules, unknown = allowed(), []
    for name in skipped(sys.argv[1]):
        reason = next((why for pattern, why in rules if pattern.fullmatch(name)), None)
        if reason is None:
            unknown.append(name)
        else:
            print(f"skipped: {name}: {reason}")
    for name in unknown:
        print(f"error: {name} was skipped, and {LIST.name} does not say why it may be", file=sys.stderr)
    return bool(unknown)


if __name__ == "__main__":
    sys.exit(main())
