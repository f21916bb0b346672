// Command greeter is an ordinary Go service: it answers HTTP requests with its version. Nothing in it is for a mesh.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"
)

func main() {
	address := flag.String("address", "127.0.0.1:8081", "where to listen")
	version := flag.String("version", "v1", "what to answer")
	flag.Parse()
	server := &http.Server{
		Addr:              *address,
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, "hello from greeter %s\n", *version)
		}),
	}
	log.Fatal(server.ListenAndServe())
}
