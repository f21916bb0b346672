package snapshot

import (
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// maxProviders bounds the certificate providers of one client.
const maxProviders = 32

// providers reads what certificate providers a node declares: a list of names, or one text with commas between them.
func providers(v *structpb.Value) mesh.Providers {
	names := strings.Split(v.GetStringValue(), ",")
	for _, element := range v.GetListValue().GetValues() {
		names = append(names, element.GetStringValue())
	}
	if len(names) > maxProviders {
		return ""
	}
	for i := range names {
		names[i] = clip(strings.TrimSpace(names[i]))
	}
	return mesh.MakeProviders(names...)
}

// encrypts says whether clients of the kind do as a cluster's TLS settings say. The others read past them and go on in plain
// text, or look for the names of servers in another place, so what they declare counts for nothing: one bootstrap is often
// shared by several programs.
func encrypts(c mesh.Client) bool {
	switch c.Agent {
	case mesh.AgentGRPCGo, mesh.AgentGRPCJava, mesh.AgentGRPCCore:
		return mesh.ReleaseOf(c.Version).AtLeast(1, 42)
	case mesh.AgentGRPCNode:
		return mesh.ReleaseOf(c.Version).AtLeast(1, 11)
	case mesh.AgentUnknown, mesh.AgentGRPCRust, mesh.AgentEnvoy:
	}
	return false
}

// takesSystemRoots says whether the client knows what to do when it is told to trust its machine's authorities; others refuse
// the cluster. That it declares a provider says that it encrypts at all.
func takesSystemRoots(c mesh.Client) bool {
	return c.Providers != "" && c.Agent == mesh.AgentGRPCJava && mesh.ReleaseOf(c.Version).AtLeast(1, 78)
}
