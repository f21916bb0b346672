package admin

import (
	"net/http"
	"strings"
	"time"
)

const (
	// readTimeout is how long a client may take to read a piece of an answer. It is not the time for the whole answer: a slow
	// connection may take minutes for a large one.
	readTimeout = 10 * time.Second
	// pieceSize is the size of a piece, in bytes.
	pieceSize = 64 << 10
	// maxScrapes is how many answers with metrics are made or read at once. Each is a copy of all of them.
	maxScrapes = 4
)

// endStalled ends the answers that a client stops to read. Each would be kept in memory as long as the connection is open.
func endStalled(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Content-Type"), grpcContent) { // gRPC's streams stay open, and have limits in gRPC
			w = &timedWriter{w, http.NewResponseController(w)}
		}
		next.ServeHTTP(w, r)
	})
}

// timedWriter is a ResponseWriter whose client must read on.
type timedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

// Unwrap is for http.ResponseController: who sets a deadline later has the last word.
func (w *timedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *timedWriter) Write(all []byte) (written int, err error) {
	for first := true; first || len(all) > 0; first = false {
		_ = w.control.SetWriteDeadline(time.Now().Add(readTimeout)) // if it cannot be set, Write fails or needs none
		n, err := w.ResponseWriter.Write(all[:min(len(all), pieceSize)])
		written += n
		if err != nil {
			return written, err
		}
		all = all[n:]
	}
	return written, nil
}
