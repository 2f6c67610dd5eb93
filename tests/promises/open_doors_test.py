"""Nobody is shut out without need: packages that share a file, wheels whose RECORD is wrong.

    open_doors_test.py MOAT [Class.test…]
"""
import csv
import hashlib
import subprocess

import promise_test
from promise_test import PromiseTest

NAMESPACES = ("__import__('pkg_resources').declare_namespace(__name__)\n",
              "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n")


class SharedFilesTest(PromiseTest):
    def setUp(self):
        super().setUp()
        self.create()

    def test_a_command_of_two_packages(self):
        self.wheel("first", "1", {"first.py": "def main(): print('first')\n"}, scripts=["tool = first:main"])
        self.wheel("second", "1", {"second.py": "def main(): print('second')\n"}, scripts=["tool = second:main"])
        self.add("first", "second")
        self.assertRegex(self.said, r"warning:[^\n]*first[^\n]*second|warning:[^\n]*second[^\n]*first")
        run = lambda: subprocess.run([self.work / "env/bin/tool"], stdout=subprocess.PIPE, universal_newlines=True).stdout  # noqa: E731
        self.assertEqual(run(), "second\n", "both were asked for: the later name wins")
        self.moat("uninstall", "--env", "env", "second")
        self.assertEqual(run(), "first\n")
        self.moat("uninstall", "--env", "env", "first")
        self.assertFalse((self.work / "env/bin/tool").exists())

    def test_who_was_asked_for_wins_over_a_dependency(self):
        self.wheel("asked", "1", {"shared.py": "V = 'asked'\n"}, requires=["zdependency"])
        self.wheel("zdependency", "1", {"shared.py": "V = 'dependency'\n"})
        self.add("asked")
        self.assertEqual(self.python("-c", "import shared; print(shared.V)"), "asked")

    def test_an_upgrade_of_the_loser_leaves_the_winner(self):
        self.wheel("a-loser", "1", {"shared.py": "V = 'loser 1'\n"})
        self.wheel("a-loser", "2", {"shared.py": "V = 'loser 2'\n"})
        self.wheel("z-winner", "1", {"shared.py": "V = 'winner'\n"})
        self.add("a-loser==1", "z-winner")
        said = lambda: self.python("-c", "import shared; print(shared.V)")  # noqa: E731
        self.assertEqual(said(), "winner")
        self.add("a-loser==2")
        self.assertEqual(said(), "winner")
        self.moat("uninstall", "--env", "env", "z-winner")
        self.assertEqual(said(), "loser 2")
        self.moat("env", "rollback", "--env", "env")
        self.assertEqual(said(), "winner")
        self.moat("doctor", "--env", "env")

    def test_three_owners_leave_in_any_order(self):
        for name in "abc":
            self.wheel(name, "1", {"shared.py": f"V = {name!r}\n", f"{name}_own.py": ""})
        for order, seen in (("cba", "ba"), ("abc", "cc"), ("bac", "cc")):
            with self.subTest(order):
                self.add("a", "b", "c")
                for gone, then in zip(order, seen + "-"):
                    self.moat("uninstall", "--env", "env", gone)
                    file = self.site() / "shared.py"
                    self.assertEqual(file.read_text() if file.exists() else "-", f"V = {then!r}\n" if then != "-" else "-")
                    self.moat("doctor", "--env", "env")

    def test_the_order_of_installation_does_not_matter(self):
        for name in "ab":
            self.wheel(name, "1", {"shared.py": f"V = {name!r}\n"})
        seen = set()
        for first, second in ("ab", "ba"):
            self.add(first)
            self.add(second)
            seen.add((self.site() / "shared.py").read_text())
            self.moat("uninstall", "--env", "env", "a", "b")
        self.assertEqual(seen, {"V = 'b'\n"})

    def test_declarations_of_a_namespace_are_no_clash(self):
        self.wheel("ns-one", "1", {"ns/__init__.py": NAMESPACES[0], "ns/one.py": ""})
        self.wheel("ns-two", "1", {"ns/__init__.py": NAMESPACES[1] + "\n", "ns/two.py": ""})
        self.add("ns-one", "ns-two")
        self.assertNotIn("warning", self.said)

    def test_strict_files(self):
        self.wheel("first", "1", {"shared.py": "1\n"})
        self.wheel("second", "1", {"shared.py": "2\n"})
        self.assert_unchanged_by(lambda: self.refuse("install", "--env", "env", *self.local, "--strict-files", "first", "second"))
        self.assertIn("shared.py", self.said)


class RecordTest(PromiseTest):
    def setUp(self):
        super().setUp()
        self.create()

    def lying(self, name, lie):
        return self.wheel(name, "1", {f"{name}/__init__.py": "", f"{name}/data.txt": "content\n"}, record=lie)

    LIES = {"unlisted": lambda rows: {p: r for p, r in rows.items() if not p.endswith("data.txt")},
            "unhashed": lambda rows: {p: ("", "") for p in rows},
            "missized": lambda rows: {p: (h, "7" if p.endswith("data.txt") else s) for p, (h, s) in rows.items()}}

    def vouched(self, name, path):
        file = self.work / "requirements.txt"
        file.write_text(f"{name}==1 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n")
        return file

    def assert_recorded(self, name):
        record = next(self.site().glob(f"{name}-1.dist-info")) / "RECORD"
        rows = {row[0]: row for row in csv.reader(record.read_text().splitlines())}
        self.assertRegex(rows[f"{name}/data.txt"][1], "^sha256=.{43}$")
        self.assertEqual(rows[f"{name}/data.txt"][2], "8")

    def test_vouched_for_it_is_installed_with_a_right_record(self):
        for name, lie in self.LIES.items():
            with self.subTest(name):
                path = self.lying(name, lie)
                self.add("-r", self.vouched(name, path))
                self.assertIn("RECORD", self.said)
                self.assertEqual(self.said.count("warning"), 1, self.said)
                self.assert_recorded(name)

    def test_nobody_vouches(self):
        for name, lie in self.LIES.items():
            with self.subTest(name):
                self.lying(name, lie)
                self.assert_unchanged_by(lambda: self.refuse("install", "--env", "env", *self.local, name, statuses=(1,)))
                self.assertIn(f"--allow-bad-record {name}", self.said)
                self.add("--allow-bad-record", name, name)
                self.assert_recorded(name)

    def test_to_allow_one_is_not_to_allow_another(self):
        for name in ("one", "another"):
            self.lying(name, self.LIES["unlisted"])
        self.assert_unchanged_by(lambda: self.refuse("install", "--env", "env", *self.local, "--allow-bad-record", "one", "one", "another",
                                                     statuses=(1,)))
        self.assertIn("another", self.said)

    def test_a_lock_vouches(self):
        path = self.lying("unhashed", self.LIES["unhashed"])
        (self.work / "pylock.toml").write_text(f"""lock-version = "1.0"
created-by = "hand"
[[packages]]
name = "unhashed"
version = "1"
wheels = [{{name = "{path.name}", path = "wheels/{path.name}", hashes = {{sha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"}}}}]
""")
        self.moat("sync", "pylock.toml", "--env", "env")
        self.assert_recorded("unhashed")

    def test_one_that_was_vouched_for_does_not_speak_for_the_next(self):
        path = self.lying("unlisted", self.LIES["unlisted"])
        self.add("-r", self.vouched("unlisted", path))
        self.moat("uninstall", "--env", "env", "unlisted")
        self.refuse("install", "--env", "env", *self.local, "unlisted", statuses=(1,))

    def test_pip_warns_and_goes_on(self):
        self.lying("unlisted", self.LIES["unlisted"])
        self.moat("pip", "--env", "env", "install", *map(str, self.local), "unlisted")
        self.assertIn("RECORD", self.said)
        self.assert_recorded("unlisted")

    def test_a_file_whose_content_is_not_what_record_says_is_no_slip(self):
        self.lying("altered", lambda rows: {p: ("sha256=" + "A" * 43 if p.endswith("data.txt") else h, s) for p, (h, s) in rows.items()})
        self.assert_unchanged_by(lambda: self.refuse("install", "--env", "env", *self.local, "altered", statuses=(1,)))

    def test_a_release_passed_over_is_named(self):
        self.wheel("many", "1")
        path = self.wheels / "many-2-py3-none-any.whl"
        path.write_bytes(b"no archive at all")
        self.refuse("install", "--env", "env", *self.local, "many", statuses=(0, 1))
        self.assertIn("many-2-py3-none-any.whl", self.said)


if __name__ == "__main__":
    promise_test.sandbox.main()
