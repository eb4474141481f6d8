#!/usr/bin/env bash
# Fails when the committed dist/ is not exactly what the sources build, or larger than it may be.
# `git diff` would overlook a new file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# A person has to be able to read what changed in it, and every step has V8 compile it.
LIMIT_KIB=100

npm run --silent build
if [[ -n $(git status --porcelain dist) ]]; then
  git status --porcelain dist
  git --no-pager diff --stat dist
  echo 'FAILED: dist/ is not what the sources build.'
  echo "Run 'npm ci && npm run build', and commit dist/ in the commit that changes the sources."
  exit 1
fi
kib=$(($(wc -c <dist/index.js) / 1024))
if ((kib >= LIMIT_KIB)); then
  echo "FAILED: dist/index.js has $kib KiB; the limit is $LIMIT_KIB KiB."
  exit 1
fi
echo "dist/ is what the sources build: $kib KiB, of $LIMIT_KIB KiB at most."
