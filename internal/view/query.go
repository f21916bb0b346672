package view

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// failure is the answer to a request that cannot be answered.
type failure struct {
	Error string `json:"error"`
	// Near are names that exist.
	Near []snapshot.Near `json:"near,omitempty"`
}

func fail(w http.ResponseWriter, status int, text string, near []snapshot.Near) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(failure{text, near}) // the client may have closed the connection
}

func answer(w http.ResponseWriter, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		fail(w, http.StatusInternalServerError, fmt.Sprintf("encode the answer: %v", err), nil)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(text, '\n')) // the client may have closed the connection
}

const (
	defaultLimit = 200
	maxLimit     = 5000
)

// part is the part of a list that is asked for.
type part struct{ offset, limit int }

// partOf reads the part from a query.
func partOf(q url.Values) (part, error) {
	p := part{limit: defaultLimit}
	for name, into := range map[string]*int{"offset": &p.offset, "limit": &p.limit} {
		text := q.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return part{}, fmt.Errorf("%s is %q, and not a number from 0 on", name, text)
		}
		*into = int(n)
	}
	p.limit = min(p.limit, maxLimit)
	return p, nil
}

// cut returns a part of a list.
func cut[T any](all []T, p part) []T {
	from := min(p.offset, len(all))
	return all[from:min(from+p.limit, len(all))]
}

// most cuts a list, and returns how many items are left out. The list is not nil.
func most[T any](all []T, n int) (kept []T, leftOut int) {
	if len(all) > n {
		return all[:n:n], len(all) - n
	}
	if all == nil {
		all = []T{}
	}
	return all, 0
}

// contains reports whether one of the texts contains what is searched for, in any case.
func contains(search string, texts ...string) bool {
	for _, text := range texts {
		if strings.Contains(strings.ToLower(text), search) {
			return true
		}
	}
	return search == ""
}
