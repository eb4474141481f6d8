#!/usr/bin/env bash
# Runs workflows on this machine, with act instead of GitHub's runner:
#
#   scripts/ci/act.sh prepare DIRECTORY          builds act, and clones HEAD into DIRECTORY
#   scripts/ci/act.sh run DIRECTORY ARGUMENT...  runs act in that clone
#
# The event is $ACT_EVENT, or workflow_dispatch without it. `prepare` exits with 3 if this machine
# lacks something. act copies the clone for each job, leaves actions/checkout out, and runs the steps
# as ordinary processes. There is no container, and after the build no network is needed.
set -euo pipefail

# Host mode, `runs.using: node24` and a cancel by SIGINT need 0.2.87.
ACT_VERSION=v0.2.87

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
act=${XDG_CACHE_HOME:-$HOME/.cache}/stop-codearts-check-task/act-$ACT_VERSION/act
# act runs actions on the Node.js that it finds on PATH, not on the one that action.yml names.
node_bin=$root/node_modules/node/bin

prepare() {
  local directory=$1 tool
  for tool in go curl; do
    if ! command -v "$tool" >/dev/null; then
      echo '=================================================================='
      echo "LEFT OUT: the workflows under act. There is no $tool."
      echo '=================================================================='
      exit 3
    fi
  done
  if [[ ! -x $node_bin/node ]]; then
    echo "There is no Node.js in node_modules: run 'npm ci' first." >&2
    exit 1
  fi
  if [[ ! -x $act ]]; then
    echo "Building act $ACT_VERSION..."
    GOBIN=$(dirname "$act") go install "github.com/nektos/act@$ACT_VERSION"
  fi
  if [[ -n $(git -C "$root" status --porcelain) ]]; then
    echo 'Note: uncommitted changes are not tested.'
  fi
  git clone --quiet --config advice.detachedHead=false "$root" "$directory"
  # GitHub checks out no branch, and act needs one.
  git -C "$directory" checkout --quiet -B main
  # A configuration of the user must not change what is run, and act asks for one if there is none.
  mkdir -p "$directory.config/act"
  : >"$directory.config/act/actrc"
}

run() {
  local directory=$1 name
  shift
  # The jobs inherit the environment. Inside a workflow it has variables and an ID token of GitHub,
  # and elsewhere perhaps a region or a proxy, which is of no use to servers on loopback.
  for name in $(compgen -e); do
    case $name in
      GITHUB_* | RUNNER_* | ACTIONS_* | INPUT_* | HUAWEI_CLOUD_*) unset "$name" ;;
      http_proxy | https_proxy | all_proxy | no_proxy) unset "$name" ;;
      HTTP_PROXY | HTTPS_PROXY | ALL_PROXY | NO_PROXY) unset "$name" ;;
    esac
  done
  cd "$directory"
  export XDG_CONFIG_HOME=$directory.config PATH=$node_bin:$PATH
  # In place of this shell, so that a signal for this process reaches act.
  exec "$act" "${ACT_EVENT:-workflow_dispatch}" \
    --platform ubuntu-latest=-self-hosted \
    --action-cache-path "$directory.jobs" \
    --no-cache-server \
    "$@"
}

case "${1-}" in
  prepare | run) "$@" ;;
  *)
    echo "usage: $0 prepare DIRECTORY | run DIRECTORY ARGUMENT..." >&2
    exit 2
    ;;
esac
