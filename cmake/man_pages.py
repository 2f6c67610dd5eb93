"""Manual pages of moat and of each of its commands, from what their --help says: that is made from the declarations.

    man_pages.py MOAT VERSION FOLDER
"""
import gzip
import os
import pathlib
import re
import subprocess
import sys
import time


def helped(moat, *words):
    return subprocess.run([moat, *words, "--help"], stdout=subprocess.PIPE, check=True, universal_newlines=True,
                          env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "COLUMNS": "500", "NO_COLOR": "1"}).stdout


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def sections(text):
    """→ what the command does, its usage, and [title, lines] of the rest"""
    summary, _, rest = text.partition("\n\nUsage: ")
    usage, _, rest = rest.partition("\n")
    found = []
    for line in rest.splitlines():
        if re.match(r"[A-Z][a-z ]+:", line):
            title, _, text = line.partition(":")
            found.append([title, [text.strip()] if text.strip() else []])
        elif found and line:
            found[-1][1].append(line)
        elif line:
            found.append(["", [line]])
    return summary.strip(), usage.strip(), found


def page(name, text, version, date):
    summary, usage, rest = sections(text)
    summary = re.sub(r"^moat: ", "", " ".join(summary.split()))
    out = [f'.TH "{name.upper()}" 1 "{date}" "moat {version}" "moat"', ".SH NAME", roff(f"{name} - {summary}"), ".SH SYNOPSIS",
           ".B " + roff(usage), ]
    for title, lines in rest:
        out.append(f'.SH "{(title or "NOTES").upper()}"')
        for line in lines:
            # "  -e, --editable FOLDER           a folder …": the name, then what it says, after two blanks.
            item = re.match(r"  {0,6}(\S.*?)(?:  +(.*))?$", line)
            if title == "Example":
                out += [".nf", roff(line.strip()), ".fi"]
            elif item and line.startswith("  ") and not line.startswith(" " * 12):
                out += [".TP", ".B " + roff(item[1]), roff(item[2] or "")]
            else:
                out += [roff(line.strip())] if line.startswith("  ") else [".PP", roff(line.strip())]
    return "\n".join(line for line in out if line) + "\n"


def command_names(text):
    for line in text.split("Commands:\n")[1].split("\n\n")[0].splitlines():
        words = re.split(r"  +", line.strip())[0].split()
        names = [word for word in words[:2] if re.fullmatch(r"[a-z-]+", word)]
        yield tuple(names)


def main():
    moat, version, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    date = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    folder.mkdir(parents=True, exist_ok=True)
    first = helped(moat)
    for words in [(), *sorted(set(command_names(first)))]:
        name = "-".join(("moat", *words))
        text = page(name, helped(moat, *words) if words else first, version, date)
        with open(folder / f"{name}.1.gz", "wb") as file:
            file.write(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
