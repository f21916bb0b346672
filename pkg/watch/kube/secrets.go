package kube

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// secretStore keeps Secrets for a reflector, and reports all of them whenever one changes.
type secretStore struct {
	logger  *slog.Logger
	changed func([]*corev1.Secret)

	// reporting is held while the Secrets are reported, so that the latest ones are reported last.
	reporting sync.Mutex

	// mu protects the fields below.
	mu      sync.Mutex
	secrets map[string]*corev1.Secret
	// listed is set once there were Secrets to report, or the answer that there are none.
	listed bool
	// failed is the last error of a list.
	failed string
}

// observe logs that the Secrets cannot be listed, once for each error.
func (s *secretStore) observe(ctx context.Context, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != s.failed && ctx.Err() == nil {
		s.logger.Warn("cannot list the Secrets of remote clusters; their clusters stay as they are", "error", err)
	}
	s.failed = text
}

func (s *secretStore) edit(change func() error) error {
	s.mu.Lock()
	err := change()
	s.listed = s.listed || err == nil
	s.mu.Unlock()
	if err == nil {
		s.report()
	}
	return err
}

// report reports all Secrets, once they were listed.
func (s *secretStore) report() {
	s.reporting.Lock()
	defer s.reporting.Unlock()
	s.mu.Lock()
	all, listed := make([]*corev1.Secret, 0, len(s.secrets)), s.listed
	for _, name := range slices.Sorted(maps.Keys(s.secrets)) {
		all = append(all, s.secrets[name])
	}
	s.mu.Unlock()
	if listed {
		s.changed(all)
	}
}

// reportOn reports all Secrets whenever a channel has a value. It returns when ctx ends.
func (s *secretStore) reportOn(ctx context.Context, again <-chan struct{}) {
	for {
		select {
		case <-again:
			s.report()
		case <-ctx.Done():
			return
		}
	}
}

func (s *secretStore) put(raw any) error {
	u, ok := raw.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("unexpected type %T", raw)
	}
	var secret corev1.Secret
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &secret); err != nil {
		return fmt.Errorf("read Secret %s: %w", u.GetName(), err)
	}
	s.secrets[secret.Name] = &secret
	return nil
}

// Add implements cache.ReflectorStore.
func (s *secretStore) Add(raw any) error { return s.edit(func() error { return s.put(raw) }) }

// Update implements cache.ReflectorStore.
func (s *secretStore) Update(raw any) error { return s.Add(raw) }

// Delete implements cache.ReflectorStore.
func (s *secretStore) Delete(raw any) error {
	return s.edit(func() error {
		if u, ok := raw.(*unstructured.Unstructured); ok {
			delete(s.secrets, u.GetName())
		}
		return nil
	})
}

// Replace implements cache.ReflectorStore.
func (s *secretStore) Replace(list []any, _ string) error {
	return s.edit(func() error {
		clear(s.secrets)
		for _, raw := range list {
			if err := s.put(raw); err != nil {
				return err
			}
		}
		return nil
	})
}

// Resync implements cache.ReflectorStore. It has nothing to do.
func (s *secretStore) Resync() error { return nil }
