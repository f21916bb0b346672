package status_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"

	"github.com/mizzen-mesh/mizzen/internal/status"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

var grpcRoutes = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "grpcroutes"}

const (
	// ofGateway is an entry of another controller. Its condition has a type that Mizzen also writes.
	ofGateway = `{parentRef: {group: gateway.networking.k8s.io, kind: Gateway, name: edge}, controllerName: example.org/gateway, ` +
		`conditions: [{type: Accepted, status: "True", reason: Theirs}]}`
	gatewayLine = "edge of example.org/gateway: Accepted=True Theirs"
	toEcho      = `{group: "", kind: Service, name: echo}`
	ownLine     = " of mizzen.dev/controlplane: Accepted=True Accepted, ResolvedRefs=True ResolvedRefs, mizzen.dev/Accepted=True Accepted, mizzen.dev/Programmed=True Programmed"
)

// grpcRoute is a GRPCRoute with parents and entries of its status.
func grpcRoute(parents, entries string) string {
	return fmt.Sprintf(`{apiVersion: gateway.networking.k8s.io/v1, kind: GRPCRoute, metadata: {name: echo, namespace: shop, generation: 1}, `+
		`spec: {parentRefs: [%s], rules: [{backendRefs: [{name: echo, port: 80}]}]}, status: {parents: [%s]}}`, parents, entries)
}

// routeRig is a cluster with a GRPCRoute.
func routeRig(t *testing.T, route string) *rig {
	t.Helper()
	r := newRig(t)
	if _, err := r.istio.Resource(grpcRoutes).Namespace("shop").Create(t.Context(), object(t, route), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	r.publish(t, route)
	return r
}

// entries returns the entries of the GRPCRoute, each as a line.
func (r *rig) entries(t *testing.T) []string {
	t.Helper()
	return r.entriesOf(t, grpcRoutes, "parents", "parentRef")
}

// entriesOf returns the entries of the object echo of a kind, each as a line.
func (r *rig) entriesOf(t *testing.T, kind schema.GroupVersionResource, name, ref string) (lines []string) {
	t.Helper()
	u, err := r.istio.Resource(kind).Namespace("shop").Get(t.Context(), "echo", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	list, _, _ := unstructured.NestedSlice(u.Object, "status", name)
	for _, item := range list {
		entry := item.(map[string]any)
		var conditions []string
		for _, one := range entry["conditions"].([]any) {
			c := one.(map[string]any)
			conditions = append(conditions, fmt.Sprint(c["type"], "=", c["status"], " ", c["reason"]))
		}
		lines = append(lines, fmt.Sprint(entry[ref].(map[string]any)["name"], " of ", entry["controllerName"], ": ", strings.Join(conditions, ", ")))
	}
	return lines
}

// TestKindsOfParents: the entry of a parent that is not a Service has its group and kind.
func TestKindsOfParents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := routeRig(t, grpcRoute("{group: networking.istio.io, kind: ServiceEntry, name: absent}, {group: multicluster.x-k8s.io, kind: ServiceImport, name: absent}", ""))
		stop := r.writer(t.Context(), "a")
		defer stop()
		wait(8 * time.Second)
		const line = "absent of mizzen.dev/controlplane: Accepted=False NoMatchingParent, ResolvedRefs=True ResolvedRefs, mizzen.dev/Accepted=True AcceptedWithRemarks, mizzen.dev/Programmed=True Programmed"
		same(t, "at first", r.entries(t), []string{line, line})
		u, err := r.istio.Resource(grpcRoutes).Namespace("shop").Get(t.Context(), "echo", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		list, _, _ := unstructured.NestedSlice(u.Object, "status", "parents")
		for _, item := range list {
			ref := item.(map[string]any)["parentRef"].(map[string]any)
			kinds = append(kinds, fmt.Sprint(ref["group"], "/", ref["kind"]))
		}
		same(t, "kinds", kinds, []string{"networking.istio.io/ServiceEntry", "multicluster.x-k8s.io/ServiceImport"})
		writes := r.routeWrites()
		wait(5 * time.Minute)
		if got := r.routeWrites(); got != writes {
			t.Errorf("%d writes without a change", got-writes)
		}
	})
}

// TestEntriesOfParents: entries of other controllers stay, ours come and go with the parents.
func TestEntriesOfParents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := routeRig(t, grpcRoute("{name: edge}, "+toEcho, ofGateway))
		stop := r.writer(t.Context(), "a")
		defer stop()
		wait(8 * time.Second)
		same(t, "at first", r.entries(t), []string{gatewayLine, "echo" + ownLine})
		writes := r.routeWrites()
		wait(5 * time.Minute)
		same(t, "writes while nothing changes", r.routeWrites(), writes)

		r.publish(t, grpcRoute("{name: edge}", ofGateway))
		wait(8 * time.Second)
		same(t, "without a parent of ours", r.entries(t), []string{gatewayLine})
	})
}

// routeWrites returns the number of updates of the status of GRPCRoutes.
func (r *rig) routeWrites() (writes int) {
	for _, a := range r.istio.Actions() {
		if a.GetResource() == grpcRoutes && a.GetSubresource() == "status" {
			writes++
		}
	}
	return writes
}

// TestOthersAreFaster: updates are refused four times, because another controller wrote its entry in between. The object is read again
// at once.
func TestOthersAreFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := routeRig(t, grpcRoute(toEcho, ""))
		refused := 0
		r.istio.PrependReactor("update", "grpcroutes", func(clienttesting.Action) (bool, runtime.Object, error) {
			if refused++; refused > 4 {
				return false, nil, nil
			}
			theirs := object(t, grpcRoute(toEcho, ofGateway))
			return true, nil, errors.Join(r.istio.Tracker().Update(grpcRoutes, theirs, "shop"), apierrors.NewConflict(grpcRoutes.GroupResource(), "echo", nil))
		})
		stop := r.writer(t.Context(), "a")
		defer stop()
		wait(4 * time.Second) // less than the time between two writes of an object
		same(t, "entries", r.entries(t), []string{gatewayLine, "echo" + ownLine})
	})
}

// TestForeignConditionsInOwnEntry: conditions of types that Mizzen does not own stay in its entry.
func TestForeignConditionsInOwnEntry(t *testing.T) {
	const before = `{parentRef: {group: "", kind: Service, name: echo}, controllerName: mizzen.dev/controlplane, conditions: [` +
		`{type: example.org/Seen, status: "True", reason: Theirs}, {type: Accepted, status: "True", reason: Old, lastTransitionTime: "2020-01-01T00:00:00Z"}]}`
	synctest.Test(t, func(t *testing.T) {
		r := routeRig(t, grpcRoute(toEcho, before))
		stop := r.writer(t.Context(), "a")
		defer stop()
		wait(8 * time.Second)
		same(t, "entries", r.entries(t), []string{"echo" + strings.Replace(ownLine, "Accepted", "example.org/Seen=True Theirs, Accepted", 1)})
		u, err := r.istio.Resource(grpcRoutes).Namespace("shop").Get(t.Context(), "echo", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint(u.Object["status"])
		for _, want := range []string{"lastTransitionTime:2020-01-01T00:00:00Z message:Clients", "parentRef:map[group: kind:Service name:echo]"} {
			if !strings.Contains(text, want) {
				t.Errorf("got %s\nwant it to contain %q", text, want)
			}
		}
	})
}

// TestFullListOfParents: the list has at most 32 entries, and those of others stay.
func TestFullListOfParents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := routeRig(t, grpcRoute(toEcho+`, {group: "", kind: Service, name: echo, port: 80}`, strings.Join(slices.Repeat([]string{ofGateway}, 31), ", ")))
		stop := r.writer(t.Context(), "a")
		defer stop()
		wait(8 * time.Second)
		same(t, "entries", r.entries(t), append(slices.Repeat([]string{gatewayLine}, 31), "echo"+ownLine))
		if want := `object="GRPCRoute shop/echo" left_out=1`; strings.Count(r.log.String(), want) != 1 {
			t.Errorf("got the log\n%s\nwant %q in it once", r.log.String(), want)
		}
	})
}

// TestRemovalOfEntries: with Mizzen its entries go, and the list stays, because definitions require it.
func TestRemovalOfEntries(t *testing.T) {
	const entry = `{parentRef: {group: "", kind: Service, name: echo}, controllerName: mizzen.dev/controlplane, conditions: [{type: Accepted, status: "True"}, {type: mizzen.dev/Accepted, status: "True"}]}`
	r := routeRig(t, grpcRoute(toEcho, ofGateway+", "+entry))
	var removed []string
	removal := status.Removal{Dynamic: r.istio, Absent: func(string) {}, Removed: func(ref mesh.Ref, types []string, err error) {
		if ref.Kind == "GRPCRoute" {
			removed = append(removed, fmt.Sprint(ref, " ", types, " ", err))
		}
	}}
	if _, err := removal.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "removed", removed, []string{"GRPCRoute shop/echo [Accepted mizzen.dev/Accepted] <nil>"})
	same(t, "entries", r.entries(t), []string{gatewayLine})
}

var backendTLSPolicies = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "backendtlspolicies"}

// TestAncestors: a BackendTLSPolicy has an entry for each of its targets, beside those of other controllers.
func TestAncestors(t *testing.T) {
	const (
		policy = `{apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy, metadata: {name: echo, namespace: shop, generation: 1}, ` +
			`spec: {targetRefs: [{group: "", kind: Service, name: echo}, {group: "", kind: Service, name: absent}, {group: x, kind: Other, name: z}], validation: {hostname: a, %s}}, status: {ancestors: [%s]}}`
		theirs = `{ancestorRef: {group: gateway.networking.k8s.io, kind: Gateway, name: edge}, controllerName: example.org/gateway, conditions: [{type: Accepted, status: "True", reason: Theirs}]}`
		others = "edge of example.org/gateway: Accepted=True Theirs"
		rest   = ", mizzen.dev/Accepted=True AcceptedWithRemarks, mizzen.dev/Programmed=True Programmed"
	)
	for name, test := range map[string]struct {
		validation string
		want       []string
	}{
		"system": {"wellKnownCACertificates: System", []string{
			others, "echo of mizzen.dev/controlplane: Accepted=True Accepted, ResolvedRefs=True ResolvedRefs" + rest,
			"absent of mizzen.dev/controlplane: Accepted=False TargetNotFound, ResolvedRefs=True ResolvedRefs" + rest,
		}},
		"certificates": {"caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}]", []string{
			others, "echo of mizzen.dev/controlplane: Accepted=False NoValidCACertificate, ResolvedRefs=False InvalidKind" + strings.Replace(rest, "True AcceptedWithRemarks", "False Unsupported", 1),
			"absent of mizzen.dev/controlplane: Accepted=False TargetNotFound, ResolvedRefs=False InvalidKind" + strings.Replace(rest, "True AcceptedWithRemarks", "False Unsupported", 1),
		}},
		"neither": {"wellKnownCACertificates: Mine", []string{
			others, "echo of mizzen.dev/controlplane: Accepted=False Invalid, ResolvedRefs=True ResolvedRefs" + strings.Replace(rest, "True AcceptedWithRemarks", "False InvalidValue", 1),
			"absent of mizzen.dev/controlplane: Accepted=False TargetNotFound, ResolvedRefs=True ResolvedRefs" + strings.Replace(rest, "True AcceptedWithRemarks", "False InvalidValue", 1),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				text := fmt.Sprintf(policy, test.validation, theirs)
				if _, err := r.istio.Resource(backendTLSPolicies).Namespace("shop").Create(t.Context(), object(t, text), metav1.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
				r.publish(t, text)
				stop := r.writer(t.Context(), "a")
				defer stop()
				wait(8 * time.Second)
				same(t, "entries", r.entriesOf(t, backendTLSPolicies, "ancestors", "ancestorRef"), test.want)
				var removed []string
				removal := status.Removal{Dynamic: r.istio, Absent: func(string) {}, Removed: func(ref mesh.Ref, _ []string, err error) {
					if ref.Kind == "BackendTLSPolicy" {
						removed = append(removed, fmt.Sprint(ref, err))
					}
				}}
				if _, err := removal.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				same(t, "removed", removed, []string{"BackendTLSPolicy shop/echo <nil>"})
				same(t, "after the removal", r.entriesOf(t, backendTLSPolicies, "ancestors", "ancestorRef"), []string{others})
			})
		})
	}
}
