package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// Path is where the page is served. Its views are fragments of this address, such as /ui/#/problems: they can be pasted
// elsewhere, and no server sees them.
const Path = "/ui/"

//go:embed dist
var dist embed.FS

// contentTypes are the kinds of files that there are.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
}

// file is one file of the page.
type file struct {
	name    string
	content []byte
	// tag is a hash of the content.
	tag string
}

// Handler serves the files of the page below Path.
func Handler() http.Handler {
	files := readAll()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, Path)
		if name == "" {
			name = "index.html"
		}
		found, ok := files[name]
		if !ok {
			http.Error(w, "the page has no such file: its address is "+Path, http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", contentTypes[path.Ext(name)])
		w.Header().Set("Cache-Control", "no-cache") // kept, and asked about each time: a new release is seen at once
		w.Header().Set("Etag", found.tag)
		if strings.Contains(r.Header.Get("If-None-Match"), found.tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(found.content) // the client may have closed the connection
	})
}

// readAll reads the embedded files of the known kinds.
func readAll() map[string]file {
	files := map[string]file{}
	entries, _ := fs.ReadDir(dist, "dist") // it is embedded
	for _, entry := range entries {
		if _, known := contentTypes[path.Ext(entry.Name())]; !known {
			continue
		}
		content, _ := dist.ReadFile("dist/" + entry.Name())
		sum := sha256.Sum256(content)
		files[entry.Name()] = file{entry.Name(), content, `"` + hex.EncodeToString(sum[:12]) + `"`}
	}
	return files
}
