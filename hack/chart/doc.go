// Package chart tests the Helm chart in manifests/chart: what Helm 3 and Helm 4 make of it is what kustomize makes of the overlays, every value
// has an effect, and the schema refuses every typing error. It is a module of its own, so that the control plane does not depend on
// Helm. Run its tests with -count=1: Go does not see that files outside of the module have changed. `go -C hack/chart tool helm` is Helm
// itself.
package chart
