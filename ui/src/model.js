// From edges as clients report them to a graph of workloads. Pure, so that tests need no browser.

// MOST is how many nodes are drawn, and MOST_LINKS how many links. Above it a table and the surroundings of one node say more.
// The time that places take grows with the links: 200 take half a second, 300 take two.
export const MOST = 150, MOST_LINKS = 200;
export const tooMany = (graph) => graph.nodes.size > MOST || graph.links.size > MOST_LINKS;
// RED is the share of failures from which a line is red. Below it only its figure is.
export const RED = 0.05;

export const name = (n) => (n.namespace ? n.namespace + '/' : '') + n.name;
export const failing = (link) => (link.rate > 0 ? link.failed / link.rate : 0);

// nodeOf returns the node of a destination. A Service with one workload behind it is that workload, and so is one without pods whose name a caller has. Others are nodes of their own.
function nodeOf(destination, hosts, callers) {
  const { namespace, service } = destination;
  const host = namespace ? hosts.get(namespace + '/' + service) : undefined;
  let workloads = host?.workloads || [];
  if (workloads.length === 0 && callers.has(namespace + '/' + service)) workloads = [namespace + '/' + service];
  if (workloads.length === 1) {
    const [ns, ...rest] = workloads[0].split('/');
    return { id: workloads[0], namespace: ns, name: rest.join('/'), kind: 'workload', host };
  }
  return { id: 'service ' + namespace + '/' + service, namespace, name: service, kind: namespace ? 'service' : 'external', host, workloads };
}

// build makes nodes and links of edges. hosts maps namespace/name to a row of /api/hosts.
export function build(edges, hosts) {
  const nodes = new Map(), links = new Map();
  const node = (n) => {
    let known = nodes.get(n.id);
    if (!known) nodes.set(n.id, known = { ...n, in: 0, inFailed: 0, out: 0, outFailed: 0, unproved: false });
    if (n.host && !known.host) known.host = n.host;
    return known;
  };
  const link = (from, to) => {
    const id = from.id + ' → ' + to.id;
    let known = links.get(id);
    if (!known) links.set(id, known = { id, from: from.id, to: to.id, rate: 0, failed: 0, dropped: 0, inProgress: 0, reported: '', edges: [] });
    return known;
  };
  const all = [...edges], callers = new Set(all.map((e) => e.source.namespace + '/' + e.source.workload));
  for (const e of all) {
    const from = node({ id: e.source.namespace + '/' + e.source.workload, namespace: e.source.namespace, name: e.source.workload, kind: 'workload' });
    if (e.source.unproved) from.unproved = true;
    const to = node(nodeOf(e.destination, hosts, callers));
    const l = link(from, to);
    l.rate += e.calls_per_second; l.failed += e.errors_per_second || 0;
    l.dropped += e.dropped; l.inProgress += e.in_progress;
    if (e.reported > l.reported) l.reported = e.reported;
    l.edges.push(e);
    from.out += e.calls_per_second; from.outFailed += e.errors_per_second || 0;
    to.in += e.calls_per_second; to.inFailed += e.errors_per_second || 0;
  }
  // Which workloads are behind a Service matters where they call others.
  for (const n of [...nodes.values()]) {
    for (const w of n.workloads || []) {
      if (nodes.has(w)) links.set(n.id + ' = ' + w, { id: n.id + ' = ' + w, from: n.id, to: w, serves: true, rate: 0, failed: 0, dropped: 0, inProgress: 0, edges: [] });
    }
  }
  return { nodes, links };
}

// idOf is the ID of the node that an address names: the ID itself, or the name of a Service, which may be the workload behind it.
export function idOf({ nodes, links }, named) {
  if (nodes.has(named)) return named;
  const text = named.replace(/^service /, '');
  const leads = ({ destination: d }) => name({ namespace: d.namespace, name: d.service }) === text;
  return [...links.values()].find((l) => l.edges.some(leads))?.to || named;
}

// split is how the attempts of a link are divided among subsets; empty if they are not.
export function split(link) {
  const all = new Map();
  for (const e of link.edges) {
    const sum = all.get(e.subset) || { subset: e.subset, rate: 0, failed: 0 };
    sum.rate += e.calls_per_second; sum.failed += e.errors_per_second || 0;
    all.set(e.subset, sum);
  }
  if (all.size < 2 || !link.rate) return [];
  return [...all.values()].sort((a, b) => (a.subset < b.subset ? -1 : 1)).map((s) => ({ ...s, share: s.rate / link.rate }));
}

// inNamespace keeps the links that start or end in a namespace.
export function inNamespace(graph, namespace) {
  if (!namespace) return graph;
  return keep(graph, (l) => [l.from, l.to].some((id) => graph.nodes.get(id).namespace === namespace));
}

// around keeps a node and its neighbors, those with most calls if there are too many.
export function around(graph, id) {
  const mine = [...graph.links.values()].filter((l) => l.from === id || l.to === id)
    .sort((a, b) => b.failed - a.failed || b.rate - a.rate);
  const shown = new Set(mine.slice(0, 40).map((l) => l.id));
  const result = keep(graph, (l) => shown.has(l.id));
  if (graph.nodes.has(id)) result.nodes.set(id, graph.nodes.get(id));
  return { ...result, leftOut: mine.length - shown.size };
}

function keep(graph, wanted) {
  const links = new Map([...graph.links].filter(([, l]) => wanted(l)));
  const ids = new Set([...links.values()].flatMap((l) => [l.from, l.to]));
  return { links, nodes: new Map([...graph.nodes].filter(([id]) => ids.has(id))) };
}
