package access

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// OtherMethods stands in a Matrix for methods that no policy names.
const OtherMethods = "*"

// Matrix is who may call what.
type Matrix struct {
	// Methods are those of the entries: the paths in policies, and OtherMethods.
	Methods []string `json:"methods"`
	Entries []Entry  `json:"entries"`
}

// Entry is what one account may call on one port of a Service, without headers and from an address that is not known.
type Entry struct {
	From string `json:"from"`
	// To is SERVICE.NAMESPACE:PORT.
	To string `json:"to"`
	// Allowed are the methods that it may call. It is empty if there are none.
	Allowed []string `json:"allowed"`
}

// MakeMatrix decides the calls of all accounts to all Services. accounts are added to those that the objects name.
func MakeMatrix(w *mesh.World, accounts []Account) Matrix {
	m := Matrix{Methods: methods(w, func(*mesh.AuthorizationPolicy) bool { return true }), Entries: []Entry{}}
	accounts = with(accounts, Accounts(w))
	services := slices.Collect(maps.Values(maps.Collect(w.Services.All())))
	slices.SortFunc(services, func(a, b *mesh.Service) int { return a.Ref.Compare(b.Ref) })
	for _, service := range services {
		m.add(w, service, accounts)
	}
	return m
}

// MatrixOf decides the calls to one Service of the accounts that the objects name, of at most so many accounts and
// methods. leftOut is how many accounts there are beyond them.
func MatrixOf(w *mesh.World, service *mesh.Service, mostAccounts, mostMethods int) (m Matrix, leftOut int) {
	concerned := func(p *mesh.AuthorizationPolicy) bool {
		return p.Ref.Namespace == service.Ref.Namespace || p.Ref.Namespace == w.RootNamespace
	}
	m = Matrix{Methods: methods(w, concerned), Entries: []Entry{}}
	m.Methods = m.Methods[max(0, len(m.Methods)-mostMethods):] // OtherMethods is the last one
	accounts := with(nil, Accounts(w))
	if leftOut = max(0, len(accounts)-mostAccounts); leftOut > 0 {
		accounts = accounts[:mostAccounts]
	}
	m.add(w, service, accounts)
	return m, leftOut
}

// with returns both lists as one, sorted.
func with(accounts, more []Account) []Account {
	all := append(slices.Clone(accounts), more...)
	mesh.SortFunc(all, Account.Compare)
	return slices.Compact(all)
}

// add decides the calls of the accounts to a Service.
func (m *Matrix) add(w *mesh.World, service *mesh.Service, accounts []Account) {
	if service.ResolvedByClients() {
		return
	}
	for _, port := range service.PortsFor(mesh.FamilyGRPC) {
		servers := Servers(w, service, port, nil)
		to := service.Ref.Name + "." + service.Ref.Namespace + ":" + strconv.FormatUint(uint64(port.Number), 10)
		for _, from := range accounts {
			m.Entries = append(m.Entries, Entry{from.String(), to, allowed(w, servers, from, to, m.Methods)})
		}
	}
}

// allowed returns the methods that an account may call.
func allowed(w *mesh.World, servers []*Server, from Account, to string, methods []string) []string {
	found := []string{}
	for _, method := range methods {
		if decide(w, servers, Question{From: from, To: to, Method: example(method)}).Allowed {
			found = append(found, method)
		}
	}
	return found
}

// methods returns the paths that the concerned policies name, sorted, and OtherMethods.
func methods(w *mesh.World, concerned func(*mesh.AuthorizationPolicy) bool) []string {
	found := map[string]bool{}
	eachRule(w, func(policy *mesh.AuthorizationPolicy, rule *security.Rule) {
		if !concerned(policy) {
			return
		}
		for _, to := range rule.GetTo() {
			for _, path := range slices.Concat(to.GetOperation().GetPaths(), to.GetOperation().GetNotPaths()) {
				found[path] = true
			}
		}
		for _, when := range rule.GetWhen() {
			if when.GetKey() == "request.headers[:path]" {
				for _, path := range slices.Concat(when.GetValues(), when.GetNotValues()) {
					found[path] = true
				}
			}
		}
	})
	delete(found, OtherMethods)
	all := slices.DeleteFunc(slices.Sorted(maps.Keys(found)), func(path string) bool { return strings.Count(example(path), "/") != 2 })
	return append(all, OtherMethods)
}

// example returns a method that a path of a policy matches, and most likely no other path.
func example(path string) string {
	const name = "-"
	path = strings.NewReplacer("{**}", name, "{*}", name).Replace(path)
	if rest, ok := strings.CutPrefix(path, "*"); ok {
		path = strings.Repeat("/"+name, max(0, 2-strings.Count(rest, "/"))) + rest
	}
	if rest, ok := strings.CutSuffix(path, "*"); ok {
		path = rest + name + strings.Repeat("/"+name, max(0, 2-strings.Count(rest, "/")))
	}
	return path
}

// Accounts returns the service accounts that the objects name: those of pods, and those in policies.
func Accounts(w *mesh.World) []Account {
	found := map[Account]bool{}
	add := func(text string) {
		if account, err := ParseAccount(text); err == nil {
			found[account] = true
		}
	}
	for _, p := range w.Pods.All() {
		add(p.Ref.Namespace + "/" + p.ServiceAccount)
	}
	eachRule(w, func(policy *mesh.AuthorizationPolicy, rule *security.Rule) {
		var principals, accounts []string
		for _, from := range rule.GetFrom() {
			s := from.GetSource()
			principals = slices.Concat(principals, s.GetPrincipals(), s.GetNotPrincipals())
			accounts = slices.Concat(accounts, s.GetServiceAccounts(), s.GetNotServiceAccounts())
		}
		for _, when := range rule.GetWhen() {
			both := slices.Concat(when.GetValues(), when.GetNotValues())
			switch when.GetKey() {
			case "source.principal":
				principals = append(principals, both...)
			case "source.serviceAccount":
				accounts = append(accounts, both...)
			}
		}
		for _, text := range principals {
			if parts := strings.Split(text, "/"); len(parts) == 5 {
				add(parts[2] + "/" + parts[4])
			}
		}
		for _, text := range accounts {
			if !strings.Contains(text, "/") {
				text = policy.Ref.Namespace + "/" + text
			}
			add(text)
		}
	})
	return slices.Collect(maps.Keys(found))
}

// eachRule visits the rules of all AuthorizationPolicies.
func eachRule(w *mesh.World, visit func(*mesh.AuthorizationPolicy, *security.Rule)) {
	for _, set := range w.Security.All() {
		for _, policy := range set.AuthorizationPolicies {
			for _, rule := range policy.Spec.GetRules() {
				visit(policy, rule)
			}
		}
	}
}
