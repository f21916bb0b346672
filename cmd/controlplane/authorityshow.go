package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/authority"
	"github.com/mizzen-mesh/mizzen/internal/signer"
)

// shownAuthority is what authority show prints.
type shownAuthority struct {
	// Problem is why the authority in the Secret cannot be used.
	Problem string         `json:"problem,omitempty"`
	Desired *shownPart     `json:"desired,omitempty"`
	InUse   *shownPart     `json:"inUse,omitempty"`
	Roots   []shownRoot    `json:"roots"`
	Step    authority.Step `json:"step"`
	Until   *time.Time     `json:"until,omitempty"`
	Signing bool           `json:"signing"`
}

// shownPart is an authority.
type shownPart struct {
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Fingerprint string    `json:"fingerprint"`
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
}

// shownRoot is a root that is published, or is to be.
type shownRoot struct {
	Subject     string     `json:"subject"`
	Fingerprint string     `json:"fingerprint"`
	NotAfter    time.Time  `json:"notAfter"`
	PublishedAt *time.Time `json:"publishedAt,omitempty"`
	LeavesUntil *time.Time `json:"leavesUntil,omitempty"`
}

func newAuthorityShow(std stdio) *cobra.Command {
	var flags authorityFlags
	var waits waitFlags
	var output string
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the authority, and where its rotation is",
		Long: `Print the authority in the Secret "mizzen-workload-authority", the one in use, the published roots, and
the step of the rotation:

  none     the authority in the Secret signs, and its root is the only one
  publish  its root is published; the previous authority signs until every pod has the root
  retire   it signs; the previous root stays until its last certificate has expired

The exit code is 1 if the authority in the Secret cannot be used or no authority may sign, and 2 if
the command line is invalid. Keys are not printed.`,
		Example: `  controlplane authority show
  controlplane authority show --context kind-mizzen -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != outputText && output != outputJSON {
				return usageErrorf(cmd, "unknown output %q: it is one of text, json", output)
			}
			if err := flags.validate(cmd); err != nil {
				return err
			}
			if err := waits.validate(cmd); err != nil {
				return err
			}
			return flags.show(cmd.Context(), std, waits.Waits, output == outputJSON)
		},
	}
	flags.register(cmd)
	waits.register(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", outputText, "form of the output: `text|json`")
	return cmd
}

func (f *authorityFlags) show(ctx context.Context, std stdio, waits authority.Waits, asJSON bool) error {
	cluster, err := f.reach(std)
	if err != nil {
		return err
	}
	seen, err := signer.Read(ctx, cluster, f.namespace, f.trustDomain)
	if err != nil {
		return err
	}
	shown := newShownAuthority(seen, time.Now(), waits)
	text, err := shown.text()
	if asJSON {
		text, err = json.MarshalIndent(shown, "", "  ")
		text = append(text, '\n')
	}
	if err != nil {
		return err
	}
	if err := std.print(text); err != nil {
		return err
	}
	if shown.Problem != "" || !shown.Signing {
		return errFound
	}
	return nil
}

func newShownAuthority(seen *signer.Seen, now time.Time, waits authority.Waits) *shownAuthority {
	d := seen.Decide(now, waits)
	s := &shownAuthority{
		Desired: showPart(seen.Desired), InUse: showPart(seen.InUse), Roots: []shownRoot{}, Step: d.Step, Until: moment(d.Until), Signing: d.Signing != nil,
	}
	if problem := seen.Problem(now); problem != nil {
		s.Problem = problem.Error()
	}
	for _, r := range d.State.Roots {
		s.Roots = append(s.Roots, shownRoot{
			Subject: r.Certificate.Subject.String(), Fingerprint: authority.Fingerprint(r.Certificate), NotAfter: r.Certificate.NotAfter.UTC(),
			PublishedAt: moment(r.PublishedAt), LeavesUntil: moment(r.LeavesUntil),
		})
	}
	return s
}

func showPart(a *authority.Authority) *shownPart {
	if a == nil {
		return nil
	}
	c := a.Certificate
	return &shownPart{c.Subject.String(), c.Issuer.String(), authority.Fingerprint(c), a.NotBefore().UTC(), a.NotAfter().UTC()}
}

func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC().Truncate(time.Second)
	return &at
}

// text lays the authority out for people.
func (s *shownAuthority) text() ([]byte, error) {
	rows := [][]string{{"AUTHORITY", "FINGERPRINT", "SUBJECT", "SIGNED BY", "VALID UNTIL"}}
	for _, one := range []struct {
		name string
		part *shownPart
	}{{"in the Secret", s.Desired}, {"in use", s.InUse}} {
		if p := one.part; p != nil {
			by := p.Issuer
			if by == p.Subject {
				by = "itself"
			}
			rows = append(rows, []string{one.name, short(p.Fingerprint), p.Subject, by, p.NotAfter.Format(time.RFC3339)})
		} else {
			rows = append(rows, []string{one.name, "-", "-", "-", "-"})
		}
	}
	authorities, err := table(rows)
	if err != nil {
		return nil, err
	}
	rows = [][]string{{"ROOT", "VALID UNTIL", "PUBLISHED AT", "CERTIFICATES UNTIL"}}
	for _, r := range s.Roots {
		rows = append(rows, []string{short(r.Fingerprint), r.NotAfter.Format(time.RFC3339), orDash(r.PublishedAt), orDash(r.LeavesUntil)})
	}
	roots, err := table(rows)
	if err != nil {
		return nil, err
	}
	text := fmt.Appendf(nil, "%s\n%s\nrotation: %s", authorities, roots, s.Step)
	if s.Until != nil {
		text = fmt.Appendf(text, " until %s", orDash(s.Until))
	}
	text = append(text, '\n')
	if s.Problem != "" {
		text = fmt.Appendf(text, "problem: %s\n", s.Problem)
	}
	if !s.Signing {
		text = append(text, "no authority may sign: new pods with certificates wait\n"...)
	}
	return text, nil
}

func orDash(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return at.Format(time.RFC3339)
}

// short is the beginning of a fingerprint, as far as people compare it.
func short(fingerprint string) string { return fingerprint[:16] }
