package signer

import (
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// failure is the failure that was logged last, so that each is logged once while it repeats.
type failure string

// isNew records the outcome of an attempt, and reports whether it is an error that differs from the last one.
func (f *failure) isNew(err error) bool {
	before := *f
	*f = ""
	if err == nil {
		return false
	}
	*f = failure(err.Error())
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		*f = failure(apierrors.ReasonForError(err)) // The text may name an object.
	}
	return *f != before
}
