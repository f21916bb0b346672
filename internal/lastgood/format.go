package lastgood

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// header is the first line of the file. Its number changes with the file format.
const header = "mizzen last good 1\n"

// errDamaged means that the checksum does not match.
var errDamaged = errors.New("the file is damaged, and is not used")

// encode writes the header, the compressed text, and the SHA-256 of both.
func encode(w io.Writer, write func(io.Writer) error) error {
	sum := sha256.New()
	out := bufio.NewWriterSize(w, 1<<16)
	summed := io.MultiWriter(out, sum)
	if _, err := io.WriteString(summed, header); err != nil {
		return err
	}
	// Speed matters more than size, because the file is written every few seconds.
	packed, err := gzip.NewWriterLevel(summed, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := errors.Join(write(packed), packed.Close()); err != nil {
		return err
	}
	if _, err := out.Write(sum.Sum(nil)); err != nil {
		return err
	}
	return out.Flush()
}

// decode verifies the content of a file and returns the text.
func decode(raw []byte) (io.Reader, error) {
	body, sum := raw, []byte(nil)
	if len(raw) >= sha256.Size {
		body, sum = raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	}
	if found := sha256.Sum256(body); !bytes.Equal(found[:], sum) {
		return nil, errDamaged
	}
	packed, ok := bytes.CutPrefix(body, []byte(header))
	if !ok {
		first, _, _ := bytes.Cut(body, []byte("\n"))
		return nil, fmt.Errorf("it is in a form that this version does not read: %.40q", first)
	}
	text, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return text, nil
}
