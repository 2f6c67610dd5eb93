"""Prints which lines of the sources the tests reach: by room, and the files with the most that none does.

    coverage.py BUILD SOURCE        after tests of a build with --coverage (./dev coverage)

Reads what gcov says of each object; a line that several objects hold (of a header, a template) counts once, and is reached if it is in
one of them.
"""
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

ROOMS = ["resolver", "fetch", "envs", "cli"]


def lines_of(notes):
    """→ (file, line, how often) of one object, as gcov tells it from what the compiler and the runs left beside it."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", notes.name], cwd=notes.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    found = []
    for text in done.stdout.splitlines():
        report = json.loads(text)
        for file in report["files"]:
            path = os.path.normpath(os.path.join(report["current_working_directory"], file["file"]))
            found += [(path, line["line_number"], line["count"]) for line in file["lines"]]
    return found


def main():
    build, source = (pathlib.Path(os.path.abspath(folder)) for folder in sys.argv[1:])
    reached = collections.defaultdict(dict)  # file → line → was it?
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lines_of, sorted(build.rglob("*.gcno"))):
            for path, line, count in found:
                room = os.path.relpath(path, source).split("/")[0]
                if room in ROOMS:
                    lines = reached[os.path.relpath(path, source)]
                    lines[line] = lines.get(line, False) or count > 0
    if not reached:
        print(f"no file of {source} was compiled with --coverage in {build}")
        return 1
    print(f"{'room':<12}{'lines':>8}{'reached':>9}")
    for room in ROOMS:
        of_room = [was for file, lines in reached.items() if file.startswith(room + "/") for was in lines.values()]
        if of_room:
            print(f"{room:<12}{len(of_room):>8}{100 * sum(of_room) / len(of_room):>8.1f}%")
    print("\nmost lines that no test reaches:")
    missed = sorted(((sum(not was for was in lines.values()), file) for file, lines in reached.items()), reverse=True)
    for count, file in missed[:15]:
        if count:
            print(f"{count:>6} of {len(reached[file]):>5}  {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
