package object

import (
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	security "istio.io/api/security/v1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// AuthorizationPolicy is what is kept of an AuthorizationPolicy.
type AuthorizationPolicy struct {
	// Spec is the spec. If the policy cannot be read, it has the action and rules that close.
	Spec   *security.AuthorizationPolicy
	Scope  PodScope
	DryRun bool
	// LogCalls means that servers log what the policy would do.
	LogCalls bool
	// Unknown are the paths of the fields of rules that the API does not have, sorted.
	Unknown []string
}

// PeerAuthentication is what is kept of a PeerAuthentication.
type PeerAuthentication struct {
	// Spec is the spec. The modes of parts that cannot be read are STRICT.
	Spec *security.PeerAuthentication
	// Selector has the labels of the pods; nil for all pods.
	Selector map[string]string
	Created  time.Time
	// Closed means that a part cannot be read. The object takes precedence over others of its level.
	Closed bool
}

// RequestAuthentication is what is kept of a RequestAuthentication.
type RequestAuthentication struct {
	Spec  *security.RequestAuthentication
	Scope PodScope
}

// PodScope is which pods an object is for: those with the labels, and those of the Services.
type PodScope struct {
	// Labels are the labels of the pods; nil if it selects none by labels, and empty for all pods.
	Labels map[string]string
	// Services are the targetRefs of kind Service.
	Services []ServiceTarget
	// OwnNamespace means that it is for pods of its own namespace only, also if that is the root namespace.
	OwnNamespace bool
}

// ServiceTarget is a Service in the object's namespace, and the field that names it.
type ServiceTarget struct{ Name, Field string }

// Strict is an object that takes note of the fields that its API does not have. Ignoring such a field could mean to let
// callers in.
type Strict interface {
	// NoteUnknown records the paths of unknown fields, and of fields without a value; see EmptyFields. reported means that
	// there are Problems of the unknown fields.
	NoteUnknown(unknown, empty []string, reported bool)
	// SpecMessage is the message of the spec.
	SpecMessage() protoreflect.MessageDescriptor
}

// unknownFields are the paths of unknown fields.
type unknownFields struct {
	unknown, empty []string
	reported       bool
}

// NoteUnknown implements Strict.
func (u *unknownFields) NoteUnknown(unknown, empty []string, reported bool) {
	u.unknown, u.empty, u.reported = unknown, empty, reported
}

// report adds Problems of the fields, unless there are some.
func (u *unknownFields) report(out *Object) {
	if u.reported {
		return
	}
	for _, path := range u.unknown {
		out.Report(mesh.CodeUnknownField, mesh.Error, path, "This version of the control plane does not know the field. The part that contains it closes. Remove the field, or upgrade.")
	}
}

type authorizationPolicy struct {
	securityv1.AuthorizationPolicy `json:",inline"`

	unknownFields `json:"-"`
}

// SpecMessage implements Strict.
func (p *authorizationPolicy) SpecMessage() protoreflect.MessageDescriptor {
	return p.Spec.ProtoReflect().Descriptor()
}

type peerAuthentication struct {
	securityv1.PeerAuthentication `json:",inline"`

	unknownFields `json:"-"`
}

// SpecMessage implements Strict.
func (p *peerAuthentication) SpecMessage() protoreflect.MessageDescriptor {
	return p.Spec.ProtoReflect().Descriptor()
}
