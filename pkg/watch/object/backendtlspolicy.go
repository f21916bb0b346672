package object

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	networking "istio.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// BackendTLSPolicy is what is kept of a BackendTLSPolicy with Services as targets.
type BackendTLSPolicy struct {
	Written mesh.Route
	Created time.Time
	Targets []BackendTLSTarget
	// TLS has the settings of a DestinationRule. Refused means that clients cannot do what the object says, so calls fail.
	TLS     *networking.ClientTLSSettings
	Refused bool
}

// BackendTLSTarget is a Service in the object's own namespace, or one of its ports.
type BackendTLSTarget struct {
	// Index is its index in spec.targetRefs.
	Index int
	Name  string
	// SectionName is the name of a port; empty for all.
	SectionName string
}

// Parents returns the targets as entries of the status have them.
func (p *BackendTLSPolicy) Parents() (parents []mesh.ParentRef) {
	for _, t := range p.Targets {
		parents = append(parents, mesh.ParentRef{Index: t.Index, Kind: string(KindService), Name: t.Name, SectionName: t.SectionName})
	}
	return parents
}

// Equal reports whether two objects are equal.
func (p *BackendTLSPolicy) Equal(o *BackendTLSPolicy) bool {
	return p.Written.Ref == o.Written.Ref && p.Created.Equal(o.Created) && reflect.DeepEqual(p.Written.Spec, o.Written.Spec)
}

func convertBackendTLSPolicy(typed *gatewayv1.BackendTLSPolicy, _ string) Object {
	out := newObject(KindBackendTLSPolicy, &typed.ObjectMeta)
	spec := typed.Spec.DeepCopy()
	p := &BackendTLSPolicy{Written: mesh.Route{Ref: out.Key.Ref(), Spec: spec}, Created: created(&typed.ObjectMeta)}
	for i := range spec.TargetRefs {
		if t := &spec.TargetRefs[i]; t.Group == "" && t.Kind == "Service" {
			p.Targets = append(p.Targets, BackendTLSTarget{Index: i, Name: string(t.Name), SectionName: string(valueOr(t.SectionName, ""))})
		}
	}
	if len(p.Targets) == 0 {
		return out
	}
	p.TLS, p.Refused = backendTLS(&spec.Validation, &out)
	out.Value = p
	return out
}

// backendTLS compiles the validation of servers. The hostname is the name that servers must have, unless others are listed.
func backendTLS(v *gatewayv1.BackendTLSPolicyValidation, out *Object) (tls *networking.ClientTLSSettings, refused bool) {
	refuse := func(code mesh.Code, field, format string, args ...any) {
		refused = true
		out.Report(code, mesh.Error, "spec.validation."+field, fmt.Sprintf(format, args...))
	}
	tls = &networking.ClientTLSSettings{Mode: networking.ClientTLSSettings_SIMPLE, Sni: string(v.Hostname)}
	switch authorities := valueOr(v.WellKnownCACertificates, ""); {
	case len(v.CACertificateRefs) > 0:
		refuse(mesh.CodeUnsupported, "caCertificateRefs", "Clients do not get certificates from the control plane. Calls fail. Write wellKnownCACertificates: System in its place, or use a DestinationRule with credentialName.")
	case authorities != gatewayv1.WellKnownCACertificatesSystem:
		refuse(mesh.CodeInvalidValue, "wellKnownCACertificates", "%q is not a set of authorities. Calls fail. Write System.", authorities)
	}
	if v.Hostname == "" {
		refuse(mesh.CodeInvalidValue, "hostname", "The name of the server is not set. Calls fail. Set it.")
	}
	for i, name := range v.SubjectAltNames {
		switch {
		case name.Type == gatewayv1.HostnameSubjectAltNameType && name.Hostname != "":
			tls.SubjectAltNames = append(tls.SubjectAltNames, string(name.Hostname))
		case name.Type == gatewayv1.URISubjectAltNameType && name.URI != "":
			tls.SubjectAltNames = append(tls.SubjectAltNames, string(name.URI))
		default:
			refuse(mesh.CodeInvalidValue, fmt.Sprintf("subjectAltNames[%d]", i), "The entry has no name of its type. Calls fail. Set hostname for the type Hostname, or uri for URI.")
		}
	}
	if len(v.SubjectAltNames) == 0 {
		tls.SubjectAltNames = []string{string(v.Hostname)}
	}
	return tls, refused
}

// Author returns the fields of the object for those of its settings, for one target.
func (p *BackendTLSPolicy) Author(t BackendTLSTarget) *mesh.Author {
	fields := map[string]string{
		"": fmt.Sprintf("spec.targetRefs[%d]", t.Index), ".mode": "spec.validation.wellKnownCACertificates", ".sni": "spec.validation.hostname",
		".subjectAltNames": "spec.validation.hostname",
	}
	if spec, ok := p.Written.Spec.(*gatewayv1.BackendTLSPolicySpec); ok {
		for i := range spec.Validation.SubjectAltNames {
			fields[fmt.Sprintf(".subjectAltNames[%d]", i)] = fmt.Sprintf("spec.validation.subjectAltNames[%d]", i)
		}
	}
	return &mesh.Author{Ref: p.Written.Ref, Fields: fields}
}

func backendTLSPolicyField(o *storedObject) **storedRoute { return &o.BackendTLS }

func storeBackendTLSPolicy(p *BackendTLSPolicy) (*storedRoute, error) {
	spec, err := json.Marshal(p.Written.Spec)
	return &storedRoute{Namespace: p.Written.Ref.Namespace, Name: p.Written.Ref.Name, Created: p.Created, Spec: spec}, err
}

func loadBackendTLSPolicy(s *storedRoute) (*BackendTLSPolicy, error) {
	typed := &gatewayv1.BackendTLSPolicy{ObjectMeta: s.meta()}
	if err := json.Unmarshal(s.Spec, &typed.Spec); err != nil {
		return nil, err
	}
	o := convertBackendTLSPolicy(typed, "")
	if p, ok := o.Value.(*BackendTLSPolicy); ok {
		return p, nil
	}
	return nil, fmt.Errorf("%s has no value", o.Key.Ref())
}
