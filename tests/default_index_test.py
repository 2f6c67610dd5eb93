"""Where the default index comes from when moat is built: a value given, else pip; without either, configuring fails and
names the variable; credentials in it are an error.

    default_index_test.py REPOSITORY CMAKE
"""
import os
import pathlib
import subprocess
import sys

script, cmake = pathlib.Path(sys.argv[1]) / "cmake/default_index.cmake", sys.argv[2]


def configure(*options, **variables):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))}
    done = subprocess.run([cmake, *options, "-P", str(script)], env={**env, **variables}, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True)
    return done.returncode, " ".join(done.stdout.split())


status, said = configure("-DMOAT_DEFAULT_INDEX=http://127.0.0.1/simple/")
assert status == 0, said
status, said = configure("-DMOAT_DEFAULT_INDEX=http://user:secret@127.0.0.1/simple/")
assert status != 0 and "MOAT_DEFAULT_INDEX holds credentials" in said and "secret" not in said, said
# A Python that does not start has no pip to ask.
status, said = configure(PYTHONHOME="/nowhere")
assert status != 0 and "MOAT_DEFAULT_INDEX" in said, said
