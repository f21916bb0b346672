package fields

// Notes that several rows share.
const (
	noteDNSOne    = "A channel calls one address at a time, and another when that fails. To balance calls over all addresses, set the annotation `mizzen.dev/resolve: server`."
	noteEntryHost = "Several objects may have one host. A Service takes precedence; to it the endpoints of ServiceEntries of its namespace are added. ServiceEntries of one namespace are merged, the oldest first; of several namespaces the clients' own is used, else the oldest that the client can see: `Conflict`."
)

// serviceEntryFields is the support table of ServiceEntry, in the order of its API.
var serviceEntryFields = []Row{
	{Field: "ServiceEntry.hosts", Verdict: Caveat, Leaf: "entrygroup", GRFC: "A27", Golden: "serviceentry/problems", Calls: "TestServiceEntry", Note: "Names, completed as hosts of other objects are, and wildcards such as `*.example.com` outside of the cluster's domain. " + noteEntryHost, Untold: "what is not used has its own Problem"},
	{Field: "ServiceEntry.addresses", Verdict: Caveat, Leaf: "convertserviceentry", GRFC: "A27", Golden: "serviceentry/problems", Calls: "TestServiceEntryAddress", Note: "Clients can dial an address, or one that Istio assigned in `status.addresses`, in place of the host. A range has no effect: warning. So has an address of a Service, or of a pod of another namespace.", Untold: "what has no effect has its own Problem"},
	{Field: "ServiceEntry.ports", Verdict: Translated, Leaf: "convertserviceentry", GRFC: "A27", Golden: "serviceentry/static", Calls: "TestServiceEntry"},
	{Field: "ServiceEntry.location", Verdict: Caveat, Leaf: "subjectaltname", GRFC: "A29", Golden: "serviceentry/names-of-servers", Calls: "TestServiceEntryOutsideOfTheMesh", Note: "Servers with MESH_EXTERNAL have no certificates of the mesh: with ISTIO_MUTUAL in a DestinationRule calls fail, with an error.", Untold: "the DestinationRule has the Problem"},
	{Field: "ServiceEntry.resolution", Verdict: Caveat, Leaf: "entrygroup", GRFC: "A37", Golden: "serviceentry/names", Calls: "TestServiceEntryNames", Ignored: byNodeAndRust, Note: "STATIC: addresses. DNS with one name, and DNS_ROUND_ROBIN: clients resolve it. " + noteDNSOne + " DNS with several endpoints: Mizzen resolves them. NONE and DYNAMIC_DNS: clients resolve the name that they dial.", Untold: "it is always so"},
	{Field: "ServiceEntry.endpoints", Verdict: Translated, Leaf: "entryendpoints", GRFC: "A27", Golden: "serviceentry/static", Calls: "TestServiceEntry", Note: "Not together with workloadSelector: error, and calls fail."},
	{Field: "ServiceEntry.workloadSelector", Verdict: Translated, Leaf: "external", GRFC: "A27", Golden: "serviceentry/selector", Calls: "TestWorkloadEntries", Note: "WorkloadEntries and pods of the namespace."},
	{Field: "ServiceEntry.exportTo", Verdict: Translated, Leaf: "entrygroup", GRFC: "A27", Golden: "serviceentry/static", Calls: "TestServiceEntryExport"},
	{Field: "ServiceEntry.subjectAltNames", Verdict: Translated, Leaf: "subjectaltname", GRFC: "A29", Golden: "serviceentry/names-of-servers", Ignored: byRust, Note: "With TLS in a DestinationRule that lists no names. With ISTIO_MUTUAL, the accounts of endpoints are accepted, too. They have no effect beside a Service with the same host: warning."},
	{Field: "ServicePort.number", Verdict: Translated, Leaf: "convertserviceentry", GRFC: "A27", Golden: "serviceentry/static", Calls: "TestServiceEntry"},
	{Field: "ServicePort.protocol", Verdict: Caveat, Leaf: "convertserviceentry", GRFC: "A27", Golden: "serviceentry/names", Note: "Decides which rules apply, as for Services. TLS and HTTPS do not encrypt calls: set tls in a DestinationRule. UDP ports are left out. Without a protocol, the port's name says it."},
	{Field: "ServicePort.name", Verdict: Translated, Leaf: "convertserviceentry", GRFC: "A27", Golden: "serviceentry/static", Calls: "TestServiceEntry"},
	{Field: "ServicePort.targetPort", Verdict: Translated, Leaf: "entryendpoints", GRFC: "A27", Golden: "serviceentry/static", Calls: "TestServiceEntry"},
	{Field: "WorkloadSelector.labels", Verdict: Translated, Leaf: "external", GRFC: "A27", Golden: "serviceentry/selector", Calls: "TestWorkloadEntries", Note: "All labels must match. An empty selector selects the whole namespace."},
}

// workloadEntryFields is the support table of WorkloadEntry, and of the endpoints of ServiceEntries, in the order of its API.
var workloadEntryFields = []Row{
	{Field: "WorkloadEntry.address", Verdict: Caveat, Leaf: "convertworkloadentry", GRFC: "A27", Golden: "serviceentry/problems", Calls: "TestWorkloadEntries", Note: "An IP address, or a name if the ServiceEntry resolves names. Sockets are left out: warning. In a cluster, loopback addresses are left out: error.", Untold: "what is left out has its own Problem"},
	{Field: "WorkloadEntry.ports", Verdict: Translated, Leaf: "entryendpoints", GRFC: "A27", Golden: "serviceentry/static", Calls: "TestWorkloadEntries", Note: "By the names of the ServiceEntry's or Service's ports. Another name has no effect: warning."},
	{Field: "WorkloadEntry.labels", Verdict: Translated, Leaf: "external", GRFC: "A27", Golden: "serviceentry/static", Calls: "TestWorkloadEntries", Note: "For subsets and selectors. A WorkloadEntry has the labels of its metadata, too."},
	{Field: "WorkloadEntry.network", Verdict: Caveat, Leaf: "entryendpoints", GRFC: "A27", Golden: "serviceentry/selector", Note: "Clients call endpoints without gateways. An endpoint of another network than `--network` gets no calls: warning.", Untold: "the endpoint has its own Problem"},
	{Field: "WorkloadEntry.locality", Verdict: Translated, Leaf: "convertworkloadentry", GRFC: "A27", Golden: "serviceentry/static", Note: "`region/zone/subzone`, or the label `istio-locality`."},
	{Field: "WorkloadEntry.weight", Verdict: Translated, Leaf: "entryendpoints", GRFC: "A27", Golden: "serviceentry/static", Ignored: byRust, Note: "At most 1000."},
	{Field: "WorkloadEntry.serviceAccount", Verdict: Translated, Leaf: "entryendpoints", GRFC: "A29", Golden: "serviceentry/names-of-servers", Ignored: byRust, Note: "The certificate of the server with ISTIO_MUTUAL, and the identity of a client at this address. With a name that no account can have, the endpoint is left out: error."},
}
