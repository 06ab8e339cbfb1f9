#!/bin/sh
# `make lock`: one requirements.lock for every package here, with hashes, without addresses and without local paths.
set -eu
cd "$(dirname "$0")/../../.."
uv=.venv/bin/uv
[ -x "$uv" ] || { echo "Run \`make install\` first: it brings uv." >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
set --
for file in shared/pyproject.toml services/*/pyproject.toml sandbox/*/pyproject.toml deploy/local/pyproject.toml; do
    [ -f "$file" ] || continue
    name=$(sed -n '/^\[project\]/,/^\[/ s/^name *= *"\(.*\)"/\1/p' "$file")
    # Where one of our packages needs another, it means the folder here, never that name on an index.
    printf '%s @ file://%s\n' "$name" "$(pwd)/$(dirname "$file")" >>"$work/overrides.txt"
    set -- "$@" "$file" --no-emit-package "$name"
done
# What builds our own packages: install.sh uses it without a second, unpinned download.
printf 'hatchling\neditables\ncython>=3.1,<4\nsetuptools>=80\n' >"$work/build.in"

# Versions stay as they are unless a dependency asks for another, or UPGRADE=1 asks for the newest of all.
if [ -z "${UPGRADE:-}" ] && [ -f requirements.lock ]; then
    cp requirements.lock "$work/requirements.lock"
fi

"$uv" pip compile --quiet --no-sources --all-extras --universal --python-version 3.11 --generate-hashes --no-annotate \
    --custom-compile-command 'make lock' --override "$work/overrides.txt" \
    "$@" "$work/build.in" --group dev -o "$work/requirements.lock" \
    || { echo "The dependencies could not be resolved: see the message above." >&2; exit 1; }

if grep -nE '://|(^| )-e ' "$work/requirements.lock"; then
    echo "The new lock names an address or a local path (above); requirements.lock was left as it is." >&2
    exit 1
fi
mv "$work/requirements.lock" requirements.lock

[ -n "${UPGRADE:-}" ] || cp requirements-kubernetes.lock "$work/" 2>/dev/null || true
"$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
    --custom-compile-command 'make lock' --group kubernetes -o "$work/requirements-kubernetes.lock"
mv "$work/requirements-kubernetes.lock" requirements-kubernetes.lock
