package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// ofMachine returns the identity of a client outside of Kubernetes, which sends a token of its service account that is bound to
// no pod. A WorkloadEntry must say that the account runs at the address of the connection: a token that was copied
// from a machine is worth nothing elsewhere, and an account whose tokens pods use cannot be taken outside.
func (a *Authenticator) ofMachine(ctx context.Context, from connection, namespace, account string, expires time.Time) (Identity, error) {
	machine, ok := a.lookUpPod(ctx, func() (*mesh.Pod, bool) { return a.o.Pods.WorkloadAt(namespace, account, from.address) })
	if !ok {
		return Identity{}, fmt.Errorf("the token of service account %s/%s is bound to no pod, and no WorkloadEntry in namespace %s has the address %s and this serviceAccount: "+
			"in a pod, use the token that the kubelet projects; for a machine, create a WorkloadEntry", namespace, account, namespace, from.address)
	}
	id := ofPod(Token, machine)
	id.ServiceAccount, id.Expires = account, expires
	return id, nil
}

// Machine is the WorkloadKey of a machine outside of Kubernetes; empty for other clients.
func (id Identity) Machine() string {
	if id.Pod == nil || id.Pod.Ref.Kind != kindWorkloadEntry || len(id.Pod.Addresses) == 0 {
		return ""
	}
	return mesh.WorkloadKey(id.Namespace, id.ServiceAccount, id.Pod.Addresses[0])
}

// kindWorkloadEntry is the kind of the Pods of machines.
const kindWorkloadEntry = "WorkloadEntry"
