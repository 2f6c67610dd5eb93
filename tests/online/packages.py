"""The packages of packages_test.py and of the benchmarks: what people install, and what old or odd packaging can do."""
import dataclasses

CSRF = """
from flask import Flask
from flask_seasurf import SeaSurf
app = Flask(__name__); app.secret_key = "x"; SeaSurf(app)
@app.route("/", methods=["GET", "POST"])
def hello(): return "hello"
client = app.test_client()
print(client.get("/").status_code, client.post("/").status_code)
"""
TOOLBAR = """
from flask import Flask
from flask_debugtoolbar import DebugToolbarExtension
app = Flask(__name__); app.secret_key = "x"; app.debug = True; DebugToolbarExtension(app)
@app.route("/")
def hello(): return "<html><body>hello</body></html>"
print("flDebug" in app.test_client().get("/").data.decode())
"""
NUMBA = """
import numba, numpy
@numba.njit
def total(values):
    out = 0.0
    for value in values: out += value
    return out
print(total(numpy.arange(5.0)))
"""
SLIDES = {"conf.py": "project = 'p'\nextensions = ['hieroglyph']\n", "index.rst": "Talk\n====\n\nOne\n---\n\n- sealed\n"}


@dataclasses.dataclass
class Stack:
    packages: list
    command: list  # run inside the environment; "python -c" for short programs
    want: str      # what its output holds
    files: dict = dataclasses.field(default_factory=dict)
    pythons: tuple = ("3.11", "3.12")
    source: bool = False  # something of it has to be built


def imports(program):
    return ["python", "-c", program]


STACKS = {
    "airflow": Stack(["apache-airflow"], ["airflow", "version"], "."),
    "homeassistant": Stack(["homeassistant"], imports("import homeassistant.core, homeassistant.const as c; print(c.__version__)"), "20"),
    "jupyter": Stack(["jupyter"], ["jupyter", "--version"], "nbconvert"),
    "boto3-s3fs": Stack(["boto3", "s3fs"], imports("import boto3, s3fs; print('s3fs', s3fs.__version__)"), "s3fs 20"),
    "old-urllib3": Stack(["urllib3<1.25.4", "boto3"],
                         imports("from importlib.metadata import version as v; print(v('urllib3'), v('boto3'))"), "1.25.3"),
    "kafka-schemas": Stack(["sentry-kafka-schemas"],
                           imports("import sentry_kafka_schemas as s; print(len(list(s.list_topics())) > 3)"), "True"),
    "numba": Stack(["numba", "numpy"], ["python", "run.py"], "10.0", {"run.py": NUMBA}),
    "salt": Stack(["salt"], ["salt-call", "--version"], "salt-call", source=True),
    "mercurial": Stack(["mercurial"], ["hg", "debuginstall", "--config", "ui.username=x"], "no problems detected", source=True),
    "stomp": Stack(["stomp.py"], imports("import stomp; print('stomp', stomp.__version__, stomp.Connection)"), "stomp "),
    "hieroglyph": Stack(["Hieroglyph", "sphinx<6", "setuptools<81"], ["sphinx-build", "-q", "-b", "slides", ".", "out"], "", SLIDES, ("3.11",),
                        source=True),
    "gearman": Stack(["python3-gearman"], imports("import importlib.util as u; print(u.find_spec('python3_gearman') is not None)"), "True",
                     source=True),
    "seasurf": Stack(["Flask-SeaSurf"], ["python", "run.py"], "200 403", {"run.py": CSRF}, source=True),
    "debugtoolbar": Stack(["Flask-DebugToolbar"], ["python", "run.py"], "True", {"run.py": TOOLBAR}),
    "pep8": Stack(["pep8"], ["pep8", "--version"], "1.7", pythons=("3.10",)),
}
