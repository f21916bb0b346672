package signer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/internal/event"
)

// reasonIssued is the reason of the condition Issued.
const reasonIssued = "Issued"

// maxMessage bounds the message of a condition, which may quote a request.
const maxMessage = 1000

// answerer answers requests.
type answerer struct {
	requests *requests
	keeper   *keeper
	cluster  Cluster
	lifetime time.Duration
	metrics  *metrics
	logger   *slog.Logger

	// mu protects failure.
	mu      sync.Mutex
	failure failure
}

// run answers requests from the queue until it is shut down, when ctx ends. An answer that was begun is written.
func (a *answerer) run(ctx context.Context) {
	for {
		name, down := a.requests.queue.Get()
		if down || ctx.Err() != nil {
			return
		}
		r := a.requests.get(name)
		switch err := a.tryAnswer(context.WithoutCancel(ctx), r); {
		case err == nil, errors.Is(err, errNoAuthority):
			// The keeper puts all requests into the queue again as soon as an authority may sign.
			a.requests.queue.Forget(name)
		default:
			a.requests.queue.AddRateLimited(name)
		}
		a.requests.queue.Done(name)
	}
}

// tryAnswer answers a request, which may be gone meanwhile, if this replica leads.
func (a *answerer) tryAnswer(ctx context.Context, r *certificatesv1.PodCertificateRequest) error {
	if r == nil || !a.keeper.isLeading() {
		return nil
	}
	err := a.answer(ctx, r)
	if !errors.Is(err, errNoAuthority) {
		a.note(r, err)
	}
	return err
}

// note counts and logs failures. A conflict means that the request has changed meanwhile: its next version follows.
func (a *answerer) note(r *certificatesv1.PodCertificateRequest, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	isNew := a.failure.isNew(err)
	if err == nil || apierrors.IsConflict(err) {
		return
	}
	a.metrics.failures.WithLabelValues(failedAnswer).Inc()
	if isNew {
		a.logger.Warn("cannot answer a request for a certificate; it is tried again", "request", nameOf(r).String(), "pod", r.Spec.PodName, "error", err)
	}
}

// answer writes the answer to a request.
func (a *answerer) answer(ctx context.Context, r *certificatesv1.PodCertificateRequest) error {
	status, result, err := a.decide(ctx, r)
	if err != nil {
		return err
	}
	answer := r.DeepCopy()
	answer.Status = status
	switch err := a.cluster.PutStatus(ctx, answer); {
	case apierrors.IsNotFound(err):
		a.requests.done(r)
		return nil
	case err != nil:
		return err
	}
	a.requests.done(r)
	a.metrics.answers.WithLabelValues(result).Inc()
	a.metrics.seconds.Observe(time.Since(r.CreationTimestamp.Time).Seconds())
	if result != resultIssued {
		c := status.Conditions[0]
		a.logger.Info("refused a request for a certificate", "request", nameOf(r).String(), "pod", r.Spec.PodName, "reason", c.Reason, "message", c.Message)
	}
	return nil
}

// decide returns the answer to a request, and its name in metrics.
func (a *answerer) decide(ctx context.Context, r *certificatesv1.PodCertificateRequest) (status certificatesv1.PodCertificateRequestStatus, result string, err error) {
	key, refused := examine(r)
	if refused != nil {
		result = resultDenied
		if refused.kind == certificatesv1.PodCertificateRequestConditionTypeFailed {
			result = resultFailed
		}
		status.Conditions = []metav1.Condition{condition(refused.kind, refused.reason, refused.message)}
		return status, result, nil
	}
	leaf, id, err := a.keeper.sign(ctx, key, r.Namespace, r.Spec.ServiceAccountName, lifetime(r, a.lifetime))
	if err != nil {
		return status, "", err
	}
	return certificatesv1.PodCertificateRequestStatus{
		Conditions:       []metav1.Condition{condition(certificatesv1.PodCertificateRequestConditionTypeIssued, reasonIssued, "The certificate is for "+id)},
		CertificateChain: string(leaf.Chain),
		NotBefore:        &metav1.Time{Time: leaf.NotBefore}, BeginRefreshAt: &metav1.Time{Time: leaf.BeginRefreshAt}, NotAfter: &metav1.Time{Time: leaf.NotAfter},
	}, resultIssued, nil
}

func condition(kind, reason, message string) metav1.Condition {
	return metav1.Condition{
		Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: event.Clip(message, maxMessage),
		LastTransitionTime: metav1.Time{Time: time.Now().Truncate(time.Second)},
	}
}
