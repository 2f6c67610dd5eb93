"""`moat doctor --prove`: what is sealed is shown to be so, and what needs another Python is found.

    proof_test.py MOAT [Proof.test_name…]
"""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "transcripts")]
import loopback_index  # noqa: E402
import sandbox  # noqa: E402


class Proof(sandbox.SandboxTest):
    def setUp(self):
        super().setUp()
        if subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode and \
           subprocess.run(["unshare", "-rm", "true"], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("no mount namespaces here")
        wheels = self.work / "wheels"
        wheels.mkdir()
        filename, content = loopback_index.wheel("app", "1.0", "py3-none-any", [], "", [])
        (wheels / filename).write_bytes(content)
        self.env["MOAT_NO_INDEX"], self.env["MOAT_FIND_LINKS"] = "1", str(wheels)
        self.create()
        self.install("app")
        self.site = next((self.work / "env/lib").glob("python3.*/site-packages"))

    def prove(self, status=0, *more):
        document = json.loads(self.moat("doctor", "--env", "env", "--prove", "--json", *more, status=status))
        return {f["check"]: f for f in document["findings"] if f["check"] in ("proof", "opened outside")}, document["sound"]

    def base(self):
        """The standard library that this environment was made from."""
        return json.loads((self.work / "env/.moat/facts.json").read_text())["stdlib"]

    def test_a_sealed_environment_works_without_all_others(self):
        found, sound = self.prove()
        self.assertTrue(sound)
        self.assertEqual(found["proof"]["level"], "ok")
        count = int(found["proof"]["message"].split(" modules ")[0].split()[-1])
        self.assertGreater(count, 150, "the standard library and what is installed")
        outside = found["opened outside"]["details"]
        self.assertTrue(any("libc.so" in name for name in outside), outside)
        self.assertFalse([name for name in outside if "/python3" in name and "site-packages" in name], outside)
        self.prove(0, "--strict")

    def test_a_module_that_needs_the_base_is_found(self):
        (self.site / "needy.py").write_text(f"import os\nif not os.path.exists({self.base() + '/os.py'!r}): raise ImportError('no base')\n")
        (self.site / "sound.py").write_text("import json\n")
        (self.site / "broken.py").write_text("raise ImportError('whatever is there')\n")
        found, sound = self.prove(status=1)
        self.assertFalse(sound)
        self.assertEqual((found["proof"]["level"], found["proof"]["details"]), ("leak", ["module needy: ImportError: no base"]))

    def test_a_command_that_needs_the_base_is_found(self):
        command = self.work / "env/bin/needy"
        fine = self.work / "env/bin/fine"
        fine.write_text("#!/bin/sh\nexit 3\n")
        fine.chmod(0o755)
        # Only a status that says that a program or module is missing counts.
        command.write_text(f"#!/bin/sh\n[ -e {self.base()}/os.py ] || exit 127\n")
        command.chmod(0o755)
        found, _ = self.prove(status=1)
        self.assertEqual(found["proof"]["details"], ["command needy: exit status 127"])

    def test_nothing_is_left_of_it(self):
        before = self.tree("env")
        self.prove()
        self.assertEqual(self.tree("env"), before)
        self.assertEqual([p.name for p in (self.root / "moat/store/tmp").iterdir()], [])
        self.assertNotIn(str(self.root), pathlib.Path("/proc/self/mounts").read_text(), "what was hidden is hidden for it alone")


if __name__ == "__main__":
    sandbox.main()
