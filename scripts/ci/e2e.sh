#!/usr/bin/env bash
# Runs the end-to-end workflow on this machine, with act in the place of GitHub's runner:
#
#   scripts/ci/e2e.sh               the action as it is committed must end every job green
#   scripts/ci/e2e.sh --prove-red   then, with a broken bundle, every job must end red
#
# It works on a fresh clone, because what is committed is what users get. act copies that clone for
# each job, leaves actions/checkout out, and runs the steps as ordinary processes: no container, and
# no network but what building act takes.
set -euo pipefail

# Host mode and `runs.using: node24` need 0.2.87.
ACT_VERSION=v0.2.87
WORKFLOW=.github/workflows/e2e.yml

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

prove_red=false
case "${1-}" in
  '') ;;
  --prove-red) prove_red=true ;;
  *)
    echo "usage: $0 [--prove-red]" >&2
    exit 2
    ;;
esac

if ! command -v go >/dev/null; then
  echo '=================================================================='
  echo 'LEFT OUT: the end-to-end workflow. There is no go to build act with.'
  echo '=================================================================='
  exit 0
fi

# act runs the action on the node that it finds on PATH, whatever action.yml says.
node_bin=$root/node_modules/node/bin
if [[ ! -x $node_bin/node ]]; then
  echo "There is no Node in node_modules: run 'npm ci' first." >&2
  exit 1
fi

tools=${XDG_CACHE_HOME:-$HOME/.cache}/stop-codearts-check-task/act-$ACT_VERSION
if [[ ! -x $tools/act ]]; then
  echo "Building act $ACT_VERSION..."
  GOBIN=$tools go install "github.com/nektos/act@$ACT_VERSION"
fi

if [[ -n $(git -C "$root" status --porcelain) ]]; then
  echo 'Note: what is not committed is not tried.'
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
git clone --quiet --config advice.detachedHead=false "$root" "$scratch/repository"
# On GitHub, HEAD is no branch's; act looks for one.
git -C "$scratch/repository" checkout --quiet -B main

# The jobs inherit the environment. Inside a workflow on GitHub that would be its variables, and its
# ID token; elsewhere it may be the region of whoever runs this.
for name in $(compgen -e); do
  case $name in
    GITHUB_* | RUNNER_* | ACTIONS_* | INPUT_* | HUAWEI_CLOUD_*) unset "$name" ;;
  esac
done

# A configuration of one's own must not change what is run.
mkdir -p "$scratch/config/act"
: >"$scratch/config/act/actrc"

# Runs the workflow, and writes act's log to $1.
run_act() {
  (
    cd "$scratch/repository"
    XDG_CONFIG_HOME=$scratch/config PATH=$node_bin:$PATH "$tools/act" workflow_dispatch \
      --workflows "$WORKFLOW" \
      --platform ubuntu-latest=-self-hosted \
      --action-cache-path "$scratch/jobs" \
      --no-cache-server
  ) 2>&1 | tee "$1"
}

count() { grep --count --fixed-strings "$1" "$2" || true; }

jobs=$(grep --count '^    runs-on: ' "$scratch/repository/$WORKFLOW")

run_act "$scratch/green.log" || {
  echo 'FAILED: the end-to-end workflow.' >&2
  exit 1
}
# To act, a job that was skipped is no failure.
succeeded=$(count 'Job succeeded' "$scratch/green.log")
if [[ $succeeded != "$jobs" ]]; then
  echo "FAILED: $succeeded of $jobs jobs of the end-to-end workflow succeeded." >&2
  exit 1
fi
echo "The end-to-end workflow: $succeeded of $jobs jobs succeeded."

if [[ $prove_red == true ]]; then
  for broken in 'process.exit(0)' 'process.exit(1)'; do
    echo "$broken" >"$scratch/repository/dist/index.js"
    if run_act "$scratch/red.log" >/dev/null; then
      echo "FAILED: the end-to-end workflow is green with a bundle that is '$broken'." >&2
      exit 1
    fi
    failed=$(count 'Job failed' "$scratch/red.log")
    if [[ $failed != "$jobs" ]]; then
      echo "FAILED: with a bundle that is '$broken', $failed of $jobs jobs failed." >&2
      exit 1
    fi
    echo "With a bundle that is '$broken': $failed of $jobs jobs failed, as they must."
  done
fi
