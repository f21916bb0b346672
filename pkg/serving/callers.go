package serving

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// PolicyState is an AuthorizationPolicy with the servers that have it and the callers that it refuses, for inspection.
type PolicyState struct {
	Object mesh.Ref `json:"object"`
	Action string   `json:"action"`
	// DryRun is set if the policy is not enforced. Then its callers would be refused if it were.
	DryRun bool `json:"dryRun"`
	// Servers counts the ports of connected servers that it applies to, and InForce those of them that have it.
	Servers int `json:"servers"`
	InForce int `json:"inForce"`
	// Callers has an entry for each port of a Service on which it refuses callers altogether.
	Callers []CallerState `json:"callers"`
	// Replica names the replicas that know it. It is set by whoever asks several.
	Replica string `json:"replica,omitempty"`
}

// CallerState is a port of a Service with the accounts whose clients subscribe to it now. What they call is not known: an
// account that may call one method is not refused.
type CallerState struct {
	// To is SERVICE.NAMESPACE:PORT, and SUBSET, if the clients call only some of the endpoints, the labels of these.
	To     string `json:"to"`
	Subset string `json:"subset,omitempty"`
	// Accounts are NAMESPACE/NAME, sorted. Refused are those of them whose every call is refused.
	Accounts []string `json:"accounts"`
	Refused  []string `json:"refused"`
}

// callersMemo has the callers that policies refuse, as they were at a status revision.
type callersMemo struct {
	mu       sync.Mutex
	revision uint64
	known    bool
	found    map[*mesh.AuthorizationPolicy][]CallerState
}

// refusedCallers returns, for each policy that refuses callers altogether or would refuse them, these callers, sorted. It
// finds them once for each status revision.
func (s *Store) refusedCallers() map[*mesh.AuthorizationPolicy][]CallerState {
	s.callers.mu.Lock()
	defer s.callers.mu.Unlock()
	revision := s.StatusRevision() // before the Snapshot: a new one changes it
	if s.callers.known && s.callers.revision == revision {
		return s.callers.found
	}
	current := s.Current()
	if current == nil {
		return nil
	}
	found := map[*mesh.AuthorizationPolicy][]CallerState{}
	for to, set := range s.callersOf(current) {
		accounts := mesh.SortedFunc(maps.Keys(set), mesh.Account.Compare)
		by := map[*mesh.AuthorizationPolicy][]string{}
		for _, r := range current.Refusals(to, accounts) {
			by[r.Policy] = append(by[r.Policy], r.Account.String())
		}
		for policy, refused := range by {
			slices.Sort(refused)
			state := CallerState{To: dialed(current, to), Subset: labelText(to.Subset), Refused: slices.Compact(refused)}
			for _, account := range accounts {
				state.Accounts = append(state.Accounts, account.String())
			}
			found[policy] = append(found[policy], state)
		}
	}
	for _, states := range found {
		mesh.SortFunc(states, compareCallers)
	}
	s.callers.revision, s.callers.known, s.callers.found = revision, true, found
	return found
}

func compareCallers(a, b CallerState) int {
	return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.Subset, b.Subset))
}

// dialed writes a port as people dial it, SERVICE.NAMESPACE:PORT.
func dialed(current *snapshot.Snapshot, to snapshot.Callee) string {
	host := strings.TrimSuffix(to.Host, ".svc."+current.World().Domain)
	return fmt.Sprintf("%s:%d", host, to.Port)
}

func labelText(labels mesh.Labels) string {
	var all []string
	for key, value := range labels.Map() {
		all = append(all, key+"="+value)
	}
	slices.Sort(all)
	return strings.Join(all, ",")
}

// callersOf returns the accounts of the clients that subscribe to clusters of hosts with policies. A client whose account is
// not known is not among them.
func (s *Store) callersOf(current *snapshot.Snapshot) map[snapshot.Callee]map[mesh.Account]struct{} {
	callers := map[snapshot.Callee]map[mesh.Account]struct{}{}
	for _, c := range s.clusterSubscribers(current) {
		to, ok := current.CalleeOf(c.cluster, c.session.client)
		if !ok {
			continue
		}
		if callers[to] == nil {
			callers[to] = map[mesh.Account]struct{}{}
		}
		callers[to][c.session.info.Account] = struct{}{}
	}
	return callers
}

// clusterSubscriber is a stream of a known account that subscribes to a cluster.
type clusterSubscriber struct {
	cluster string
	session *Session
}

// clusterSubscribers lists those of clusters of hosts with policies. Only that is done under the lock.
func (s *Store) clusterSubscribers(current *snapshot.Snapshot) []clusterSubscriber {
	var all []clusterSubscriber
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, interests := range s.interests {
		if key.Scope != mesh.ScopeHost || !current.HasPolicies(key.Name) {
			continue
		}
		for e := range interests {
			session := e.sub.session
			if e.sub.t == snapshot.ClusterType && session.info.Account.Name != "" && !session.isHTTP() {
				all = append(all, clusterSubscriber{e.name, session})
			}
		}
	}
	return all
}

// callerProblems returns an info for each policy and port on which callers are refused altogether, or would be.
func (s *Store) callerProblems() []mesh.Problem {
	var all []mesh.Problem
	for policy, states := range s.refusedCallers() {
		for _, c := range states {
			verb := "the policy refuses every call of"
			if policy.DryRun {
				verb = "the policy would, if it were enforced, refuse every call of"
			}
			all = append(all, mesh.Problem{
				Code: mesh.CodeCallersRefused, Severity: mesh.Info, Object: policy.Ref,
				Message: fmt.Sprintf("Of %s whose clients subscribe to %s now, %s %d: %s. What they call is not known.",
					accounts(len(c.Accounts)), c.target(), verb, len(c.Refused), listed(c.Refused)),
			})
		}
	}
	return all
}

// accounts counts accounts.
func accounts(n int) string {
	if n == 1 {
		return "1 account"
	}
	return fmt.Sprintf("%d accounts", n)
}

// target names the port, and the subset if there is one.
func (c CallerState) target() string {
	if c.Subset == "" {
		return c.To
	}
	return c.To + " (" + c.Subset + ")"
}

// callerRemarks returns for each policy what its status says of callers. It contains no number of clients, so that the
// status changes only with the accounts.
func (s *Store) callerRemarks() map[mesh.Ref][]string {
	remarks := map[mesh.Ref][]string{}
	for policy, states := range s.refusedCallers() {
		for _, c := range states {
			verb := "it refuses every call of"
			if policy.DryRun {
				verb = "if it were enforced, it would refuse every call of"
			}
			remarks[policy.Ref] = append(remarks[policy.Ref], fmt.Sprintf("of the accounts whose clients subscribe to %s now, %s %s", c.target(), verb, listed(c.Refused)))
		}
	}
	return remarks
}

// countRefused counts accounts on ports that enforced policies refuse, or that others would refuse.
func (s *Store) countRefused(dryRun bool) int {
	n := 0
	for policy, states := range s.refusedCallers() {
		for _, c := range states {
			if policy.DryRun == dryRun {
				n += len(c.Refused)
			}
		}
	}
	return n
}

// Policies lists the AuthorizationPolicies by namespace and name.
func (s *Store) Policies() []PolicyState {
	current := s.Current()
	if current == nil {
		return []PolicyState{}
	}
	servers := map[mesh.Ref]*PolicyState{}
	refused := s.refusedCallers()
	all := []*PolicyState{}
	for _, set := range current.World().Security.All() {
		for _, policy := range set.AuthorizationPolicies {
			state := &PolicyState{Object: policy.Ref, Action: policy.Spec.GetAction().String(), DryRun: isTrial(policy), Callers: append([]CallerState{}, refused[policy]...)}
			servers[policy.Ref], all = state, append(all, state)
		}
	}
	for _, server := range s.Servers() {
		for _, ref := range slices.Concat(server.Policies, server.DryRun) {
			if state := servers[ref]; state != nil && server.State != Silent {
				state.Servers++
				if server.State == InForce {
					state.InForce++
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b *PolicyState) int { return a.Object.Compare(b.Object) })
	states := make([]PolicyState, len(all))
	for i, state := range all {
		states[i] = *state
	}
	return states
}

// MergePolicies makes one PolicyState of all about one policy, by namespace and name.
func MergePolicies(all []PolicyState) []PolicyState {
	mesh.SortStableFunc(all, func(a, b PolicyState) int { return a.Object.Compare(b.Object) })
	merged := []PolicyState{}
	for i := range all {
		one := all[i]
		last := len(merged) - 1
		if last < 0 || merged[last].Object != one.Object {
			merged = append(merged, one)
			continue
		}
		to := &merged[last]
		to.Servers, to.InForce, to.DryRun = to.Servers+one.Servers, to.InForce+one.InForce, to.DryRun || one.DryRun
		to.Callers = mergeCallers(append(slices.Clone(to.Callers), one.Callers...))
		if one.Replica != "" {
			to.Replica += "," + one.Replica
		}
	}
	return merged
}

func mergeCallers(all []CallerState) []CallerState {
	mesh.SortStableFunc(all, compareCallers)
	merged := []CallerState{}
	union := func(a, b []string) []string {
		return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
	}
	for _, one := range all {
		last := len(merged) - 1
		if last < 0 || compareCallers(merged[last], one) != 0 {
			merged = append(merged, one)
			continue
		}
		merged[last].Accounts, merged[last].Refused = union(merged[last].Accounts, one.Accounts), union(merged[last].Refused, one.Refused)
	}
	return merged
}
