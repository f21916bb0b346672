// Package randomedit makes random rules for a host. A test edits rules with them while clients call: in all of them every
// call leads to a running backend, so no call may fail.
package randomedit

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Versions is the number of versions that a host needs: v0, v1 and so on, each with a backend.
const Versions = 4

// Settings that Rules may have, and that a test may want to leave out.
const (
	OutlierDetection = "outlierDetection: {consecutive5xxErrors: 5}"
	ConsistentHash   = "loadBalancer: {consistentHash: {httpHeaderName: x-user}}"
)

// Rules returns a VirtualService and a DestinationRule in namespace demo for a host, or either, or none. Objects that
// configure servers, and that change no call to servers in plaintext, may come before them.
func Rules(random *rand.Rand, host string) string {
	return security(random, host) + rules(random, host)
}

func security(random *rand.Rand, host string) string {
	objects := []string{
		"kind: PeerAuthentication\nmetadata: {name: %s, namespace: demo}\nspec: {mtls: {mode: PERMISSIVE}}\n",
		"kind: PeerAuthentication\nmetadata: {name: %s, namespace: demo}\nspec: {selector: {matchLabels: {version: v1}}, mtls: {mode: DISABLE}}\n",
		"kind: AuthorizationPolicy\nmetadata: {name: %s, namespace: demo}\nspec: {rules: [{from: [{source: {namespaces: [demo]}}]}]}\n",
	}
	i := random.IntN(2 * len(objects))
	if i >= len(objects) {
		return ""
	}
	return "apiVersion: security.istio.io/v1\n" + fmt.Sprintf(objects[i], host) + "---\n"
}

func rules(random *rand.Rand, host string) string {
	if random.IntN(6) == 0 {
		return ""
	}
	var declared, named []string
	for v := range Versions {
		if random.IntN(2) == 0 {
			declared = append(declared, fmt.Sprintf("{name: s%d, labels: {version: v%d}, trafficPolicy: {%s}}", v, v, policy(random)))
			named = append(named, fmt.Sprint("s", v))
		}
	}
	destinationRule := fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %s, namespace: demo}\n"+
		"spec: {host: %s, trafficPolicy: {%s}, subsets: [%s]}\n", host, host, policy(random), strings.Join(declared, ", "))
	if random.IntN(4) == 0 {
		return destinationRule
	}
	var rules []string
	for range random.IntN(3) {
		matches := []string{"uri: {prefix: /other}", "headers: {x-user: {exact: ann}}", "sourceNamespace: demo", "headers: {x-user: {regex: a.*}}"}
		rules = append(rules, fmt.Sprintf("{match: [{%s}], %s}", matches[random.IntN(len(matches))], route(random, host, named)))
	}
	rules = append(rules, fmt.Sprintf("{%s}", route(random, host, named)))
	return destinationRule + fmt.Sprintf("---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s, namespace: demo}\n"+
		"spec: {hosts: [%s], http: [%s]}\n", host, host, strings.Join(rules, ", "))
}

func policy(random *rand.Rand) string {
	policies := []string{
		"", "loadBalancer: {simple: LEAST_REQUEST}", "loadBalancer: {simple: ROUND_ROBIN}", "loadBalancer: {simple: RANDOM}",
		ConsistentHash, OutlierDetection,
		"connectionPool: {http: {http2MaxRequests: 10000}}",
	}
	return policies[random.IntN(len(policies))]
}

func route(random *rand.Rand, host string, subsets []string) string {
	destinations := []string{fmt.Sprintf("{destination: {host: %s}, weight: %d}", host, 1+random.IntN(100))}
	for _, name := range subsets {
		if random.IntN(3) > 0 {
			destinations = append(destinations, fmt.Sprintf("{destination: {host: %s, subset: %s}, weight: %d}", host, name, random.IntN(2)*random.IntN(100)))
		}
	}
	if len(subsets) > 0 && random.IntN(2) == 0 {
		destinations = []string{fmt.Sprintf("{destination: {host: %s, subset: %s}}", host, subsets[random.IntN(len(subsets))])}
	}
	settings := []string{"", "timeout: 20s, ", "retries: {attempts: 0}, ", "retries: {attempts: 2, retryOn: unavailable}, "}
	return fmt.Sprintf("%sroute: [%s]", settings[random.IntN(len(settings))], strings.Join(destinations, ", "))
}
