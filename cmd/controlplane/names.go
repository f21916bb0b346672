package main

import (
	"k8s.io/apimachinery/pkg/util/validation"
)

// validNamespace reports whether an API server accepts the name for a namespace.
func validNamespace(name string) bool { return len(validation.IsDNS1123Label(name)) == 0 }

// validName reports whether an API server accepts the name for a pod or a rule.
func validName(name string) bool { return len(validation.IsDNS1123Subdomain(name)) == 0 }
