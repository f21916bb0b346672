package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// namedRules parses the names of rules as kubectl's users write them: KIND/NAME, KIND NAME, KIND NAMESPACE/NAME, and more
// names after a kind.
func namedRules(cmd *cobra.Command, args []string, namespace string) ([]mesh.Ref, error) {
	if cmd.Flags().Changed("for-namespace") && !validNamespace(namespace) {
		return nil, usageErrorf(cmd, "--for-namespace %q is not a namespace", namespace)
	}
	var named []mesh.Ref
	for i := 0; i < len(args); {
		kind, name, slash := strings.Cut(args[i], "/")
		row := ruleKind(kind)
		if row == nil {
			return nil, usageErrorf(cmd, "%s is not a rule: write vs/NAME, or VirtualService NAMESPACE/NAME; the kinds are %s", strings.Join(args[i:min(i+2, len(args))], " "), strings.Join(ruleKinds(), ", "))
		}
		i++
		texts := []string{name}
		if !slash {
			// The first text after a kind is a name, even if it is also the name of a kind.
			from := i
			for i < len(args) && (i == from || !startsRule(args[i])) {
				i++
			}
			texts = args[from:i]
		} else if strings.Contains(name, "/") {
			return nil, usageErrorf(cmd, "%s is not KIND/NAME: write the namespace with -n, or write %s NAMESPACE/NAME", args[i-1], kind)
		}
		if len(texts) == 0 {
			return nil, usageErrorf(cmd, "%s has no name: write objects as KIND NAMESPACE/NAME, such as: VirtualService shop/cart", kind)
		}
		for _, text := range texts {
			ref, err := ruleRef(cmd, row, text, namespace)
			if err != nil {
				return nil, err
			}
			named = append(named, ref)
		}
	}
	return named, nil
}

// startsRule reports whether an argument is a kind, or KIND/NAME. A namespace may have the name of a kind only in the
// first name after a kind.
func startsRule(arg string) bool {
	kind, _, _ := strings.Cut(arg, "/")
	return ruleKind(kind) != nil
}

// ruleKind finds a kind of rules by its name, its resource, its short name, and each of them with its version or group.
func ruleKind(text string) *object.KindRow {
	text = strings.ToLower(text)
	for row := range object.Authored() {
		singular, plural := strings.ToLower(string(row.Kind)), row.Resource.Resource
		for _, name := range []string{singular, plural, ruleShortNames[row.Kind]} {
			rest, ok := strings.CutPrefix(text, name)
			ok = ok && name != "" // The Gateway API has no short names.
			group := "." + row.Resource.Group
			version := strings.TrimPrefix(strings.TrimSuffix(rest, group), ".")
			known := version == "" || version == row.Resource.Version || slices.Contains(row.OtherVersions, version)
			if ok && (rest == "" || strings.HasSuffix(rest, group) && known) {
				return row
			}
		}
	}
	return nil
}

// ruleShortNames are the short names of Istio's definitions.
var ruleShortNames = map[object.Kind]string{
	object.KindVirtualService: "vs", object.KindDestinationRule: "dr", object.KindServiceEntry: "se", object.KindWorkloadEntry: "we",
	object.KindAuthorizationPolicy: "ap", object.KindPeerAuthentication: "pa", object.KindRequestAuthentication: "ra",
}

// ruleKinds are the names of the kinds of rules.
func ruleKinds() []string {
	var names []string
	for row := range object.Authored() {
		names = append(names, string(row.Kind))
	}
	return names
}

// ruleRef parses NAME or NAMESPACE/NAME.
func ruleRef(cmd *cobra.Command, row *object.KindRow, text, namespace string) (mesh.Ref, error) {
	ref := mesh.Ref{Kind: string(row.Kind), Namespace: namespace, Name: text}
	if before, after, ok := strings.Cut(text, "/"); ok {
		ref.Namespace, ref.Name = before, after
		if namespace != "" && namespace != before {
			return ref, usageErrorf(cmd, "%s %s is not in the namespace of -n %s", ref.Kind, text, namespace)
		}
		if !validNamespace(ref.Namespace) {
			return ref, usageErrorf(cmd, "%s %s: %q cannot be a namespace", ref.Kind, text, ref.Namespace)
		}
	}
	if !validName(ref.Name) {
		return ref, usageErrorf(cmd, "%s %s: %q cannot be the name of an object", ref.Kind, text, ref.Name)
	}
	return ref, nil
}
