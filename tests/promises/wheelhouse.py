"""Wheels of any content, for tests that need odd ones: two releases of one size and date, a RECORD that lies."""
import base64
import hashlib
import pathlib
import zipfile

REPRODUCIBLE = (2020, 2, 2, 0, 0, 0)  # what tools for reproducible wheels date every file


def digest(content):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def wheel(folder, name, version, files, requires=(), scripts=(), record=None, tag="py3-none-any", when=REPRODUCIBLE):
    """Writes a wheel and returns its path. `record`: takes the rows {path: (hash, size)} and returns those to be written."""
    info = f"{name}-{version}.dist-info"
    contents = {path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()}
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", *(f"Requires-Dist: {r}\n" for r in requires)]
    contents[f"{info}/METADATA"] = "".join(metadata).encode()
    contents[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    if scripts:
        contents[f"{info}/entry_points.txt"] = ("[console_scripts]\n" + "".join(f"{s}\n" for s in scripts)).encode()
    rows = {path: (digest(content), str(len(content))) for path, content in contents.items()}
    rows[f"{info}/RECORD"] = ("", "")
    if record:
        rows = record(rows)
    contents[f"{info}/RECORD"] = "".join(f"{path},{hashed},{size}\n" for path, (hashed, size) in rows.items()).encode()
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in contents.items():
            entry = zipfile.ZipInfo(member, when)
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return path
