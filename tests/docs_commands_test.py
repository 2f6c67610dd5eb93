"""Each command that README.md and docs/ show is one of moat's, with options that its help lists.

    docs_commands_test.py REPOSITORY MOAT
"""
import pathlib
import re
import shlex
import subprocess
import sys

root, moat = pathlib.Path(sys.argv[1]), sys.argv[2]
# What `moat pip` takes is pip's, and its tests type it; what `eval` takes stands on a page of its own.
OTHERS = ("pip", "eval")
EVERYWHERE = {"-h", "--help", "--version"}


def helped(*words):
    return subprocess.run([moat, *words, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                          check=False).stdout


def commands():
    """→ {("env", "list"): the options in its help}"""
    found = {}
    for line in helped().split("Commands:\n")[1].splitlines():
        if not line.startswith("  "):
            break
        words = line.split("   ")[0].split() if "   " in line else line.split()
        path = tuple(word for word in words[:2] if re.fullmatch(r"[a-z-]+", word))
        # "run [--] CMD" and "add REQ…" are one word; "bundle show FILE" and "env list" are two.
        found[path] = None
    return found


def lines_of(page):
    """Code spans, and lines of fenced blocks, that begin with moat."""
    inside = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            inside = not inside
        elif inside:
            if re.match(r"moat \w+ \d+$", line):  # the first line of a file of moat's
                continue
            if match := re.match(r"\s*(?:[$#] |- (?:run: )?|RUN |sudo )?(moat .*)", line):
                yield number, match[1].split("  #")[0].split("   ")[0]
        else:
            for span in re.findall(r"`(moat [^`]*)`", line):
                yield number, span


def words_of(line):
    line = re.split(r" (?:&&|\|\||\||>|2>|;|<) ?", line)[0]
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def wrong(line, known, cache):
    words = words_of(line)[1:]
    options = []
    path = ()
    for word in words:
        if word.startswith("-"):
            options.append(word)
        elif re.fullmatch(r"[a-z-]+", word) and (path + (word,) in known or any(p[:len(path) + 1] == path + (word,) for p in known)):
            path += (word,)
        elif path == ():
            continue  # the value of an option that stands before the command
        else:
            break
    if path == ():
        return None if not words or not re.fullmatch(r"[a-z-]+", words[0]) else f"there is no command {words[0]}"
    if path[0] in OTHERS:
        return None
    if path not in known and len(words) > len(path) and re.fullmatch(r"[a-z-]+", words[-1]):
        return f"there is no command {' '.join(words)}"
    if path not in cache:
        cache[path] = set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", helped(*path))) | EVERYWHERE | cache[()]
    taken = words[:words.index("--")] if "--" in words else words
    if path in (("run",), ("tool", "run"), ("shell",)):  # what follows the command is the program's
        rest = [i for i, w in enumerate(taken) if not w.startswith("-") and w not in path]
        taken = taken[:rest[0]] if rest else taken
    for word in taken:
        if re.match(r"--?[a-zA-Z]", word):
            option = word.split("=")[0]
            if option not in cache[path] and not re.fullmatch(r"-[a-zA-Z].+", option.replace("--", "#")):
                return f"{' '.join(path)} has no option {option}"
    return None


known = commands()
cache = {(): set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", helped()))}
count, problems = 0, []
for page in (root / "README.md", *sorted((root / "docs").rglob("*.md"))):
    for number, line in lines_of(page):
        count += 1
        if problem := wrong(line, known, cache):
            problems.append(f"{page.relative_to(root)}:{number}: {line}: {problem}")
print("\n".join(problems) or f"{count} commands, each of them moat's")
sys.exit(bool(problems) or count < 200)
