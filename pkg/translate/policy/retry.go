package policy

// RetryStatuses is the condition by which clients of Envoy's API retry on the statuses of a list.
const RetryStatuses = "retriable-status-codes"

// HTTPRetryConditions are the conditions of Envoy's API that plain HTTP calls can meet.
var HTTPRetryConditions = []string{
	"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream", RetryStatuses,
}
