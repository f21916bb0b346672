package authority

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Files are the certificate, key and authorities of a pod, in a folder that is laid out and changed as kubelet does it: tls.crt, tls.key
// and ca.crt are links into the folder ..data, which itself is a link that is replaced in one step.
type Files struct {
	// Dir is the folder.
	Dir string

	t                  testing.TB
	namespace, account string
	// leaf is the certificate and its key, roots are the authorities.
	certificate, key, roots []byte
	// version counts the folders behind ..data.
	version int
}

// Pod issues a certificate to a pod of that service account, and lays out its files. The pod trusts this authority. Without an account
// the certificate has no identity.
func (a *Authority) Pod(namespace, account string) *Files {
	a.t.Helper()
	f := &Files{Dir: a.t.TempDir(), t: a.t, namespace: namespace, account: account}
	f.roots = a.pem
	f.Renew(a)
	return f
}

// Renew replaces the certificate and its key by new ones of an authority.
func (f *Files) Renew(by *Authority) {
	f.t.Helper()
	f.certificate, f.key = by.issue(newKey(f.t), f.namespace, f.account)
	f.swap()
}

// Trust replaces the authorities.
func (f *Files) Trust(all ...*Authority) {
	f.t.Helper()
	var roots bytes.Buffer
	for _, a := range all {
		roots.Write(a.pem)
	}
	f.roots = roots.Bytes()
	f.swap()
}

// swap shows all files anew in one step.
func (f *Files) swap() {
	f.t.Helper()
	f.version++
	folder := fmt.Sprintf("..%d", f.version)
	f.check(os.Mkdir(filepath.Join(f.Dir, folder), 0o700))
	for name, content := range map[string][]byte{"tls.crt": f.certificate, "tls.key": f.key, "ca.crt": f.roots} {
		f.check(os.WriteFile(filepath.Join(f.Dir, folder, name), content, 0o600))
		if f.version == 1 {
			f.check(os.Symlink(filepath.Join("..data", name), filepath.Join(f.Dir, name)))
		}
	}
	data := filepath.Join(f.Dir, "..data")
	f.check(os.Symlink(folder, data+"_tmp"))
	f.check(os.Rename(data+"_tmp", data))
	if f.version > 1 {
		f.check(os.RemoveAll(filepath.Join(f.Dir, fmt.Sprintf("..%d", f.version-1))))
	}
}

func (f *Files) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// Pair is the certificate and key, for a client that does not read files.
func (f *Files) Pair() tls.Certificate {
	f.t.Helper()
	pair, err := tls.X509KeyPair(f.certificate, f.key)
	f.check(err)
	return pair
}
