#!/usr/bin/env bash
# Prepares the clients of the interop tests in .cache, and prints where each is, NAME=FOLDER; or says what is missing if it
# cannot. A folder is named by the hash of what it is made of and with: an old client is never taken for a new one, and one that
# runs is left alone while others are made. Folders that nobody asked for in a week are removed.
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

go_client() { go build -o "$1/client" ./clients/go; }

# The same program with a gRPC of 2024. The other old client is Debian's own gRPC for Python.
go_old() { go build -modfile=clients/go-1.64.mod -o "$1/client" ./clients/go; }

# The client and the server of gRPC's PSM interop suite; 1.64 is the last version that can be had as a module.
suite() { go build -modfile=clients/go-1.64.mod -o "$1/" google.golang.org/grpc/interop/xds/{client,server}; }

java_client() { mvn -B -q -f clients/java -Dcache="$PWD/$1" process-classes; }

python_client() {
	python3 -m venv "$1"
	"$1/bin/python" -m pip install -q --disable-pip-version-check -r clients/python/requirements.txt
}

node_client() {
	cp clients/node/package*.json "$1/"
	npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund
}

tools=$(go version; java --version; python3 --version; python3 -c 'import sys; print(sys.prefix)'; node --version)

# prepare NAME MAKE INPUT... has MAKE fill the folder of NAME, unless it is filled.
prepare() {
	local folder
	folder=.cache/$1-$({ echo "$PWD $tools"; cat setup.sh "${@:3}"; } | sha256sum | cut -c1-16)
	if [[ ! -e $folder.done ]]; then
		rm -rf "$folder"
		mkdir -p "$folder"
		"$2" "$folder" >&2
	fi
	touch "$folder" "$folder.done"
	echo "$1=$folder"
}

mkdir -p .cache
exec 9>.cache/lock
flock 9
prepare go go_client clients/go/* ../../go.mod
prepare go-1.64 go_old clients/go/* clients/go-1.64.*
prepare suite suite clients/go-1.64.*
prepare java java_client clients/java/pom.xml clients/java/src/main/java/*
prepare python python_client clients/python/requirements.txt
prepare node node_client clients/node/package*.json
find .cache -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {} +
