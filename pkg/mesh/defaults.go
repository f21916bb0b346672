package mesh

// Defaults are what holds where authors say nothing. The zero value is Istio's. It is comparable.
type Defaults struct {
	// NoRetries leaves calls alone whose rule says nothing of retries; else Istio's default policy retries them.
	NoRetries bool
}
