package admin

import (
	"net/http"
	"strings"
)

const (
	// grpcContent is how the content type of gRPC's requests begins.
	grpcContent = "application/grpc"
	// grpcUnimplemented is gRPC's status for a method that a server does not have.
	grpcUnimplemented = "12"
)

// answerGRPC tells gRPC clients of services that are not served here where they are served: the usual mistake is to
// dial the admin address for xDS.
func answerGRPC(served map[string]http.Handler, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Content-Type"), grpcContent) {
			next.ServeHTTP(w, r)
			return
		}
		for path := range served {
			if strings.HasPrefix(r.URL.Path, path) {
				next.ServeHTTP(w, r)
				return
			}
		}
		w.Header().Set("Content-Type", grpcContent)
		w.Header().Set("Grpc-Status", grpcUnimplemented)
		w.Header().Set("Grpc-Message", "this is the admin address of the control plane, which does not serve "+strings.Trim(r.URL.EscapedPath(), "/")+
			": xDS is served on its --xds-address, whose port is usually 15010")
	})
}
