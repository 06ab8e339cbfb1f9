#!/bin/sh
# `make lint-k8s`: every overlay of deploy/k8s builds, and each object is what Kubernetes 1.36 knows, no unknown field.
set -eu
cd "$(dirname "$0")/../../.."
version=1.36
tools=.venv/kubernetes
overlays="base overlays/local overlays/production overlays/production-http2"

if ! command -v kubectl >/dev/null 2>&1; then
    echo "lint-k8s: skipped, because kubectl is not on the PATH."
    exit 0
fi
stamp=$tools/.installed
if [ ! -f "$stamp" ] || ! cmp -s requirements-kubernetes.lock "$stamp"; then
    .venv/bin/uv --quiet venv --clear --python .venv/bin/python "$tools"
    .venv/bin/uv --quiet pip install --python "$tools/bin/python" --require-hashes -r requirements-kubernetes.lock
    cp requirements-kubernetes.lock "$stamp"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
for overlay in $overlays; do
    built=$work/$(basename "$overlay").yaml
    kubectl kustomize "deploy/k8s/$overlay" >"$built"
    # A kind without a schema is only a warning to the tool.
    if ! "$tools/bin/kubernetes-validate" --strict -k "$version" "$built" >"$work/answer" 2>&1 ||
        grep -q "^WARN\|find schema" "$work/answer"; then
        grep -v "^INFO" "$work/answer" >&2 || true
        failed=1
    fi
    echo "deploy/k8s/$overlay: $(grep -c "^INFO" "$work/answer") objects valid for Kubernetes $version"
done
exit "$failed"
