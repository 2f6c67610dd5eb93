"""Every relative link in README.md and docs/ leads to a file, and to a heading of it where it names one.

    docs_links_test.py REPOSITORY
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])


def without_code(text):
    return re.sub(r"`[^`\n]*`", "``", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def anchors(page):
    """As they are made of headings: lower case, blanks to dashes, other marks dropped; a second one gets -1."""
    found = []
    for heading in re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S), re.M):
        name = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        found.append(name if name not in found else f"{name}-{found.count(name)}")
    return found + re.findall(r'<a (?:id|name)="([^"]+)"', page.read_text())


def broken(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists():
            yield f"{page.relative_to(root)}: there is no {link}"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            yield f"{page.relative_to(root)}: {target.name} has no heading for #{anchor}"


pages = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
problems = [problem for page in pages for problem in broken(page)]
print("\n".join(problems) or f"{len(pages)} pages, every relative link leads somewhere")
sys.exit(bool(problems))
