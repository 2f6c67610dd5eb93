"""What needs neither the network nor an archive does not load the libraries for them: they cost more than the rest.

    start_test.py MOAT
"""
import os
import subprocess
import sys

moat = sys.argv[1]
loaded = subprocess.run([moat, "--version"], env={**os.environ, "LD_DEBUG": "libs"}, stdout=subprocess.DEVNULL,
                        stderr=subprocess.PIPE, text=True, check=True).stderr
assert "libsolv" in loaded, f"this libc does not tell what it loads: {loaded!r}"
for library in ("libcurl", "libarchive", "libgnutls"):
    assert library not in loaded, f"{library} is loaded at the start"
