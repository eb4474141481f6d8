#!/usr/bin/env bash
# Runs the end-to-end workflow on this machine, by act.sh:
#
#   scripts/ci/e2e.sh               with the committed bundle, every job must succeed
#   scripts/ci/e2e.sh --prove-red   then, with a broken bundle, every job must fail
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

WORKFLOW=.github/workflows/e2e.yml

prove_red=false
case "${1-}" in
  '') ;;
  --prove-red) prove_red=true ;;
  *)
    echo "usage: $0 [--prove-red]" >&2
    exit 2
    ;;
esac

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0
scripts/ci/act.sh prepare "$scratch/repository" || status=$?
if ((status == 3)); then
  exit 0
elif ((status != 0)); then
  exit "$status"
fi

run() { scripts/ci/act.sh run "$scratch/repository" --workflows "$WORKFLOW" 2>&1; }
count() { grep --count --fixed-strings "$1" "$2" || true; }
jobs=$(count '    runs-on: ' "$scratch/repository/$WORKFLOW")

status=0
run >"$scratch/green.log" || status=$?
# act succeeds if it skips a job.
succeeded=$(count 'Job succeeded' "$scratch/green.log")
if ((status != 0)) || [[ $succeeded != "$jobs" ]]; then
  cat "$scratch/green.log"
  echo "FAILED: $succeeded of $jobs jobs of the end-to-end workflow succeeded." >&2
  exit 1
fi
echo "The end-to-end workflow: $succeeded of $jobs jobs succeeded."

if [[ $prove_red == true ]]; then
  for broken in 'process.exit(0)' 'process.exit(1)'; do
    echo "$broken" | tee "$scratch/repository/dist/index.js" >"$scratch/repository/dist/job.js"
    if run >"$scratch/red.log"; then
      cat "$scratch/red.log"
      echo "FAILED: the end-to-end workflow succeeds with a bundle that is '$broken'." >&2
      exit 1
    fi
    failed=$(count 'Job failed' "$scratch/red.log")
    if [[ $failed != "$jobs" ]]; then
      cat "$scratch/red.log"
      echo "FAILED: with a bundle that is '$broken', $failed of $jobs jobs failed." >&2
      exit 1
    fi
    echo "With a bundle that is '$broken': $failed of $jobs jobs failed, as they must."
  done
fi
