// Package monitoring has no code, only tests: they evaluate the rules in manifests/monitoring with Prometheus' own engine. It is a
// module because the product must not depend on Prometheus.
package monitoring
