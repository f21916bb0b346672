package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// Kubelet replaces all nodes and their kubelets: it gives each pod that names a node an address, runs it, and reports
// that it is ready. There is no scheduler; pods must name their node.
type Kubelet struct {
	Client kubernetes.Interface
	// Zones are the zones of the nodes, by node name. Their region is Region.
	Zones map[string]string
	// Run starts a pod as a server on that address and returns a function that stops it. The function is called when
	// the pod is being deleted, and the pod is removed when it returns, so it may drain.
	Run func(pod *corev1.Pod, address string) (stop func(), err error)

	mu   sync.Mutex
	next int
	stop map[types.UID]func()
	// again ends the watch of pods, so that a new one starts.
	again context.CancelFunc
	work  sync.WaitGroup
}

// Region is the region of all nodes.
const Region = "region-1"

// Serve creates the nodes and runs pods until ctx ends, then stops all pods.
func (k *Kubelet) Serve(ctx context.Context) error {
	k.stop = map[types.UID]func(){}
	for name, zone := range k.Zones {
		labels := map[string]string{corev1.LabelTopologyZone: zone, corev1.LabelTopologyRegion: Region}
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
		if _, err := k.Client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create node %s: %w", name, err)
		}
	}
	for ctx.Err() == nil {
		if err := k.follow(ctx); err != nil {
			return err
		}
	}
	k.work.Wait()
	for _, stop := range k.stop {
		stop()
	}
	return nil
}

// Relist ends the backoff after an outage of the API server, and drops the state of a watch whose history no longer
// exists.
func (k *Kubelet) Relist() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.again != nil {
		k.again()
	}
}

// follow watches all pods until ctx ends or Relist is called.
func (k *Kubelet) follow(ctx context.Context) error {
	pods := informers.NewSharedInformerFactory(k.Client, 0).Core().V1().Pods().Informer()
	see := func(object any) {
		if pod, ok := object.(*corev1.Pod); ok && pod.Spec.NodeName != "" {
			k.work.Go(func() { k.sync(ctx, pod) })
		}
	}
	if _, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    see,
		UpdateFunc: func(_, object any) { see(object) },
	}); err != nil {
		return err
	}
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	k.mu.Lock()
	k.again = cancel
	k.mu.Unlock()
	pods.RunWithContext(following)
	return nil
}

// sync starts a new pod, and stops one that is being deleted. Each happens once, whatever the order of calls.
func (k *Kubelet) sync(ctx context.Context, pod *corev1.Pod) {
	k.mu.Lock()
	stop, known := k.stop[pod.UID]
	switch {
	case pod.DeletionTimestamp != nil:
		// The entry stays, without a server, so that a late update does not restart the pod.
		k.stop[pod.UID] = func() {}
		k.mu.Unlock()
		if stop != nil {
			stop()
		}
		k.remove(ctx, pod)
	case !known:
		address := k.address()
		stop, err := k.Run(pod, address)
		if err == nil {
			k.stop[pod.UID] = stop
		}
		k.mu.Unlock()
		k.report(ctx, pod, address, err == nil)
	default:
		k.mu.Unlock()
	}
}

// address returns the address of the next pod: 10.77.1.1 and so on.
func (k *Kubelet) address() string {
	n := k.next
	k.next++
	return fmt.Sprintf("10.77.%d.%d", 1+n/254, 1+n%254)
}

// remove completes a deletion, however long the API server is unavailable.
func (k *Kubelet) remove(ctx context.Context, pod *corev1.Pod) {
	now := int64(0)
	options := metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: metav1.NewUIDPreconditions(string(pod.UID))}
	k.retry(ctx, func(ctx context.Context) error {
		return k.Client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, options)
	})
}

// report writes the pod's status, as a patch because others also write to the pod.
func (k *Kubelet) report(ctx context.Context, pod *corev1.Pod, address string, running bool) {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID},
		"status":   status(pod, address, running),
	})
	if err != nil {
		return
	}
	k.retry(ctx, func(ctx context.Context) error {
		_, err := k.Client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch,
			metav1.PatchOptions{}, "status")
		return err
	})
}

// retry repeats a write until the API server has answered it. A pod that no longer exists, or was replaced, is left
// alone.
func (k *Kubelet) retry(ctx context.Context, write func(context.Context) error) {
	_ = wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		err := write(ctx)
		return err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err), nil
	})
}

func status(pod *corev1.Pod, address string, running bool) corev1.PodStatus {
	now := metav1.Now()
	value := corev1.ConditionFalse
	if running {
		value = corev1.ConditionTrue
	}
	s := corev1.PodStatus{
		Phase: corev1.PodRunning, HostIP: HostIP, StartTime: &now,
		PodIP: address, PodIPs: []corev1.PodIP{{IP: address}},
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		s.Conditions = append(s.Conditions, corev1.PodCondition{Type: kind, Status: value, LastTransitionTime: now})
	}
	for _, c := range pod.Spec.Containers {
		s.ContainerStatuses = append(s.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Ready: running,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}
	return s
}
