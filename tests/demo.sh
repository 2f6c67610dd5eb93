#!/usr/bin/env bash
# The main job on real input: a sealed environment with scikit-learn, IPython and Flask from the default index, a
# program run in it, and the proof that it leaks nothing.
#
#   demo.sh MOAT [FOLDER]     FOLDER: where the environment is made; a temporary one otherwise
set -euo pipefail

moat=$1
folder=${2:-}
if [ -z "$folder" ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
fi
cd "$folder"

if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; else bold='' plain=''; fi
show() {
  printf '\n%s$ %s%s\n' "$bold" "$(printf '%s ' "$@" | sed "s#$moat#moat#; s/ $//")" "$plain"
  "$@"
}

show "$moat" create .venv --replace
show "$moat" install scikit-learn ipython flask
cat >fit.py <<'PY'
from sklearn import svm
clf = svm.SVC().fit([[0, 0], [1, 1]], [0, 1])
print(clf.predict([[2., 2.]]))
PY
show cat fit.py
show "$moat" run python fit.py
show "$moat" run flask --version
show "$moat" which numpy flask
show "$moat" doctor
