package translate

import (
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// plaintextForbidden says whether calls must be encrypted, which cannot be arranged yet: they fail rather than go out
// weaker than their author wrote.
func plaintextForbidden(at site, tls *networking.ClientTLSSettings) bool {
	mode := tls.GetMode()
	if mode == networking.ClientTLSSettings_DISABLE {
		return false
	}
	at.field("mode").errorf(mesh.CodeUnsupported,
		"TLS mode %s is not translated yet, and calls would go out unencrypted, so they fail; use DISABLE and encrypt in the application", mode)
	return true
}
