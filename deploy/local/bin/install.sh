#!/bin/sh
# `make install`: .venv with every package of requirements.lock (hashes checked) and our own packages, editable.
# Returns at once when nothing changed since the last time.
set -eu
cd "$(dirname "$0")/../../.."
venv=.venv
stamp=$venv/.tollway-installed
log=$venv/install.log

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

projects() {
    for file in shared/pyproject.toml services/*/pyproject.toml sandbox/*/pyproject.toml deploy/local/pyproject.toml; do
        [ -f "$file" ] && printf '%s\n' "$file"
    done
    return 0
}

# The clone's own place is part of it: editable packages point there, so a moved clone installs again.
fingerprint() {
    { pwd; projects; projects | xargs cat requirements.lock requirements-bootstrap.lock "$0"; } | cksum
}

supported() {
    "$1" -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13)))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        supported "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13: install one and name it, for example \`make install PYTHON=python3.12\`."
        printf '%s\n' "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        if supported "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    found=$(python3 --version 2>/dev/null || echo "no Python 3")
    fail "Tollway needs Python 3.11, 3.12 or 3.13, and this machine has $found: install one (for example \`apt install python3\` or \`brew install python@3.13\`) and name it if it is not on the PATH: \`make install PYTHON=/path/to/python3.13\`."
}

# $1 what is done, the rest the command. Output goes to the log; a failure is explained in a sentence.
run() {
    what=$1
    shift
    if ! "$@" >"$log" 2>&1; then
        if grep -qiE 'dns error|name resolution|name or service not known|failed to establish a new connection|connection refused|network is unreachable|tcp connect error|timed out|error sending request|failed to fetch|could not find a version' "$log"; then
            fail "$what failed because the package index cannot be reached: check the network (or the index or proxy set for pip and uv) and repeat the command; details are in $log."
        fi
        tail -n 15 "$log" >&2
        if grep -qiE 'command .?(cc|gcc|clang).? failed|no such file or directory: .(cc|gcc|clang)|python\.h' "$log"; then
            fail "$what failed because a C compiler or Python's headers are missing: install them (for example \`apt install build-essential python3-dev\`) and repeat the command."
        fi
        fail "$what failed; the lines above are the end of $log."
    fi
}

[ -f requirements.lock ] || fail "requirements.lock is missing: run \`git checkout requirements.lock\`."
now=$(fingerprint)
if [ -n "${PYTHON:-}" ]; then
    chosen=$(find_python)
    if [ -x "$venv/bin/python" ] && [ "$("$chosen" --version 2>&1)" != "$("$venv/bin/python" --version 2>&1)" ]; then
        say "The .venv here has another Python than $chosen; it is made anew."
        rm -rf "$venv"
    fi
fi
if [ -x "$venv/bin/python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ]; then
    exit 0
fi

if [ -x "$venv/bin/python" ] && ! supported "$venv/bin/python"; then
    say "The .venv here has an unsupported or vanished Python; it is made anew."
    rm -rf "$venv"
fi
if [ ! -x "$venv/bin/python" ]; then
    python=$(find_python)
    say "Creating .venv with $("$python" --version) ..."
    if ! message=$("$python" -m venv "$venv" 2>&1); then
        rm -rf "$venv"
        say "$message"
        fail "Python's venv module is incomplete: install it (Debian and Ubuntu: \`apt install python3-venv\`) and repeat the command."
    fi
fi
rm -f "$stamp"

uv="$venv/bin/uv"
python="$venv/bin/python"
wanted=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements-bootstrap.lock)
if [ "$("$uv" --version 2>/dev/null | cut -d ' ' -f 2)" != "$wanted" ]; then
    run "Installing uv" "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.lock
fi

# uv does not read pip's configuration: hand on an index somebody chose there.
if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
    index=$("$python" -m pip config get global.index-url 2>/dev/null || printf '%s' "${PIP_INDEX_URL:-}")
    [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
fi

say "Installing the packages of requirements.lock ..."
run "Installing the packages" "$uv" pip install --python "$python" --require-hashes -r requirements.lock

# By folder, never by name: a stranger may own the name on a public index. The build tool comes from the lock too.
set --
for file in $(projects); do
    set -- "$@" -e "./$(dirname "$file")"
done
run "Installing our own packages" "$uv" pip install --python "$python" --no-deps --no-sources --no-build-isolation "$@"
printf '%s\n' "$now" >"$stamp"
say "Installed."
