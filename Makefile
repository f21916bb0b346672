# Every target is one command that you could type. `make help` lists them.

GO      ?= go
TOOL    := $(GO) tool -modfile=hack/tools/go.mod
PKG     ?= ./...
# The race detector needs a C compiler. Without one the tests run all the same.
RACE    := $(shell command -v $$($(GO) env CC) >/dev/null 2>&1 && echo -race)
FUZZTIME ?= 5m
# COLD are packages whose functions are not inlined: what they do is rare, or waits for something else. What every change of
# the mesh or every message passes is not among them. A package that is not linked has no effect here.
COLD    := k8s.io/api/... k8s.io/apimachinery/... k8s.io/client-go/... k8s.io/klog/... k8s.io/kube-openapi/... k8s.io/utils/... k8s.io/streaming/... \
	sigs.k8s.io/structured-merge-diff/... sigs.k8s.io/gateway-api/... go.yaml.in/yaml/v2 \
	github.com/cncf/... github.com/davecgh/... github.com/envoyproxy/go-control-plane/envoy/admin/... github.com/fxamacker/... github.com/go-jose/... github.com/golang/... github.com/gorilla/... github.com/json-iterator/... \
	github.com/moby/... github.com/modern-go/... github.com/prometheus/common/... github.com/prometheus/procfs/... github.com/spf13/... \
	cel.dev/... golang.org/x/net/idna golang.org/x/oauth2/... golang.org/x/text/... google.golang.org/genproto/... \
	google.golang.org/protobuf/encoding/... google.golang.org/protobuf/types/... \
	github.com/fsnotify/... github.com/pmezard/... gopkg.in/inf.v0 istio.io/client-go/... golang.org/x/net/proxy golang.org/x/net/websocket \
	$(addprefix google.golang.org/grpc/,balancer/... internal/channelz internal/resolver/... reflection/... resolver/...) \
	archive/... compress/... crypto/tls crypto/x509 database/... encoding/asn1 encoding/csv expvar go/... internal/profile log/slog math/big mime/... net/http/... net/mail net/url regexp/syntax runtime/pprof text/tabwriter text/template/... \
	$(addprefix github.com/mizzen-mesh/mizzen/,cmd/... pkg/watch/files/schema $(addprefix internal/,access admin authority bootstrap certificate csds demo election event explain history installation lastgood live logging page peers problemformat render rollout signer status view))
# Without grpcnotrace gRPC links html/template, and the linker then keeps every method of every type: a third more.
# With nodemo the scenario of `controlplane demo`, with gRPC's client over xDS, is a program beside it.
FLAGS   := -trimpath -tags grpcnotrace,nodemo $(COLD:%=-gcflags=%=-l) -ldflags="-s -w -funcalign=16"
BUILD   := $(GO) build $(FLAGS)
# A first build compiles a thousand packages and prints nothing, so these targets print what they do.
compiling = echo "make: compiling $(1); this takes minutes the first time, and seconds from then on" >&2
# MOST is how many bytes the binary for linux/amd64 may have, and OTHERS that for other platforms; docs/adr/0015 says what it
# takes to stay below.
MOST    := 33554432
OTHERS  := 36700160
fits     = most=$(OTHERS); test $(2) != linux/amd64 || most=$(MOST); \
	test $$(wc -c <$(1)) -le $$most || { echo "$(1) has more than $$most bytes: see docs/adr/0015" >&2; exit 1; }

PROGRAMS := ./cmd/controlplane ./cmd/controlplane-demo
# PLUGINS are other names of the binary, by which kubectl finds it.
PLUGINS := kubectl-mizzen kubectl_complete-mizzen

.DEFAULT_GOAL := help
.PHONY: help agent build image release crds ui ui-check ui-screenshots e2e-ui test random lint man golden generate demo demo-spring e2e e2e-spring e2e-envoy e2e-mtls e2e-mtls-rotation conformance conformance-clients interop frameworks interop-rust integrations integrations-java interop-history interop-matchers interop-java istiodiff examples bench scale fuzz vuln

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/controlplane, and bin/controlplane-demo for its demo
	@$(call compiling,bin/controlplane)
	CGO_ENABLED=0 $(BUILD) -o bin/ $(PROGRAMS)
	@$(call fits,bin/controlplane,$$($(GO) env GOOS)/$$($(GO) env GOARCH))
	cd bin && for name in $(PLUGINS); do ln -sf controlplane $$name || exit; done

IMAGE   ?= ghcr.io/mizzen-mesh/controlplane:dev
comma   := ,
space   := $(subst ,, )
# The platforms of the image, such as linux/amd64; a comma may stand between them, as Docker writes it.
platforms = $(or $(subst $(comma), ,$(PLATFORMS)),linux/amd64 linux/arm64)
# The Java agent, for which the image needs a JDK 17 and Maven. AGENT= makes an image without it.
AGENT   ?= agents/java/agent/target/mizzen-agent.jar
# With the time of the commit the jar does not depend on the time of the build.
JAR     := mvn -B -q -f agents/java -DskipTests -Dproject.build.outputTimestamp="$$(git log -1 --format=%ct)" package
image: ## build the container image for PLATFORMS (linux/amd64 linux/arm64) into bin/image, named IMAGE; no Docker is needed
	$(if $(filter-out linux/amd64 linux/arm64,$(platforms)),\
		$(error PLATFORMS is linux/amd64 or linux/arm64 or both, not "$(PLATFORMS)"))
	@$(call compiling,bin/controlplane for $(platforms))
	$(if $(AGENT),$(JAR))
	rm -rf bin/image
	for platform in $(platforms); do binary=bin/image/$$(echo $$platform | tr / -)/controlplane; \
		CGO_ENABLED=0 GOOS=linux GOARCH=$${platform#linux/} $(BUILD) -o $${binary%controlplane} $(PROGRAMS) || exit; \
		$(call fits,$$binary,$$platform); done
	$(GO) -C hack/image run . -name $(IMAGE) -links $(subst $(space),$(comma),$(PLUGINS)) -beside controlplane-demo -layout $(CURDIR)/bin/image/oci -tar $(CURDIR)/bin/image/controlplane.tar \
		$(if $(AGENT),-file $(abspath $(AGENT)):/mizzen-agent.jar) \
		-sbom $(CURDIR)/bin/image/sbom $(platforms:linux/%=$(CURDIR)/bin/image/linux-%/controlplane)

release: ## make all that a release consists of into dist: make release VERSION=v0.2.0 (PLATFORMS has it made for some only)
	@$(call compiling,a release)
	$(GO) run ./hack/release -version "$(VERSION)" $(if $(PLATFORMS),-platforms "$(PLATFORMS)") -most $(MOST) -others $(OTHERS) -- $(FLAGS)

agent: ## build and test the Java agent, agents/java/agent/target/mizzen-agent.jar; needs a JDK 17 and Maven
	mvn -B -ntp -f agents/java verify

# The page is built with Node, and committed, so that building the binary takes Go alone. The scripts of packages do not run.
ui: ## build the page of the admin address from ui/ into internal/page/dist, which is committed; needs Node and npm
	npm ci --prefix ui --ignore-scripts --no-audit --no-fund
	node ui/build.mjs

ui-check: ## test the parts of the page that need no browser, and compare what is committed with what its sources make
	npm ci --prefix ui --ignore-scripts --no-audit --no-fund
	node --test ui/test/parts.test.mjs
	rm -rf bin/ui && node ui/build.mjs bin/ui
	diff -r bin/ui internal/page/dist || { echo "internal/page/dist is out of date: run make ui" >&2; exit 1; }

e2e-ui: ui-check build ## look at the page in Chromium, with the real binary and real clients; needs Node, npm and chromium (CLIENTS=10000 is how many the large mesh has)
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ui-mesh ./test/ui/mesh
	node --test --test-concurrency=1 ui/test/browser.test.mjs ui/test/large.test.mjs

ui-screenshots: build ## write the pictures of docs/ui
	npm ci --prefix ui --ignore-scripts --no-audit --no-fund
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ui-mesh ./test/ui/mesh
	node ui/test/screenshots.mjs

crds: ## write Istio's definitions of the kinds that Mizzen reads to bin/crds.yaml, for clusters without Istio
	mkdir -p bin
	$(GO) run ./hack/crds >bin/crds.yaml

test: ## run every test that needs nothing but Go (with the race detector if there is a C compiler, and then a quarter of the random cases)
	$(TOOL) gotestsum --format pkgname -- -timeout 20m ./test/presubmit
	$(TOOL) gotestsum --format pkgname --format-hide-empty-pkg -- $(RACE) -timeout 20m $(PKG)
	$(GO) -C hack/image test ./...
	$(GO) -C hack/chart test -count=1 ./...
	$(GO) -C hack/monitoring test -count=1 ./...
	CGO_ENABLED=0 $(GO) -C hack/conformance test -trimpath -count=1 ./...

random: ## try all random cases, without the race detector, about ten minutes; `make test` tries a quarter of them with it
	$(TOOL) gotestsum --format pkgname -- -timeout 40m $$($(GO) list -f '{{.ImportPath}}{{.TestImports}}{{.XTestImports}}' ./... | sed -n 's|\[.*/test/seeds.*||p')

# MODULES are the other modules in this repository.
MODULES = $(addprefix hack/,image chart monitoring conformance) $(INTEGRATIONS:%=integrations/%) examples/go test/interop/clients/frameworks
lint: ## run the linters, pinned in hack/tools (MODULES=integrations/go is what CI runs beside the module of the product)
	$(TOOL) golangci-lint run --build-tags e2e,spring,mtls,interop,envoy $(PKG)
	for module in $(MODULES); do (cd $$module && $(GO) tool -modfile=$(CURDIR)/hack/tools/go.mod golangci-lint run) || exit; done
	$(GO) tool -modfile=hack/tools/workflows.mod actionlint
	$(GO) mod tidy -diff

man: ## man pages of all commands, into dist/man
	$(GO) test ./cmd/controlplane -run ManPages -count=1 -man "$(CURDIR)/dist/man"

golden: ## rewrite the golden files and the generated documents, then look at the difference
	$(GO) test ./pkg/mesh ./pkg/translate ./pkg/translate/fields ./internal/fieldpolicy ./internal/view ./cmd/controlplane ./test/istiodiff -run 'Golden|Generated|Help' -update
	$(GO) test ./manifests -run Generated -update
	@git --no-pager diff --stat

generate: golden ## the same: everything generated comes from the goldens' run

demo: ## see a gRPC client being routed: control plane, backends and client in one terminal, about 20 seconds
	@$(call compiling,the demo)
	$(GO) run ./cmd/controlplane demo

demo-spring: ## see Spring Cloud and Go applications in one mesh, with Nacos; needs a JDK 17 and Maven, about two minutes
	test/spring/setup.sh demo >/dev/null
	@$(call compiling,the demo)
	$(GO) run ./test/spring/demo

# PACKAGES is how many of its packages run at once. The control plane is a separate program, which a test's race detector does not see.
PACKAGES ?= 1
e2e: ## run the tests against a real API server, built from Go modules (the first build takes about ten minutes; SHORT=-short PACKAGES=3 is what CI runs)
	hack/testcluster/build.sh
	hack/conformance/build.sh
	$(TOOL) gotestsum --format testname -- -tags e2e -count=1 -p $(PACKAGES) -timeout 40m $(SHORT) ./test/e2e/...

# Go stamps the version of the commit, which the report names.
conformance: ## run the mesh profile for gRPC of the Gateway API's conformance suite on real nodes; part of e2e (UPDATE=-update writes the report to docs/conformance)
	hack/testcluster/build.sh
	hack/conformance/build.sh
	GOFLAGS=-buildvcs=auto $(TOOL) gotestsum --format testname -- -tags e2e -count=1 -timeout 15m ./test/e2e/conformance $(UPDATE)

e2e-spring: ## run Spring Cloud and Go applications in pods of real nodes, as docs/SPRING.md says; needs what e2e needs, a JDK 17 and Maven
	hack/testcluster/build.sh
	test/spring/setup.sh nodes
	$(TOOL) gotestsum --format testname -- -tags e2e,spring -count=1 -timeout 20m -run '^TestSpring$$' ./test/e2e/install

e2e-mtls: ## take a namespace of real nodes from plaintext to STRICT and back, as docs/MTLS.md says, with servers and clients in four languages; needs what e2e and interop need (LANGUAGES=go,python for some of them)
	hack/testcluster/build.sh
	test/interop/setup.sh
	cd examples/go && $(GO) mod download
	$(TOOL) gotestsum --format testname -- -tags e2e,mtls -count=1 -timeout 20m -run '^TestMTLS$$' ./test/e2e/install $(LANGUAGES:%=-languages %)

e2e-mtls-rotation: ## replace all certificates and their authority, and stop the signer and the API server, while such servers are called; about an hour
	hack/testcluster/build.sh
	test/interop/setup.sh
	cd examples/go && $(GO) mod download
	$(TOOL) gotestsum --format testname -- -tags e2e,mtls -count=1 -timeout 100m -run '^TestMTLSRotation$$' ./test/e2e/install -rotation

interop: ## play the same scenarios with gRPC clients in Go, Java, Python and Node (UPDATE=-update writes docs/INTEROP.md, SHORT=-short is what CI runs)
	test/interop/setup.sh
	$(TOOL) gotestsum --format testname -- -tags interop -count=1 -timeout 40m -parallel 4 $(SHORT) ./test/interop $(UPDATE)

conformance-clients: ## have gRPC clients in Go, Java, Python and Node, integrations/go, the Java agent and Envoy undergo the checks of hack/mizzen-conformance, about eight minutes (UPDATE=-update writes docs/CONFORMANCE.md)
	test/interop/setup.sh
	test/envoy/setup.sh
	$(JAR)
	$(TOOL) gotestsum --format testname -- -tags interop -count=1 -timeout 40m -run '^TestConformance$$' ./test/interop $(UPDATE)

frameworks: ## have clients of Kratos, go-zero, Spring gRPC and Armeria follow the mesh, with mTLS too (UPDATE=-update writes docs/clients/FRAMEWORKS.md)
	test/interop/setup.sh frameworks
	$(TOOL) gotestsum --format testname -- -tags interop -count=1 -timeout 10m -run '^TestFrameworks$$' ./test/interop -frameworks $(UPDATE)

# Without a cache in test/interop/.cache/cargo, cargo compiles for half an hour on two cores.
interop-rust: ## have a client of tonic-xds follow the mesh, and undergo the checks of hack/mizzen-conformance; needs cargo (UPDATE=-update writes the results)
	test/interop/setup.sh rust
	$(TOOL) gotestsum --format testname -- -tags interop -count=1 -timeout 25m -run '^(TestFrameworks|TestConformance)$$' ./test/interop -rust $(UPDATE)

e2e-envoy: ## have a real Envoy take every golden and follow the mesh, a minute; needs pip of Python 3, and root for certificates
	test/envoy/setup.sh
	$(TOOL) gotestsum --format testname -- -tags envoy -count=1 -timeout 10m ./test/envoy

INTEGRATIONS = go kitex kratos hertz dubbo-go

# Compiling a framework for the race detector takes minutes. What goroutines share is in the module go.
integrations: build ## test integrations/: the xDS client for frameworks in Go, and clients and servers of Kitex, Kratos, Hertz and dubbo-go, with the real control plane (SHORT=-short, with the race detector for the client alone, and INTEGRATIONS='go kitex' is what CI runs)
	for module in $(INTEGRATIONS); do race=$(RACE); if [ "$(SHORT)" = -short ] && [ $$module != go ]; then race=; fi; \
		CONTROLPLANE=$(CURDIR)/bin/controlplane $(GO) -C integrations/$$module test $$race -count=1 ./... || exit; done

integrations-java: build ## have consumers of Dubbo for Java follow the mesh, with the real control plane, one to two minutes; needs a JDK 17 and Maven
	CONTROLPLANE=$(CURDIR)/bin/controlplane mvn -B -ntp -f agents/java -P dubbo -pl dev.mizzen:mizzen-dubbo -am -Dtest='Dubbo*Test' -Dsurefire.failIfNoSpecifiedTests=false package

interop-java: ## have stock Spring Cloud applications of four trains follow the mesh by the Java agent (UPDATE=-update writes docs/INTEROP.md, TRAINS=-trains runs the trains between, too, TRAINS=-sample is what CI runs)
	test/spring/setup.sh $(TRAINS:-%=%)
	$(TOOL) gotestsum --format testname -- -tags spring -count=1 -timeout 40m -parallel 8 ./test/spring $(TRAINS) $(UPDATE)

# The summary is printed whatever came out.
interop-history: ## serve the goldens to old gRPC clients, play the scenarios, find out what they can; once a week, about 40 minutes (UPDATE=-update writes the results)
	test/interop/setup.sh history
	rm -f test/interop/.cache/history.txt
	$(TOOL) gotestsum --format testname -- -tags interop -count=1 -timeout 100m -parallel 2 -run '^TestHistory$$' ./test/interop -history $(UPDATE); \
		code=$$?; cat test/interop/.cache/history.txt; exit $$code
	$(if $(UPDATE),$(GO) test ./pkg/translate/fields -run Generated -update)

interop-matchers: ## find out what gRPC servers in four languages make of each RBAC expression; for new versions of gRPC (UPDATE=-update writes test/interop/matchers.txt)
	test/interop/setup.sh
	$(GO) test -tags interop -count=1 -timeout 20m -run '^TestMatchers$$' -v ./test/interop -matchers $(UPDATE)

istiodiff: ## ask istiod, from Istio's module, about every golden again, and run Istio's agent with Mizzen; the first build takes ten minutes of CPU and 3 GB (UPDATE=-update writes test/istiodiff/testdata/istiod.jsonl)
	$(GO) -C hack/istiodiff test -vet=off -count=1 -timeout 30m . $(UPDATE)

examples: ## build the examples in Go, Java, Node and Python, and have every client call every server
	$(TOOL) gotestsum --format testname -- -tags interop -count=1 -timeout 20m ./test/interop/examples

bench: ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchtime 1s -count 1 ./pkg/... ./internal/... ./test/bench/...

VULN    ?= golang.org/x/vuln/cmd/govulncheck@v1.9.0
vuln: ## look for known vulnerabilities in what the binary calls; needs vuln.go.dev
	$(GO) run $(VULN) ./cmd/controlplane

SERVERS ?= -repeat 3 -raw -services 200 -streams 2000 -policies 200 -scenarios cold,workload,namespace,mesh -rounds 10 -settle 100ms
SCALE   ?= -repeat 3 -raw -scenarios cold,churn,burst,routes,flood,storm,hot,reconnect -settle 100ms
scale: build ## measure what the control plane carries, over folders of 100, 1,000 and 10,000 services, servers with policies, and reports of clients, in about six minutes
	$(GO) build -o bin/scale ./hack/scale
	for services in 100 1000 10000; do echo "== $$services services, of which 100 are asked for"; \
		bin/scale -services $$services -drawn 100 -scenarios cold,churn -settle 100ms -exec $(SCALED) || exit; done
	@echo "== 1000 services"
	bin/scale $(SCALE) -exec $(SCALED)
	@echo "== 2000 servers with 200 policies"
	bin/scale $(SERVERS) -exec $(SCALED)
	@echo "== 1000 streams that report their load"
	bin/scale -scenarios cold,reports -rounds 40 -settle 100ms -exec $(SCALED)
	@echo "== a flood of a minute"
	bin/scale -scenarios cold,flood -flood 60s -settle 100ms -exec $(SCALED)
SCALED  := 'bin/controlplane serve --files {files} --xds-address {address} --admin-address {metrics} --log-level warn'

fuzz: ## fuzz the translation, the rules of servers, and the reports of clients, for FUZZTIME (5m) each
	$(GO) test -tags fuzzing -fuzzminimizetime 10x -run '^$$' -fuzz FuzzHost -fuzztime $(FUZZTIME) ./pkg/translate
	$(GO) test -tags fuzzing -fuzzminimizetime 10x -run '^$$' -fuzz FuzzRules -fuzztime $(FUZZTIME) ./pkg/authz
	$(GO) test -tags fuzzing -run '^$$' -fuzz FuzzDecode -fuzztime $(FUZZTIME) ./internal/load
