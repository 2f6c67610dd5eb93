"""Prints the named character references of HTML, which Python knows, as string literals of C++.

    html_entities_table.py FILE

Each is its name, a space, its text in UTF-8, and NUL; sorted by the bytes of the names.
"""
import html.entities
import sys


def literal(name, text):
    return '"{} {}\\0"\n'.format(name, "".join("\\{:03o}".format(byte) for byte in text.encode()))


with open(sys.argv[1], "w") as file:
    file.writelines(literal(name, text) for name, text in sorted(html.entities.html5.items()))
