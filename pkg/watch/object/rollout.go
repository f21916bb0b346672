package object

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	metav1alpha1 "istio.io/api/meta/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The limits of the window of a rollout. Clients report their calls about every ten seconds.
const (
	minRolloutWindow = time.Second
	maxRolloutWindow = 24 * time.Hour
)

// rolloutPolicy reads how changes reach clients: a share, a window, and whether a change that makes calls fail is taken back,
// such as 10%,5m,abort.
func rolloutPolicy(meta *metav1.ObjectMeta, out *Object) (p mesh.RolloutPolicy) {
	text, ok := meta.Annotations[mesh.AnnotationRollout]
	if !ok {
		return p
	}
	invalid := func(what string) mesh.RolloutPolicy {
		out.reportHolding(mesh.AnnotationRollout, "%q %s. No client follows a change until the value is corrected. Use a share, a window and, if a bad change is to be taken back, the word abort, such as 10%%,5m,abort. Or remove the annotation, so that all clients follow a change at once.", text, what)
		return mesh.RolloutPolicy{Invalid: true}
	}
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	if len(parts) < 2 || len(parts) > 3 {
		return invalid("is not a share and a window")
	}
	number, isShare := strings.CutSuffix(parts[0], "%")
	percent, err := strconv.ParseUint(strings.TrimSpace(number), 10, 8)
	if !isShare || err != nil || percent < 1 || percent > 99 {
		return invalid("has no share from 1% to 99%")
	}
	window, err := time.ParseDuration(parts[1])
	if err != nil || window < minRolloutWindow || window > maxRolloutWindow {
		return invalid(fmt.Sprintf("has no window from %s to %s", minRolloutWindow, "24h"))
	}
	if len(parts) == 3 && parts[2] != "abort" {
		return invalid("has a third part that is not abort")
	}
	return mesh.RolloutPolicy{Percent: uint8(percent), Window: window, Abort: len(parts) == 3}
}

// generationDigits is how many digits the ID of a generation has. The beginning of an ID names it, too.
const generationDigits = 10

// pinOf reads as of which generation the rules for a host are held, and until when, such as g-3f2a91c04d,2026-11-28T04:00Z.
func pinOf(meta *metav1.ObjectMeta, out *Object) mesh.Pin {
	text, ok := meta.Annotations[mesh.AnnotationPin]
	if !ok {
		return mesh.Pin{}
	}
	id, end, _ := strings.Cut(text, ",")
	id, end = strings.TrimSpace(id), strings.TrimSpace(end)
	until, err := time.Parse(time.RFC3339, end)
	if err != nil {
		until, err = time.Parse("2006-01-02T15:04Z07:00", end)
	}
	digits, named := strings.CutPrefix(id, "g-")
	named = named && len(digits) > 0 && len(digits) <= generationDigits && strings.Trim(digits, "0123456789abcdef") == ""
	if err != nil || !named {
		out.reportHolding(mesh.AnnotationPin, "%q is not a generation and a time. It does not begin a pin, and what is held stays held until the time that was named before. Use a generation of \"controlplane history\" and the time at which the pin ends, such as g-3f2a91c04d,2026-11-28T04:00Z. Or remove the annotation.", text)
		return mesh.Pin{Invalid: true}
	}
	return mesh.Pin{Generation: id, Until: until.UTC()}
}

// rolledOut returns the reason of the condition that says how far a change is; empty if there is none.
func rolledOut(conditions []*metav1alpha1.IstioCondition, generation int64) string {
	for _, c := range conditions {
		if c.GetType() == mesh.ConditionRolledOut {
			if c.GetObservedGeneration() != generation {
				return mesh.ReasonOutdated
			}
			return c.GetReason()
		}
	}
	return ""
}

// KindVerdict is the kind of what was decided about a change that some clients follow. It has no row: no source has such objects.
const KindVerdict Kind = "Verdict"

// VerdictKey is the Key of what was decided about the last change of what an object with a RolloutPolicy is for.
func VerdictKey(of mesh.Ref) Key {
	return Key{Kind: KindVerdict, Namespace: of.Namespace, Name: of.Kind + "/" + of.Name}
}

// VerdictOf is the object of such a Key.
func VerdictOf(key Key) mesh.Ref {
	kind, name, _ := strings.Cut(key.Name, "/")
	return mesh.Ref{Kind: kind, Namespace: key.Namespace, Name: name}
}

// Verdict is what was decided about a change.
type Verdict struct {
	// Candidate is the change, as mesh.Rollout has it. The Verdict is for no other one.
	Candidate string `json:"candidate"`
	// Abort means that no client follows the change. Otherwise all do.
	Abort bool `json:"abort,omitempty"`
	// Cause says why it was aborted.
	Cause string `json:"cause,omitempty"`
}

// RuleSpec returns the spec of a VirtualService or DestinationRule; nil if the value is none of these or nil.
func RuleSpec(value any) proto.Message {
	switch v := value.(type) {
	case *VirtualService:
		if v != nil {
			return v.Spec
		}
	case *DestinationRule:
		if v != nil {
			return v.Spec
		}
	}
	return nil
}

// RuleHosts returns the hosts that a VirtualService or DestinationRule declares; none if the value is none of these or nil.
func RuleHosts(value any) []DeclaredHost {
	switch v := value.(type) {
	case *VirtualService:
		if v != nil {
			return v.Hosts
		}
	case *DestinationRule:
		if v != nil {
			return []DeclaredHost{v.Host}
		}
	}
	return nil
}

// RuleHash identifies what a rule says: the same in every process.
func RuleHash(value any) string {
	spec := RuleSpec(value)
	if spec == nil {
		return ""
	}
	hash := sha256.New()
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(spec)
	if err != nil {
		content = []byte(err.Error()) // Text that is not UTF-8: such an object is not used.
	}
	_, _ = hash.Write(content)
	switch v := value.(type) {
	case *VirtualService:
		_, _ = fmt.Fprintf(hash, "%+v %+v %v", v.Hosts, v.Export, v.Gateways)
	case *DestinationRule:
		_, _ = fmt.Fprintf(hash, "%+v %+v %+v", v.Host, v.Export, v.Annotations)
	}
	return base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:12])
}
