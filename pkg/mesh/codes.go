package mesh

import "strings"

// The codes. Each appears in a golden.
const (
	// CodeUnreadable: a file or document cannot be parsed. The objects that it contained before stay in effect.
	CodeUnreadable Code = "Unreadable"
	// CodeFileSkipped: a file of a folder that is not read seems to contain objects.
	CodeFileSkipped Code = "FileSkipped"
	// CodeUnknownKind: an object of a kind that is not watched. It is skipped.
	CodeUnknownKind Code = "UnknownKind"
	// CodeUnknownField: a field that the API does not have, usually misspelled. It is ignored.
	CodeUnknownField Code = "UnknownField"
	// CodeDuplicateObject: two files contain the same object. The first one is in effect.
	CodeDuplicateObject Code = "DuplicateObject"
	// CodeInvalidValue: a value that the API does not allow.
	CodeInvalidValue Code = "InvalidValue"
	// CodeInvalidRegex: an expression that RE2 does not compile. The match matches nothing.
	CodeInvalidRegex Code = "InvalidRegex"
	// CodeNoWeight: all destinations of a route have weight 0. Its calls fail.
	CodeNoWeight Code = "NoWeight"
	// CodeWeightSum: the weights of a route do not sum to 100. They are in effect as shares of their sum.
	CodeWeightSum Code = "WeightSum"
	// CodeNoSuchHost: no Service has the host, which is a destination or looks like the host of a Service.
	CodeNoSuchHost Code = "NoSuchHost"
	// CodeNoSuchPort: the Service does not have the port, or no pod listens on it.
	CodeNoSuchPort Code = "NoSuchPort"
	// CodeNoSuchSubset: no DestinationRule declares the subset for the host.
	CodeNoSuchSubset Code = "NoSuchSubset"
	// CodeNoSuchDelegate: a rule delegates to a VirtualService that does not exist or is not a delegate.
	CodeNoSuchDelegate Code = "NoSuchDelegate"
	// CodeAlias: an object refers to a Service of type ExternalName, which is another name for a Service of the cluster.
	CodeAlias Code = "Alias"
	// CodeConflict: two objects configure one host, or declare one subset. The message names the one that is in
	// effect.
	CodeConflict Code = "Conflict"
	// CodeUnreachable: no call reaches a rule or match, because an earlier one matches its calls, because it matches no
	// gRPC call, or because no client sees it.
	CodeUnreachable Code = "Unreachable"
	// CodeNotForMesh: the rules of a VirtualService apply only to calls through gateways.
	CodeNotForMesh Code = "NotForMesh"
	// CodeUnsupported: gRPC does not support it.
	CodeUnsupported Code = "Unsupported"
	// CodeApproximated: gRPC does something similar. The message states what.
	CodeApproximated Code = "Approximated"
	// CodeNoCertificate: calls must be encrypted, but a client does not declare what it needs for that, or the service
	// accounts of endpoints are not known. These calls fail.
	CodeNoCertificate Code = "NoCertificate"
	// CodeIgnored: some client kinds or versions ignore it. The message states what happens to their calls.
	CodeIgnored Code = "Ignored"
	// CodeNotInjected: a pod of a namespace with the label for injection came without the bootstrap.
	CodeNotInjected Code = "NotInjected"
	// CodeRefused: a client rejected a resource that was made from the object.
	CodeRefused Code = "Refused"
	// CodeHeldBack: a resource that was made from the object is withheld because a client would reject it.
	CodeHeldBack Code = "HeldBack"
	// CodeInternal: a bug of the control plane. The object's resources are missing.
	CodeInternal Code = "Internal"
	// CodeTooLarge: an object is larger than the control plane reads.
	CodeTooLarge Code = "TooLarge"
	// CodeEndpointsVanished: a Service lost all its endpoints at once. Clients keep them for a while.
	CodeEndpointsVanished Code = "EndpointsVanished"
	// CodeEndpointPortMismatch: a Service and its endpoints have ports of different names, by which they belong together.
	CodeEndpointPortMismatch Code = "EndpointPortMismatch"
	// CodeNotResolved: a name of an endpoint has no address, or not all of its addresses are used.
	CodeNotResolved Code = "NotResolved"
	// CodeNoEndpoints: a Service has no endpoint that can be called.
	CodeNoEndpoints Code = "NoEndpoints"
	// CodeEmptySubset: a subset to which calls are sent has no endpoint that can be called.
	CodeEmptySubset Code = "EmptySubset"
	// CodeLastGood: the control plane started while it could not read from its cluster, and serves its saved state.
	CodeLastGood Code = "LastGood"
	// CodeClosed: servers cannot check a part of an AuthorizationPolicy, or a security object or a Route cannot be read. The
	// part closes: it allows nobody, or denies everybody, and calls to the parents of the Route fail.
	CodeClosed Code = "Closed"
	// CodeNoIdentity: an object needs certificates that pods do not have, or encryption that is off.
	CodeNoIdentity Code = "NoIdentity"
	// CodeNotEnforced: the servers of pods are not configured by xDS, so nothing enforces an object there.
	CodeNotEnforced Code = "NotEnforced"
	// CodeTokensNotChecked: no gRPC server checks the tokens of a RequestAuthentication.
	CodeTokensNotChecked Code = "TokensNotChecked"
	// CodeNotInForce: servers have not acknowledged what was made from an object, so what they had before is in force.
	CodeNotInForce Code = "NotInForce"
	// CodeCallersRefused: a policy refuses every call of accounts whose clients are connected and subscribe to the Service,
	// or would refuse them if it were enforced.
	CodeCallersRefused Code = "CallersRefused"
	// CodeNoPods: an object selects no pod.
	CodeNoPods Code = "NoPods"
	// CodeRollout: some clients follow a new version of the object, and others the version before.
	CodeRollout Code = "Rollout"
	// CodeRolloutAborted: the new version of the object made calls fail, so all clients follow the version before.
	CodeRolloutAborted Code = "RolloutAborted"
	// CodePinned: the rules for the host of a Service are held as of a generation, or cannot be.
	CodePinned Code = "Pinned"
	// CodeSourceLost: the control plane cannot read its cluster. The last known state stays in effect.
	CodeSourceLost Code = "SourceLost"
	// CodeTooManyEdges: clients report calls to more Services than are counted apart.
	CodeTooManyEdges Code = "TooManyEdges"
)

// CodeDoc is the documentation of one Code.
type CodeDoc struct {
	Code Code
	// Meaning states what was found and what happens, Remedy what to do.
	Meaning, Remedy string
}

// Codes returns the documentation of every Code, in the order of the constants.
func Codes() []CodeDoc { return append([]CodeDoc(nil), codes...) }

var codes = []CodeDoc{
	{
		CodeUnreadable, "A file, or a document in it, cannot be parsed. The objects that it contained before stay in effect. Its other documents are read. If it had none before, objects that protect servers close.",
		"Correct the line that the message names.",
	},
	{
		CodeFileSkipped, "A file of a folder seems to contain objects, but its name does not end in `.yaml`, `.yml` or `.json`, or begins with a dot, or the name of its folder does. It is not read.",
		"Follow the message: render a template, unpack a packed file, and rename another one or name it on the command line. A copy needs nothing.",
	},
	{
		CodeUnknownKind, "The object is of a kind that Mizzen does not read. It is skipped. It is a warning if rules depend on it, and an error if the kind or apiVersion is probably misspelled.",
		"Follow the message. An info needs nothing.",
	},
	{
		CodeUnknownField, "The API does not have this field; usually it is misspelled. The field is ignored, as by an API server. The rest of the object is in effect. In objects that protect servers the part that contains the field closes.",
		"Write the field that the message proposes, or remove the field.",
	},
	{
		CodeDuplicateObject, "Two files contain the same object. The object in the first file by name is in effect.",
		"Remove one of the two.",
	},
	{
		CodeInvalidValue, "The API does not allow this value. The smallest part that needs the value is dropped. The message says which: a match matches nothing, the calls of a rule fail, or a setting has its default. In objects that protect servers the part closes.",
		"Write a value as the message describes it.",
	},
	{
		CodeInvalidRegex, "The expression does not compile with RE2, the syntax of gRPC and Istio, or not in every client. The match matches nothing.",
		"Correct the expression. RE2 has no look-around and no back-references, and some clients have an old version of it. An expression must match the whole text.",
	},
	{
		CodeNoWeight, "All destinations of a route have weight 0. Its calls fail.",
		"Give a destination a weight above 0, or remove the rule.",
	},
	{
		CodeWeightSum, "The weights of a route do not sum to 100. Each destination gets its weight's share of the sum, which may not be what the author intended.",
		"Nothing, if the shares are right. Otherwise correct the weights.",
	},
	{
		CodeNoSuchHost, "No Service has this host. In `host` of a DestinationRule, or as a wildcard in `hosts` of a VirtualService: the rule has no effect. As another entry in `hosts` of a VirtualService: clients that dial the host get only these rules. In a destination: its share of the calls fails; so does the share of a Service that is not exported to the clients of the rule. In `externalName` of a Service: the name is one of the cluster, and no Service has it, or the names lead in a circle; calls to the Service fail. In `egress` of a Sidecar: the entry imports or excludes nothing. In `targetRefs` of a BackendTLSPolicy: it encrypts no calls there, which is an error if another Service is probably meant. In the label of an EndpointSlice, or as the name of an Endpoints object: the endpoints have no effect. Each of these recovers when the Service appears.",
		"Create the Service, correct the host, or export the Service to the clients. A short name means a Service in the namespace of the object; in a Sidecar names are not completed.",
	},
	{
		CodeNoSuchPort, "The Service does not have this port. Calls to the port fail. Settings and matches for the port have no effect. In `sectionName` of a BackendTLSPolicy: calls to the ports without other TLS settings fail, because they would not be encrypted. Or it has several ports, and none of them is the one that HTTP clients mean if they name no port; they do not find the Service then. In an AuthorizationPolicy or `portLevelMtls`: by the EndpointSlices, no pod that the object selects listens on the port, so the value has no effect. That is an error if it lets calls in: DENY, `notPorts` of ALLOW, and STRICT. It is not reported if no port of these pods is known.",
		"Set one of the Service's ports: its `port`, not its `targetPort`. In an AuthorizationPolicy or `portLevelMtls`: the port on which the pods listen, which is the `targetPort`. A port that no Service has is not in EndpointSlices; ignore the Problem then.",
	},
	{
		CodeNoSuchSubset, "No DestinationRule that is visible to the clients declares the subset for the host. The share of the calls for the subset fails until one declares it.",
		"Declare the subset in a DestinationRule in the client's namespace, the Service's namespace, or the root namespace.",
	},
	{
		CodeNoSuchDelegate, "A rule delegates to a VirtualService that does not exist, has hosts, is not exported to the rule's namespace, or delegates further. The rule's calls fail.",
		"Create a VirtualService without hosts, export it to the namespace of the rule, and write rules with destinations in it.",
	},
	{
		CodeAlias, "A Service of type ExternalName names a Service of the cluster, so it is another name for that Service. Its own DestinationRules and settings for endpoints have no effect. Calls to it fail if such a DestinationRule sets TLS. VirtualServices that name it apply to the calls that name it.",
		"Write the DestinationRule or the setting for the Service itself.",
	},
	{
		CodeConflict, "Two objects configure the same host, declare the same subset, set the mode of the same servers or narrow what the same clients see, or a match of a delegate is not covered by a match of the delegating rule and matches nothing. The message names the object that is in effect. Or a DestinationRule says to call without a client certificate what takes only mTLS: these calls fail. Or two Secrets of remote clusters have one name or lead to one cluster, or one leads to the own cluster; or the pod networks of two clusters overlap.",
		"Merge the two, or remove one.",
	},
	{
		CodeUnreachable, "No call can reach this rule or match: an earlier one matches all its calls, it matches no gRPC call, or no client sees both the rule and the Service by their `exportTo`; or a Route has no parent. No call takes it.",
		"Move it before the one that the message names, or delete it. Correct a path that no gRPC method has. Export both to the namespaces of the clients.",
	},
	{
		CodeNotForMesh, "A VirtualService names gateways and not `mesh`. Its rules apply only to calls through these gateways, which Mizzen does not configure. Or a Route has a parent of a kind that Mizzen does not read.",
		"Nothing, if that is intended. Add `mesh` to `gateways`, or a Service to the parents, if calls within the mesh need the rules.",
	},
	{
		CodeUnsupported, "Clients do not support it; the message says whether gRPC or HTTP clients. If calls would otherwise go to another destination or be less secure, the match matches nothing or the calls fail (error). Otherwise the field is dropped (warning).",
		"Follow the message. [FIELDS.md](FIELDS.md) lists what becomes of every field.",
	},
	{
		CodeApproximated, "Clients do something similar. The message says what.",
		"Nothing, if that is good enough.",
	},
	{
		CodeNoCertificate, "Calls must be encrypted, but a client declares neither the certificate provider that they need nor that it verifies servers by the roots of its machine, or endpoints have no service account by which clients identify them, or a client does not encrypt calls in its version or in any. These calls fail.",
		"Declare the provider in the client's bootstrap (`controlplane bootstrap --certificates`), or set the variable that [calls to servers outside of the mesh](MTLS.md#calls-to-servers-outside-of-the-mesh) need and declare it (`controlplane bootstrap --system-roots`), or list the servers' subjectAltNames. Update a client that does not encrypt, or call through Envoy: the message says which.",
	},
	{
		CodeIgnored, "Some client kinds, or older versions of them, ignore it. `controlplane check` names the kinds whose current version ignores it. A running control plane names the kinds and versions of the connected clients that use the host, and counts them. It reports nothing if no such client is connected.",
		"Follow the message, or upgrade the client. [The field table](FIELDS.md) shows what each kind supports.",
	},
	{
		CodeNotInjected, "A pod of a namespace with the label `mizzen.dev/inject: enabled` came without the bootstrap, so its gRPC clients do not find Mizzen (warning). Or pods are older than the label or the policy that injects (info). Pods with the annotation `mizzen.dev/inject: \"false\"`, with `hostNetwork` or whose containers bring a bootstrap are not reported, nor are pods that have ended. On a field of a container: the container should run the Java agent and was left alone, because `JAVA_TOOL_OPTIONS` is never overwritten. On the label `mizzen.dev/identity`: the namespace has the label for certificates, and the pod came without one (warning), or pods are older than the label or the policy (info). Pods with the annotation `mizzen.dev/identity: none` are not reported.",
		"Run `controlplane check install`, which finds out whether the policy or its ConfigMap is missing. Then restart the pods. For a container, [add the agent to its variable](INSTALL.md#java-applications). For the label, see [certificates for pods](INSTALL.md#certificates-for-pods).",
	},
	{
		CodeRefused, "A client rejected a resource that was made from the object (NACK) and keeps its previous version. The message contains the client's error. The resource is not sent to that client again until it changes. Other clients are not affected. If a server rejects its own Listener or RouteConfiguration, the policies that it accepted before are still in force on it, and the message names the server.",
		"Edit the object, and report it as a bug: Mizzen should not send a resource that a client rejects. A server in Node that rejects `rbac.deny` needs the variable `GRPC_XDS_EXPERIMENTAL_RBAC=true`.",
	},
	{
		CodeHeldBack, "Clients would reject a resource that was made from the object, so it was not sent. Clients with an earlier version keep it. Calls of other clients fail immediately. Servers refuse every call. Everything else is served.",
		"If the resource is too large, make the object smaller. Otherwise revert the last edit, and report it as a bug: Mizzen should not make such a resource.",
	},
	{
		CodeInternal, "The control plane itself has a fault. The resources that it was making are missing. Everything else is served.",
		"Report it as a bug.",
	},
	{
		CodeTooLarge, "The object is larger than the control plane reads, which is more than an API server stores. The object is not used.",
		"Split the object.",
	},
	{
		CodeEndpointsVanished, "A Service that still exists had two or more ready endpoints and lost all of them within a second. That is rarely intended, so clients keep the endpoints for `--empty-service-grace`. Endpoints that become unready one by one, or drain first, are not kept.",
		"Restore the EndpointSlices, or delete the Service if that is intended. `--empty-service-grace=0` applies every loss immediately.",
	},
	{
		CodeEndpointPortMismatch, "An EndpointSlice or Endpoints object has addresses for a port whose name no port of the Service has, or none for a port of the Service. Endpoints belong to a port by its name. A port without a name has endpoints without a name. Calls to a port without endpoints fail.",
		"Write the same name in both. If Kubernetes writes the EndpointSlices, correct `targetPort`.",
	},
	{
		CodeNotResolved, "Mizzen resolves the names of endpoints of which a host has several, and of hosts with the annotation `mizzen.dev/resolve: server`. A name cannot be resolved, or has addresses that clients are not sent. If a lookup fails, clients keep the last addresses. If the name does not exist three times in a row, it has none any more.",
		"Correct the name, its DNS records, or the DNS servers of the control plane.",
	},
	{
		CodeNoEndpoints, "A Service has no endpoint that can be called, so calls to it fail. The same is true of a host of a ServiceEntry: its WorkloadEntries and pods must have the labels of `workloadSelector` in its namespace, and be healthy. A rule that sends calls to it has the Problem, too, and so has a Service of type ExternalName that names one of its pods, if that pod is not there or not ready. Without such a rule, `controlplane check` reports an info if an EndpointSlice or Endpoints object of the Service is empty, a warning if something was probably meant for it, and a running control plane a warning while a client dials the Service or host: many Services are scaled to zero, or not for gRPC. A Service whose calls rules send elsewhere, for all clients and ports, needs no endpoints and is not reported. `controlplane check` reports it at once if the files have endpoints at all, a running control plane after `--empty-service-grace`.",
		"Correct the Service's selector, or start pods that it selects and make them ready. For a ServiceEntry, correct `workloadSelector`, or the labels, the namespace or the health of WorkloadEntries. Nothing, if the Service is scaled to zero on purpose.",
	},
	{
		CodeEmptySubset, "A rule sends calls to a subset that selects none of the Service's endpoints, or none that is ready. These calls fail. The message states the values that the labels of the endpoints have, and how many endpoints have each. The DestinationRule and the rule have the Problem. `controlplane check` reports it at once, a running control plane after `--empty-service-grace`.",
		"Correct the labels of the subset or of the pods. Labels of endpoints are read from their pods.",
	},
	{
		CodeLastGood, "The control plane started while it could not read from its API server. It serves the state that it saved in `--state-dir` at the time in the message. Nothing is deleted meanwhile.",
		"Make the API server available. The control plane then serves its current objects. If the API server denies a request, the log names it.",
	},
	{
		CodeClosed, "gRPC servers cannot check a part of an AuthorizationPolicy, or an AuthorizationPolicy or PeerAuthentication cannot be read. Ignoring it could let callers in, so the part closes. A rule that allows is dropped, a condition of a rule that denies is dropped so that it denies more, and a PeerAuthentication counts as STRICT. The message names the callers that are denied now. Also: a VirtualService, GRPCRoute or HTTPRoute cannot be read, so the calls to its hosts or parents fail; or a BackendTLSPolicy, or a DestinationRule with TLS settings, so calls that would not be encrypted fail. A running control plane keeps the last state of a file that could be read.",
		"Follow the message. [FIELDS.md](FIELDS.md) lists what servers can check.",
	},
	{
		CodeNoIdentity, "An object needs certificates that pods do not have. Under STRICT, the gRPC servers of these pods do not serve. A condition on the identity of callers of such a pod, or of a port that serves plaintext, closes: it denies these callers. The message names the pods' workloads.",
		"Give the pods certificates by the label for identity on their namespace and restart them, or correct the mode.",
	},
	{
		CodeNotEnforced, "An object applies to pods whose servers are not configured by xDS: the pods do not have the label `mizzen.dev/server: xds`. Nothing enforces the object there: these pods accept every call that reaches them. The message names the pods' workloads. On a Service: STRICT is in effect for endpoints that are not pods, or for a port for HTTP, and clients do not call them.",
		"Use an xDS server in the application and set the label, or select other pods. For endpoints that are not pods, set `tls.mode: DISABLE` in a DestinationRule. For a port for HTTP, do the same, or set DISABLE for the port in `portLevelMtls`.",
	},
	{
		CodeTokensNotChecked, "A RequestAuthentication applies to pods, but no gRPC server checks tokens by xDS. Tokens are neither required nor believed. A condition of an AuthorizationPolicy on tokens closes.",
		"Check tokens in the application, and remove the object.",
	},
	{
		CodeNotInForce, "Connected gRPC servers have not acknowledged what was made from the object for more than 30 seconds. They keep what they accepted before, so the policies of then are still in force on them. The message names the servers.",
		"Find out why the servers do not answer: `controlplane inspect servers` shows them. Restart a server that hangs.",
	},
	{
		CodeCallersRefused, "An AuthorizationPolicy refuses every call of accounts whose clients are connected now and subscribe to the Service; with `istio.io/dry-run`, it would refuse them if it were enforced. The message names the accounts. The control plane knows who can call, not what is called: an account that may call one method is not among them.",
		"Nothing, if that is intended. Otherwise add a rule for the accounts before the policy is enforced. `controlplane inspect policies` lists all accounts.",
	},
	{
		CodeNoPods, "The selector of an AuthorizationPolicy, PeerAuthentication or RequestAuthentication selects no pod, `targetRefs` names no Service, or the namespace of an object without selector has no pods. The object has no effect. As an info: the object is in a namespace that is easily taken for the root namespace, so it is not for the whole mesh. `controlplane check` reports it at once if the files have pods at all, a running control plane after `--empty-service-grace`.",
		"Correct the labels of the selector or of the pods, or the namespace, or remove the object. An object for the whole mesh belongs in the namespace of `--root-namespace`.",
	},
	{
		CodeRollout, "The object, or its namespace, has the annotation `mizzen.dev/rollout`, and the object changed. Some clients follow the new version, and the others the version before (info). Or another rollout concerns the same hosts and comes first, or the annotation cannot be read, so no client follows the new version yet (warning). Or the object is a Route, which does not follow the annotation of its namespace (info).",
		"Wait, or read the figures with `controlplane inspect rollouts`. [ROLLOUT.md](ROLLOUT.md) says what is compared and how to end a rollout by hand.",
	},
	{
		CodeRolloutAborted, "Calls of the clients that followed a new version of the object first failed more often than other calls, or such a client rejected it. The annotation `mizzen.dev/rollout` says `abort`, so all clients follow the version before, until the object changes again.",
		"Correct the object. To give all clients the new version all the same, remove the annotation.",
	},
	{
		CodePinned, "The Service has the annotation `mizzen.dev/pin`: the VirtualServices and DestinationRules for its host are held as of an earlier generation, and edits of them have no effect (warning). Or the pin ended (warning). Or the replica does not have the generation, so clients follow the current rules, or the generation that was held before (error). Or files are checked, where no generation is kept (info).",
		"Correct the rules and remove the annotation. [ROLLOUT.md](ROLLOUT.md#pins) says what is held.",
	},
	{
		CodeSourceLost, "The control plane cannot read a kind of objects from its API server for more than 10 seconds: there is no answer, the answer does not come from Kubernetes, the credentials are refused, or each watch ends immediately. The last known state stays in effect. In `check` of a cluster: the kind is not served, or cannot be listed. The other kinds are checked.",
		"Look at the error in the message. Make the API server reachable, or correct the credentials or rights of the control plane, or of your account.",
	},
	{
		CodeTooManyEdges, "Clients report their calls, and those of one workload, of all clients that prove nothing, or of all workloads together, have more edges than are kept: pairs of a workload and a Service, by port, subset and zone. The edges that came first are counted as before; further calls are counted as calls from and to `other`, without the Service. The message names the workload and the bound. Calls go on.",
		"Set `mizzen.dev/load-reports: \"false\"` on Services whose calls need no figures, or on their Namespaces. A pod without a controller is a workload by itself, so give such pods one.",
	},
}

// ProblemsMarkdown returns the text of docs/PROBLEMS.md.
func ProblemsMarkdown() string {
	var b strings.Builder
	b.WriteString(`# Problems

A Problem says that something in an object cannot be applied, or only in part. ` + "`controlplane check`" + ` prints the Problems of files or of a cluster,
` + "`controlplane inspect problems`" + ` the Problems of a running control plane. This page is generated from ` + "`pkg/mesh/codes.go`" + ` by ` + "`make golden`" + `.

| severity | meaning |
|---|---|
| error | it is invalid, or it fails closed |
| warning | it has no effect, and calls go where they would go with it; or calls fail because endpoints or ports are missing, which may be there later without an edit of the rule |
| info | it is in effect, with a caveat |

| code | meaning | what to do |
|---|---|---|
`)
	for _, c := range codes {
		b.WriteString("| `" + string(c.Code) + "` | " + c.Meaning + " | " + c.Remedy + " |\n")
	}
	return b.String()
}
