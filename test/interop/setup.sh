#!/usr/bin/env bash
# Prepares the clients and the xDS servers of the interop tests in .cache, each client and its server in one folder, and prints
# where each is, NAME=FOLDER; or says what is missing if it
# cannot. With `history` it prepares all of those below, too, and otherwise `few`. With `frameworks` it prepares the clients
# whose channels a framework makes, and with `rust` the one of tonic-xds, and no others. A version that
# its registry does not have is printed as NAME!REASON; any other failure as NAME?REASON, and the rest is prepared all the same.
# A folder is named by the hash of what it is made of and with: an old client is never taken for a new one, and one that
# runs is left alone while others are made. Folders that nobody asked for in a week are removed.
set -euo pipefail
cd "$(dirname "$0")"
self=$PWD/${0##*/}

# Versions spread over the years, oldest first in each kind, and the last patch of each that there is.
history=(
	go-1.48.0 go-1.53.0 go-1.58.3 go-1.64.1 go-1.72.2
	java-1.46.0 java-1.53.0 java-1.60.1 java-1.68.2
	python-1.51.3 python-1.56.2 python-1.62.3 python-1.68.1 python-1.76.0
	node-1.8.4 node-1.10.1 node-1.13.0 node-1.14.0
)
# One of each kind, for every run of `make interop`.
few=(go-1.48.0 java-1.46.0 python-1.51.3 node-1.13.0)

missing=() needed=(java javac mvn python3 node npm)
if [[ ${1-} == rust ]]; then
	needed+=(cargo)
fi
for tool in "${needed[@]}"; do
	command -v "$tool" >/dev/null || missing+=("$tool")
done
if ((${#missing[@]} == 0)) && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
	missing+=("venv of python3")
fi
if ((${#missing[@]})); then
	printf 'interop: missing: %s\n' "$(IFS=,; echo "${missing[*]}")" >&2
	echo 'interop: on Debian: apt-get install default-jdk-headless maven python3-venv nodejs npm' >&2
	exit 1
fi

# Each make_KIND FOLDER fills a folder with the current version, and with FOLDER VERSION with that one.

make_go() {
	if (($# == 1)); then
		go build -o "$1/client" ./clients/go
		go build -o "$1/server" ./servers/go
		return
	fi
	# The same program in a module of its own. Nothing but gRPC chooses versions.
	cp clients/go/*.go "$1/"
	cd "$1"
	go mod init client
	go get "google.golang.org/grpc@v$2"
	go mod tidy
	go build -o client .
}

# The client and the server of gRPC's PSM interop suite; 1.64 is the last version that can be had as a module.
make_suite() { go build -modfile=clients/suite.mod -o "$1/" google.golang.org/grpc/interop/xds/{client,server}; }

make_java() {
	mvn -B -q -f clients/java -Dcache="$PWD/$1" ${2:+"-Dgrpc.version=$2"} process-classes
	if (($# == 1)); then
		# The server has the libraries of the client.
		javac --release 17 -cp "$1/lib/*" -d "$1/classes" servers/java/Server.java
	fi
}

# The frameworks in Go share a module, and a folder with the server that calls with mTLS go to.
make_kratos() {
	CGO_ENABLED=0 go -C clients/frameworks build -trimpath -o "$PWD/$1/" ./kratos
	go build -o "$1/server" ./servers/go
}

make_gozero() { CGO_ENABLED=0 go -C clients/frameworks build -trimpath -o "$PWD/$1/" ./gozero; }

make_springgrpc() { mvn -B -q -f clients/springgrpc -Dcache="$PWD/$1" process-classes; }

make_armeria() { mvn -B -q -f clients/armeria -Dcache="$PWD/$1" process-classes; }

# What the client needs is compiled once, in half an hour, and not again for each change of the client.
make_tonic() {
	cargo build --quiet --manifest-path clients/rust/Cargo.toml --target-dir .cache/cargo
	cp .cache/cargo/debug/client "$1/"
}

make_python() {
	python3 -m venv "$1"
	local what=(-r clients/python/requirements.txt)
	if (($# == 2)); then
		what=("grpcio==$2")
	fi
	"$1/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: "${what[@]}"
}

make_node() {
	if (($# == 1)); then
		cp clients/node/package*.json "$1/"
		npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund
		return
	fi
	# The grpc-js of the same minor version: Node's xDS is versioned with it.
	npm install --prefix "$1" --ignore-scripts --no-audit --no-fund "@grpc/grpc-js@~${2%.*}.0" "@grpc/grpc-js-xds@$2"
}

tools=$(go version; java --version; python3 --version; python3 -c 'import sys; print(sys.prefix)'; node --version)

# inputs KIND are the files that a client and its server are made of.
inputs() {
	case $1 in
	suite) cat clients/suite.* ;;
	go) cat clients/go/* servers/go/* ../../go.mod ;;
	kratos) cat clients/frameworks/go.* clients/frameworks/{play,kratos}/* servers/go/* ../../go.mod ;;
	gozero) cat clients/frameworks/go.* clients/frameworks/{play,gozero}/* ;;
	springgrpc | armeria) cat "clients/$1/pom.xml" "clients/$1"/src/main/java/interop/* ;;
	tonic) cat clients/rust/Cargo.toml clients/rust/src/* && cargo --version ;;
	java) cat clients/java/pom.xml clients/java/src/main/java/* servers/java/* ;;
	python) cat clients/python/requirements.txt ;;
	node) cat clients/node/package*.json ;;
	esac
}

# longest is how many seconds a client may take.
longest=1200

# prepare NAME has a folder filled, unless it is filled. NAME is a kind, or a kind and a version.
prepare() {
	local kind=${1%%-*} version=${1#"${1%%-*}"} name=$1 folder
	version=${version#-}
	if [[ $version ]]; then
		name=$kind-${version%.*}
	fi
	folder=.cache/$name-$({ echo "$PWD $tools $version"; declare -f "make_$kind"; inputs "$kind"; } | sha256sum | cut -c1-16)
	if [[ ! -e $folder.done ]]; then
		rm -rf "$folder"
		mkdir -p "$folder"
		# Called anew, since a failure in a condition would not end a function.
		if ! timeout "$longest" "$self" make "$kind" "$folder" ${version:+"$version"} >"$folder.log" 2>&1; then
			if [[ ! $version ]]; then
				cat "$folder.log" >&2
				exit 1
			fi
			reason "$name" "$version" "$folder.log"
			return
		fi
	fi
	touch "$folder" "$folder.done"
	echo "$name=$folder"
}

# reason prints why a version was not made. Registries that answer that they lack it say so in one of these ways.
reason() {
	local lacks='No matching version found for|404 Not Found|No matching distribution found for|unknown revision|Could not find artifact'
	if grep -qE "$lacks" "$3"; then
		echo "$1!the package registry has no version $2"
	else
		tail -5 "$3" >&2
		echo "$1?$(tail -1 "$3")"
	fi
}

if [[ ${1-} == make ]]; then
	"make_$2" "${@:3}"
	exit
fi

mkdir -p .cache
exec 9>.cache/lock
flock 9
case ${1-} in
frameworks)
	for name in kratos gozero springgrpc armeria; do
		prepare "$name"
	done
	exit
	;;
rust)
	longest=5400
	prepare tonic
	touch .cache/cargo
	exit
	;;
esac
for name in suite go java python node; do
	prepare "$name"
done
old=("${few[@]}")
if [[ ${1-} == history ]]; then
	old=("${history[@]}")
fi
for name in "${old[@]}"; do
	prepare "$name"
done
find .cache -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {} +
