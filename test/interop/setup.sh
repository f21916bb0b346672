#!/usr/bin/env bash
# Prepares the clients of the interop tests in .cache, and says what is missing if it cannot. What has not changed since the
# last time is not done again.
set -euo pipefail
cd "$(dirname "$0")"

missing=()
for tool in java javac mvn python3 node npm; do
	command -v "$tool" >/dev/null || missing+=("$tool")
done
if ((${#missing[@]} == 0)) && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
	missing+=("venv of python3")
fi
/usr/bin/python3 -c 'import grpc' 2>/dev/null || missing+=("grpcio of /usr/bin/python3")
if ((${#missing[@]})); then
	printf 'interop: missing: %s\n' "$(IFS=,; echo "${missing[*]}")" >&2
	echo 'interop: on Debian: apt-get install default-jdk-headless maven python3-venv python3-grpcio nodejs npm' >&2
	exit 1
fi

# fresh STAMP INPUT... says whether STAMP was made from these inputs.
fresh() { [[ -f $1 ]] && cat "${@:2}" | cmp -s - "$1"; }

mkdir -p .cache/{go,go-1.64,java,node}
go build -o .cache/go/client ./clients/go
# The same program with a gRPC of 2024. The other old client is Debian's own gRPC for Python.
go build -modfile=clients/go-1.64.mod -o .cache/go-1.64/client ./clients/go

if ! fresh .cache/java/stamp clients/java/pom.xml clients/java/src/main/java/*; then
	mvn -B -q -f clients/java -Dcache="$PWD/.cache/java" clean process-classes
	cat clients/java/pom.xml clients/java/src/main/java/* >.cache/java/stamp
fi
if ! fresh .cache/python/stamp clients/python/requirements.txt; then
	rm -rf .cache/python
	python3 -m venv .cache/python
	.cache/python/bin/pip install -q --disable-pip-version-check -r clients/python/requirements.txt
	cp clients/python/requirements.txt .cache/python/stamp
fi
if ! fresh .cache/node/stamp clients/node/package-lock.json; then
	cp clients/node/package*.json .cache/node/
	npm ci --prefix .cache/node --ignore-scripts --no-audit --no-fund
	cp clients/node/package-lock.json .cache/node/stamp
fi
