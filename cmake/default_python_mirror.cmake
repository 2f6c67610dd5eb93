# Where `moat python install` finds relocatable Pythons when the user names no `python-mirror`: a folder or URL that
# holds them and their SHA256SUMS.
set(MOAT_DEFAULT_PYTHON_MIRROR "https://github.com/astral-sh/python-build-standalone/releases/latest/download"
    CACHE STRING "Folder or URL of relocatable Pythons")
