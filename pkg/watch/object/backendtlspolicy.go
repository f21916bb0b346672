package object

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	networking "istio.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
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
	// Closed means that the reference is not exactly one to a Service, but one is meant. Its calls fail.
	Closed bool
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
	p.Targets = backendTLSTargets(spec.TargetRefs, &out)
	if len(p.Targets) == 0 {
		return out
	}
	p.TLS, p.Refused = backendTLS(&spec.Validation, &out)
	out.Value = p
	return out
}

// closeBackendTLSPolicy makes a policy that refuses the calls to its targets of one that cannot be read: without it they would not
// be encrypted. See KindRow.Close.
func closeBackendTLSPolicy(key Key, _ string, _ map[string]string, parts Parts) Object {
	out := newObject(key.Kind, &metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name})
	out.Closed = true
	var targets []gatewayv1.LocalPolicyTargetReferenceWithSectionName
	data, err := json.Marshal(parts["targetRefs"])
	if err == nil {
		err = json.Unmarshal(data, &targets)
	}
	if err != nil || len(targets) == 0 {
		out.Report(mesh.CodeInvalidValue, mesh.Error, "spec.targetRefs", "The targets of the object cannot be read. It has no effect, and calls are not encrypted by it. "+correctFields)
		return out
	}
	p := &BackendTLSPolicy{
		Written: mesh.Route{Ref: out.Key.Ref(), Spec: &gatewayv1.BackendTLSPolicySpec{TargetRefs: targets}}, Targets: backendTLSTargets(targets, &out),
		TLS: &networking.ClientTLSSettings{Mode: networking.ClientTLSSettings_SIMPLE}, Refused: true,
	}
	if len(p.Targets) > 0 {
		out.Report(mesh.CodeClosed, mesh.Error, "spec", "The object cannot be read. Calls to its targets fail, because it is not known how to verify their servers. "+correctFields)
		out.Value = p
	}
	return out
}

// backendTLSTargets returns the targets that are Services. It reports the others: their authors take calls for encrypted.
func backendTLSTargets(refs []gatewayv1.LocalPolicyTargetReferenceWithSectionName, out *Object) (targets []BackendTLSTarget) {
	const effect = "The object encrypts no calls to it."
	const closes = "Calls to a Service of that name without other TLS settings fail."
	for i := range refs {
		t, at := &refs[i], fmt.Sprintf("spec.targetRefs[%d]", i)
		group, kind := string(t.Group), string(t.Kind)
		target := BackendTLSTarget{Index: i, Name: string(t.Name), SectionName: string(valueOr(t.SectionName, ""))}
		switch meant := hostKind(group, kind); {
		case kind == "": // It is required, so the object cannot be read, and another Problem says that.
		case group == "" && kind == string(KindService):
			targets = append(targets, target)
		case meant == KindService:
			target.Closed = true
			targets = append(targets, target)
			if kind != string(meant) {
				out.Report(mesh.CodeInvalidValue, mesh.Error, at+".kind", fmt.Sprintf("There is no kind %q. %s Write kind: Service and group: \"\".", kind, closes))
			} else {
				out.Report(mesh.CodeInvalidValue, mesh.Error, at+".group", fmt.Sprintf("The group of a Service is \"\", and not %q. %s Write group: \"\".", group, closes))
			}
		case meant != "" || group == hostGroups[KindServiceEntry] && kind == kindHostname:
			out.Report(mesh.CodeUnsupported, mesh.Error, at+".kind", fmt.Sprintf("The target is %s. %s Name a Service, or use a DestinationRule with the mode SIMPLE for the host.", withArticle(kind), effect))
		default:
			out.Report(mesh.CodeNotForMesh, mesh.Info, at, fmt.Sprintf("The target is %s of the group %q, which Mizzen does not read. %s Name a Service if its calls should be encrypted.", withArticle(kind), group, effect))
		}
	}
	if len(refs) == 0 {
		out.Report(mesh.CodeInvalidValue, mesh.Error, "spec.targetRefs", `There is no target. The object encrypts no calls. Add the Service to which calls should be encrypted: {group: "", kind: Service, name: NAME}.`)
	}
	return targets
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
	switch name := string(v.Hostname); {
	case name == "":
		refuse(mesh.CodeInvalidValue, "hostname", "The name of the server is not set. Calls fail. Set it.")
	case len(validation.IsDNS1123Subdomain(name)) > 0:
		refuse(mesh.CodeInvalidValue, "hostname", "%q is not a DNS name in lower case, so no certificate has it. Calls fail. Write the name alone, such as pay.example.com.", name)
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
