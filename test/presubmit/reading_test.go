package presubmit

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// maxReading is the maximum number of lines in the reading list: about an hour.
const maxReading = 1500

// TestReadingList keeps the reading list of docs/ARCHITECTURE.md short, and its numbers of lines close to the files.
func TestReadingList(t *testing.T) {
	page, err := os.ReadFile("../../docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	total, rows := 0, regexp.MustCompile("(?m)^\\| (\\d+) \\| `([^`]+)` \\|").FindAllSubmatch(page, -1)
	for _, row := range rows {
		path := string(row[2])
		text, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Errorf("the reading list names a file that cannot be read: %v", err)
			continue
		}
		lines := bytes.Count(text, []byte("\n"))
		total += lines
		if stated, _ := strconv.Atoi(string(row[1])); stated*10 < lines*8 || stated*8 > lines*10 {
			t.Errorf("%s has %d lines; the reading list states %d", path, lines, stated)
		}
	}
	if len(rows) == 0 || total > maxReading {
		t.Errorf("the reading list has %d files and %d lines, want some files and at most %d lines", len(rows), total, maxReading)
	}
}
