package inbound

import (
	"fmt"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// keyRow is a key of when.
type keyRow struct {
	key  string
	leaf leafFunc
	// source is set if the key is a property of the client, so that it becomes a principal.
	source bool
}

// keyRows are the keys without request.headers[…]. A key that ends with a dot or a bracket begins several.
var keyRows = []keyRow{
	{"source.ip", addressLeaf, true},
	{"remote.ip", remoteAddressLeaf, true},
	{"source.namespace", namespaceLeaf, true},
	{"source.principal", principalLeaf, true},
	{"source.serviceAccount", serviceAccountLeaf, true},
	{"source.trustDomain", trustDomainLeaf, true},
	{keyOwnAddress, ownAddressLeaf, false},
	{keyOwnPort, portLeaf, false},
	{"request.auth.", tokenLeaf, false},
	{"connection.sni", closedLeaf("gRPC servers do not match the SNI.", "Write paths or hosts, or serve on another port."), false},
	{"experimental.envoy.filters.", closedLeaf("gRPC servers have no filters of Envoy.", "Remove the condition, or check it in the application."), false},
}

// closedLeaf closes every value.
func closedLeaf(what, wayOut string) leafFunc {
	return func(condition, string) (expr, *obstacle) {
		return never(), &obstacle{what: what, wayOut: wayOut, whole: true}
	}
}

// when translates a condition of when.
func (s *ruleScope) when(at report.Field, when *security.Condition) (permission, principal expr) {
	if len(when.GetValues())+len(when.GetNotValues()) == 0 {
		s.close(at, &obstacle{what: fmt.Sprintf("The condition on %q has no values.", when.GetKey()), wayOut: "Add values or notValues."})
	}
	row, why := findKey(when.GetKey())
	if why != nil {
		s.close(at.Child("key"), why)
		return always(), always()
	}
	both := and(s.anyOf(at.Child("values"), when.GetValues(), row.leaf, false), s.anyOf(at.Child("notValues"), when.GetNotValues(), row.leaf, true))
	if row.source {
		return always(), both
	}
	return both, always()
}

// findKey finds how the values of a key are translated.
func findKey(key string) (keyRow, *obstacle) {
	if name, ok := strings.CutPrefix(key, "request.headers["); ok && strings.HasSuffix(name, "]") {
		name = strings.ToLower(strings.TrimSuffix(name, "]"))
		if why := badHeader(name); why != nil {
			return keyRow{}, why
		}
		return keyRow{key, headerKeyLeaf(name), false}, nil
	}
	for _, row := range keyRows {
		if key == row.key || strings.HasSuffix(row.key, ".") && strings.HasPrefix(key, row.key) {
			return row, nil
		}
	}
	return keyRow{}, &obstacle{what: fmt.Sprintf("The key %q is not known.", key), wayOut: "Write request.headers[NAME], source.principal, or another key of docs/FIELDS.md."}
}

// headerKeyLeaf returns the leaf of a header. Some have a meaning in gRPC.
func headerKeyLeaf(name string) leafFunc {
	switch name {
	case ":method":
		return methodLeaf
	case ":path":
		return func(c condition, value string) (expr, *obstacle) {
			p := parsePattern(value)
			c.checkPath(p, value)
			if p.kind == present {
				return always(), nil
			}
			return path(p.matcher()), nil
		}
	case "host":
		return headerLeaf(":authority")
	}
	return headerLeaf(name)
}

// nodeOnly is the set of libraries without IPs and binary headers.
func nodeOnly() mesh.ClientKinds { return mesh.MakeClientKinds(mesh.GRPCNode) }
