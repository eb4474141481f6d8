#!/usr/bin/env bash
# Checks the committed bundle:
#
#   scripts/ci/check-dist.sh                     dist/ is exactly what the sources build, it is not
#                                                too large, and the files that the metadata of the
#                                                actions names exist
#   scripts/ci/check-dist.sh --entries REVISION  only the last point, in the tree of REVISION as
#                                                GitHub delivers it, and for all four actions
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

ACTIONS=(action.yml guard/action.yml start/action.yml wait/action.yml)

# The limit keeps dist/ readable for a person who reviews it, and keeps the start of a step short.
LIMIT_KIB=200

# Reports a failure on the terminal and, under GitHub Actions, as an annotation of the file $1.
fail() {
  echo "FAILED: $2"
  if [[ ${GITHUB_ACTIONS-} == true ]]; then
    echo "::error file=$1::$2"
  fi
  exit 1
}

# Checks that the entry files which the metadata file $2 names exist below the directory $1.
check_entries() {
  local tree=$1 metadata=$2 entries key entry
  entries=$(awk '
    /^[^ #]/ { inside = /^runs:/ }
    inside && $1 ~ /^(pre|main|post):$/ {
      key = $1
      sub(/^ *[a-z]+: */, "")
      sub(/ +#.*$/, "")
      gsub(/^["\047]|["\047]$/, "")
      print key, $0
    }
  ' "$tree/$metadata")
  if [[ $entries != *main:* ]]; then
    fail "$metadata" "$metadata has no 'main' under 'runs'."
  fi
  while read -r key entry; do
    if [[ ! -f $tree/$(dirname "$metadata")/$entry ]]; then
      fail "$metadata" "'$key $entry' in $metadata names a file that does not exist."
    fi
    echo "$metadata: $key $entry"
  done <<<"$entries"
}

if [[ ${1-} == --entries ]]; then
  revision=${2:?--entries needs a revision}
  tree=$(mktemp -d)
  trap 'rm -rf "$tree"' EXIT
  # An archive, unlike a checkout, leaves out what .gitattributes excludes from exports.
  git archive --format=tar "$revision" | tar -x -C "$tree"
  for metadata in "${ACTIONS[@]}"; do
    if [[ ! -f $tree/$metadata ]]; then
      fail "$metadata" "$metadata does not exist in $revision."
    fi
    check_entries "$tree" "$metadata"
  done
  exit 0
fi
if (($# > 0)); then
  echo "usage: $0 [--entries REVISION]" >&2
  exit 2
fi

npm run --silent build
# `git diff` would overlook a new file.
changes=$(git status --porcelain --untracked-files=all dist)
if [[ -n $changes ]]; then
  explanation="### \`dist/\` is not what the sources build

Run \`npm ci && npm run build\` and commit \`dist/\` in the commit that changes the sources.${DIST_ARTIFACT:+
Or download the artifact \`$DIST_ARTIFACT\` of this run, which contains the expected \`dist/\`.}

These files differ:

    ${changes//$'\n'/$'\n'    }
"
  echo "$explanation"
  git --no-pager diff --stat dist
  if [[ -n ${GITHUB_STEP_SUMMARY-} ]]; then
    echo "$explanation" >>"$GITHUB_STEP_SUMMARY"
  fi
  fail dist/index.js "dist/ is out of date: run 'npm ci && npm run build' and commit dist/."
fi

bytes=$(find dist -type f -exec cat {} + | wc -c)
if ((bytes > LIMIT_KIB * 1024)); then
  find dist -type f -exec wc -c {} +
  fail dist/index.js "dist/ has $((bytes / 1024)) KiB; the limit is $LIMIT_KIB KiB for all of its files."
fi

for metadata in "${ACTIONS[@]}"; do
  if [[ -f $metadata ]]; then
    check_entries . "$metadata"
  fi
done
echo "dist/ is what the sources build: $((bytes / 1024)) KiB, of $LIMIT_KIB KiB at most."
