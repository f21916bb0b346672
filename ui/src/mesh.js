// Mesh: who calls whom.
import { html, useMemo } from './dom.js';
import { address, useFilters } from './address.js';
import { store, useList, useStore } from './live.js';
import { around, build, failing, idOf, inNamespace, MOST, MOST_LINKS, name, tooMany } from './model.js';
import { Graph, nodeAddress } from './graph.js';
import { Ago, Choice, count, Counts, Empty, HostLink, LeftOut, percent, plural, proofs, rate, Table, TextFilter } from './parts.js';

// ROWS bounds the table.
const ROWS = 200;

// narrow screens begin with the table.
const narrow = () => matchMedia('(max-width: 720px)').matches;

export function Mesh({ at }) {
  useStore();
  const [filter, set] = useFilters(at);
  const hosts = useList('../api/hosts?limit=5000', 'hosts', 'problems');
  const rows = useMemo(() => new Map((hosts.data?.hosts || []).filter((h) => h.namespace && h.name && h.kind !== 'VirtualService').map((h) => [h.namespace + '/' + h.name, h])), [hosts.data]);
  const whole = useMemo(() => build(store.edges.values(), rows), [store.edgesVersion, rows]);
  const namespaces = [...new Set([...whole.nodes.values()].map((n) => n.namespace).filter(Boolean))].sort();
  const namespace = filter('namespace'), picked = idOf(whole, filter('node')), q = filter('q').toLowerCase();
  const graph = inNamespace(whole, namespace);
  const many = tooMany(graph);
  const asTable = many && !picked || (filter('as') || (narrow() ? 'table' : 'graph')) === 'table';
  const drawn = many && picked ? around(graph, picked) : graph;
  const filters = { namespace, as: filter('as') };
  // The workloads behind Services decide what is a node: without them everything would be placed twice.
  if (!store.edgesAt || (!hosts.data && !hosts.error)) return html`<h1>Mesh</h1><p class="quiet" role="status">Waiting for the first figures …</p>`;
  return html`<div class="title"><h1>Mesh</h1><p class="quiet">${plural(graph.nodes.size, 'workload or Service', 'workloads and Services')}, ${plural([...graph.links.values()].filter((l) => !l.serves).length, 'edge')}.
      Figures are averages of the last minute as clients report them, of <em>attempts</em>: a call with two retries is three. Every status but OK counts as failed, NOT_FOUND too.</p></div>
    <div class="filters" role="search" aria-label="Filter the mesh">
      <${Choice} label="Namespace" value=${namespace} options=${namespaces} onChange=${(v) => set({ namespace: v, node: '' })} />
      <${TextFilter} label="Workload or service" value=${filter('q')} onChange=${(v) => set({ q: v })} />
      <div class="field" role="group" aria-label="Show as"><span>Show as</span><div class="switch">
        <button aria-pressed=${!asTable} disabled=${many && !picked} title=${many && !picked ? `More than ${MOST} nodes or ${MOST_LINKS} lines: pick a node in the table to draw what is around it` : undefined} onClick=${() => set({ as: 'graph' })}>Graph</button>
        <button aria-pressed=${asTable} onClick=${() => set({ as: 'table' })}>Table</button></div></div>
      ${picked && html`<a class="button" href=${address('mesh', '', filters)}>Show all</a>`}
    </div>
    ${whole.links.size === 0 ? html`<${NoReports} />` : graph.links.size === 0 ? html`<${Empty} title="Nothing calls from or to this namespace.">Clear the namespace to see the whole mesh.<//>` : html`
      ${many && !picked && html`<p class="note">${plural(graph.nodes.size, 'node')} and ${plural(graph.links.size, 'line')} are more than a drawing can show. Pick a workload to draw what is around it, or a namespace.</p>`}
      ${drawn.leftOut > 0 && html`<p class="note">The 40 edges of ${picked} with most failures and calls are drawn; ${count(drawn.leftOut)} more are in the table.</p>`}
      ${asTable ? html`<${Edges} graph=${graph} q=${q} picked=${picked} filters=${filters} />` : html`<div class=${picked ? 'beside' : ''}>
        <${Graph} graph=${q ? found(drawn, q) : drawn} picked=${picked} link=${nodeAddress(filters)} />
        ${picked && html`<${Picked} graph=${whole} id=${picked} filters=${filters} />`}</div>`}
      ${asTable && picked && html`<${Picked} graph=${whole} id=${picked} filters=${filters} />`}
      ${!asTable && html`<p class="quiet">A dashed box is a Service with several workloads behind it, or with none that is known. A dashed line had no attempts in the last minute. Red: at least 5 % failed. Below a line is how its attempts are divided among subsets.</p>`}`}
    <${LeftOut} n=${store.edgesLeftOut} what="edges, those with the fewest calls, are" />`;
}

// found keeps the nodes whose name has the text, and what they call or are called by.
function found(graph, q) {
  const hit = (id) => id.toLowerCase().includes(q);
  const links = new Map([...graph.links].filter(([, l]) => hit(l.from) || hit(l.to)));
  const ids = new Set([...links.values()].flatMap((l) => [l.from, l.to]));
  return { links, nodes: new Map([...graph.nodes].filter(([id]) => ids.has(id))) };
}

const NoReports = () => html`<${Empty} title="No client reports load, so it is not known who calls whom.">
  Annotate a Namespace, Service or DestinationRule with <code>mizzen.dev/load-reports: "true"</code>, or start the control plane with <code>--load-reports=all</code>. Clients that run already begin within seconds; those in Java when they are restarted. <a href="#/clients">See the clients</a>.<//>`;

export const edgeColumns = (side, filters = {}) => [
  side !== 'out' && { title: 'From', key: (r) => r.e.source.namespace + '/' + r.e.source.workload, cell: (r) => html`<a href=${nodeAddress(filters)(r.from)}>${r.e.source.namespace}/${r.e.source.workload}</a>${r.e.source.unproved && html` <span class="quiet" title="The client proves nothing; it only claims to be in this namespace">unproved</span>`}` },
  side !== 'in' && { title: 'To', key: (r) => r.e.destination.namespace + '/' + r.e.destination.service, cell: (r) => html`<a href=${nodeAddress(filters)(r.to)}>${r.e.destination.namespace ? r.e.destination.namespace + '/' : ''}${r.e.destination.service}</a><span class="quiet">:${r.e.destination.port}</span>` },
  { title: 'Subset', key: (r) => r.e.subset, cell: (r) => r.e.subset || html`<span class="quiet">–</span>` },
  { title: 'Zone', key: (r) => r.e.zone, cell: (r) => r.e.zone || html`<span class="quiet">–</span>` },
  { title: 'Attempts/s', number: true, key: (r) => r.e.calls_per_second, cell: (r) => rate(r.e.calls_per_second) },
  { title: 'Failed', number: true, key: (r) => share(r.e), cell: (r) => html`<span class=${share(r.e) > 0 ? 'failed' : 'quiet'}>${percent(share(r.e))}</span>` },
  { title: 'In progress', number: true, key: (r) => r.e.in_progress, cell: (r) => count(r.e.in_progress) },
  { title: 'Dropped', number: true, key: (r) => r.e.dropped, cell: (r) => html`<span class=${r.e.dropped ? 'failed' : 'quiet'}>${count(r.e.dropped)}</span>` },
  { title: 'Reported', number: true, key: (r) => r.e.reported, cell: (r) => html`<${Ago} time=${r.e.reported} />` },
].filter(Boolean);

const share = (e) => (e.calls_per_second > 0 ? (e.errors_per_second || 0) / e.calls_per_second : 0);
export const edgeRow = (e, from = '', to = '') => ({ e, from: from || e.source.namespace + '/' + e.source.workload, to: to || 'service ' + e.destination.namespace + '/' + e.destination.service });
// edgeKey is the key of an edge that did not come by the stream, too.
export const edgeKey = ({ e }) => e.key || JSON.stringify([e.source, e.destination, e.subset, e.zone]);
const rowsOf = (links) => links.flatMap((l) => l.edges.map((e) => edgeRow(e, l.from, l.to)));

function Edges({ graph, q, picked, filters }) {
  const rows = rowsOf([...graph.links.values()].filter((l) => (!q || l.id.toLowerCase().includes(q)) && (!picked || l.from === picked || l.to === picked)))
    .sort((a, b) => (b.e.errors_per_second || 0) - (a.e.errors_per_second || 0) || b.e.calls_per_second - a.e.calls_per_second);
  if (rows.length === 0) return html`<${Empty} title="No edge has this text.">Clear the filter.<//>`;
  return html`<${Table} caption="Edges: who calls whom, those that fail first" columns=${edgeColumns('', { ...filters, as: 'graph' })} rows=${rows.slice(0, ROWS)} keyOf=${edgeKey} />
    <${LeftOut} n=${rows.length - Math.min(rows.length, ROWS)} what="edges, those that fail less and have fewer calls, are" />`;
}

// Picked is what is known about one node.
function Picked({ graph, id, filters }) {
  const n = graph.nodes.get(id);
  const streams = useList(n && n.kind === 'workload' ? '../api/streams?limit=3&workload=' + encodeURIComponent(id) : '', 'clients');
  if (!n) return html`<aside aria-label="Picked"><${Empty} title=${id + ' is not in the graph.'}>No client has reported calls from or to it in the last hour.<//></aside>`;
  const links = [...graph.links.values()].filter((l) => !l.serves);
  const into = links.filter((l) => l.to === id), out = links.filter((l) => l.from === id);
  const s = streams.data;
  return html`<aside aria-label=${name(n)}><h2>${name(n)}</h2><dl>
      ${n.host && html`<dt>Host</dt><dd><${HostLink} host=${n.host.host} /></dd>
        <dt>Endpoints</dt><dd>${n.host.endpoints.ready} of ${n.host.endpoints.total} ready</dd>
        <dt>Problems</dt><dd><${Counts} problems=${n.host.problems} /></dd>`}
      ${n.host?.security && html`<dt>Calls to it</dt><dd>${n.host.security}</dd>`}
      ${s && s.matched > 0 && html`<dt>Clients</dt><dd><a href=${address('clients', '', { workload: id })}>${plural(s.matched, 'client')}</a>, ${proofs[s.clients[0].proof] || 'not proved'}</dd>`}
      ${n.kind === 'workload' && n.unproved && html`<dt>Identity</dt><dd>not proved: these clients only claim to be in ${n.namespace}</dd>`}
    </dl>
    ${[['Called by', 'in', into], ['Calls', 'out', out]].map(([title, side, some]) => html`<h3>${title}</h3>${some.length === 0
      ? html`<p class="quiet">${side === 'in' ? 'No reported calls.' : 'It reports no calls.'}</p>`
      : html`<${Links} links=${some} side=${side} graph=${graph} filters=${filters} />`}`)}</aside>`;
}

const Links = ({ links, side, graph, filters }) => html`<ul class="links">${[...links].sort((a, b) => b.rate - a.rate).slice(0, 50).map((l) => {
  const other = graph.nodes.get(side === 'in' ? l.from : l.to);
  const zones = split(l.edges, (e) => [e.subset, e.zone].filter(Boolean).join(' · '));
  return html`<li key=${l.id}><div class="line"><a href=${nodeAddress(filters)(other.id)}>${name(other)}</a><span class="number">${rate(l.rate)}/s</span><span class=${'number ' + (l.failed > 0 ? 'failed' : 'quiet')}>${percent(failing(l))}</span></div>
    ${zones.map(([zone, z]) => zone && html`<div class="line quiet part"><span>${zone}</span><span class="number">${rate(z.rate)}/s</span><span class=${'number ' + (z.failed > 0 ? 'failed' : '')}>${percent(failing(z))}</span></div>`)}
    <div class="line quiet"><span>reported <${Ago} time=${l.reported} />${l.dropped > 0 ? `, ${count(l.dropped)} dropped` : ''}</span></div></li>`;
})}</ul>`;

function split(edges, keyOf) {
  const all = new Map();
  for (const e of edges) {
    const key = keyOf(e), sum = all.get(key) || { rate: 0, failed: 0 };
    sum.rate += e.calls_per_second; sum.failed += e.errors_per_second || 0;
    all.set(key, sum);
  }
  return [...all].sort();
}
