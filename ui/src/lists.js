// The lists of hosts and of clients, and Problems.
import { html } from './dom.js';
import { address, useFilters } from './address.js';
import { useList, useStore } from './live.js';
import { Ago, Choice, ClientLink, count, Counts, Empty, HostLink, LeftOut, Loaded, plural, proofs, refText, Severity, State, Table, TextFilter } from './parts.js';

const query = (path, parameters) => path + '?' + new URLSearchParams(Object.entries(parameters).filter(([, v]) => v));
const distinct = (rows, of) => [...new Set(rows.map(of).filter(Boolean))].sort();
const Age = ({ answer }) => (answer.at ? html`read <${Ago} time=${answer.at} />` : null);

export function Hosts({ at }) {
  const [filter, set] = useFilters(at);
  const answer = useList(query('../api/hosts', { q: filter('q'), namespace: filter('namespace'), problems: filter('problems'), limit: 500 }), 'hosts', 'problems', 'clients');
  const data = answer.data || answer.stale;
  return html`<div class="title"><h1>Hosts</h1><p class="quiet">${data && `${count(data.matched)} of ${plural(data.total, 'host')}, `}<${Age} answer=${answer} /></p></div>
    <div class="filters" role="search" aria-label="Filter the hosts">
      <${TextFilter} label="Host" value=${filter('q')} onChange=${(q) => set({ q })} />
      <${Choice} label="Namespace" value=${filter('namespace')} options=${data?.namespaces || []} onChange=${(namespace) => set({ namespace })} />
      <${Choice} label="Problems" value=${filter('problems')} options=${['error', 'warning', 'info']} all="any" onChange=${(problems) => set({ problems })} /></div>
    <${Loaded} answer=${{ ...answer, data }} what="The list of hosts">${(d) => d.hosts.length === 0
      ? html`<${Empty} title=${d.total ? 'No host matches.' : 'There is no host yet.'}>${d.total ? 'Clear the filters.' : 'The control plane has read no Service, ServiceEntry or VirtualService. See its source in the line at the bottom.'}<//>`
      : html`<${Table} caption="Hosts" keyOf=${(r) => r.host} rows=${d.hosts} columns=${[
        { title: 'Host', key: (r) => r.host, cell: (r) => html`<${HostLink} host=${r.host} />` },
        { title: 'Kind', key: (r) => r.kind, cell: (r) => r.kind },
        { title: 'Ports', cell: (r) => (r.ports || []).map((p) => p.number).join(', ') },
        { title: 'Ready', number: true, key: (r) => r.endpoints.ready / (r.endpoints.total || 1), cell: (r) => html`<span class=${r.endpoints.total > 0 && r.endpoints.ready === 0 ? 'failed' : ''}>${r.endpoints.ready}/${r.endpoints.total}</span>` },
        { title: 'Clients', number: true, key: (r) => r.clients, cell: (r) => count(r.clients) },
        { title: 'Problems', key: (r) => -(r.problems.error * 1e6 + r.problems.warning * 1e3 + r.problems.info), cell: (r) => html`<${Counts} problems=${r.problems} />` },
      ]} /><${LeftOut} n=${d.matched - d.hosts.length} what="hosts are" />`}<//>`;
}

export const clientColumns = [
  { title: 'Client', key: (r) => r.node, class: 'wide', cell: (r) => html`<${ClientLink} client=${r} />` },
  { title: 'Namespace', key: (r) => r.namespace, cell: (r) => r.namespace },
  { title: 'Kind', key: (r) => r.agent + r.version, cell: (r) => `${r.agent}${r.version ? ' ' + r.version : ''}` },
  { title: 'Proof', key: (r) => r.proof || '', cell: (r) => html`<span title=${proofs[r.proof]}>${r.proof || 'none'}</span>` },
  { title: 'Zone', key: (r) => r.zone || '', cell: (r) => r.zone || html`<span class="quiet">–</span>` },
  { title: 'Holds', number: true, key: (r) => r.resources, cell: (r) => count(r.resources) },
  { title: 'State', key: (r) => ['refused', 'behind', 'current'].indexOf(r.state), cell: (r) => html`<${State} is=${r.state} />` },
  { title: 'Connected', number: true, key: (r) => r.since, cell: (r) => html`<${Ago} time=${r.since} text="" />` },
];

export function Clients({ at }) {
  const [filter, set] = useFilters(at);
  const answer = useList(query('../api/streams', { q: filter('q'), namespace: filter('namespace'), state: filter('state'), workload: filter('workload'), host: filter('host'), limit: 500 }), 'clients');
  const data = answer.data || answer.stale;
  return html`<div class="title"><h1>Clients</h1><p class="quiet">${data && `${count(data.matched)} of ${plural(data.total, 'client')}, `}<${Age} answer=${answer} /></p></div>
    <div class="filters" role="search" aria-label="Filter the clients">
      <${TextFilter} label="Client" value=${filter('q')} onChange=${(q) => set({ q })} />
      <${TextFilter} label="Namespace" value=${filter('namespace')} onChange=${(namespace) => set({ namespace })} />
      <${Choice} label="State" value=${filter('state')} options=${['current', 'behind', 'refused']} all="any" onChange=${(state) => set({ state })} />
      ${['workload', 'host'].map((f) => filter(f) && html`<button class="chip" onClick=${() => set({ [f]: '' })}>${f} ${filter(f)} <span aria-label="clear">×</span></button>`)}</div>
    <${Loaded} answer=${{ ...answer, data }} what="The list of clients">${(d) => d.clients.length === 0
      ? html`<${Empty} title=${d.total ? 'No client matches.' : 'No client is connected.'}>${d.total ? 'Clear the filters. Each replica knows only its own clients.' : html`A client connects if its bootstrap names this control plane: <code>controlplane bootstrap</code> writes one.`}<//>`
      : html`<${Table} caption="Clients" keyOf=${(r) => r.id} rows=${d.clients} columns=${clientColumns} /><${LeftOut} n=${d.matched - d.clients.length} what="clients are" />`}<//>`;
}

// ProblemTable shows Problems with what to do about each.
export function ProblemTable({ problems, codes, caption = 'Problems' }) {
  const means = new Map((codes || []).map((c) => [c.code, c]));
  return html`<ul class="problems" aria-label=${caption}>${problems.map((p) => html`<li class=${p.severity}>
    <div class="line"><${Severity} is=${p.severity} /><a href=${address('problems', '', { code: p.code })}>${p.code}</a><span class="ref">${refText(p.object)}</span>
      ${p.field && html`<code>${p.field}</code>`}${p.source && html`<span class="quiet">${p.source}</span>`}
      ${p.agents?.length > 0 && html`<span class="quiet">concerns ${[].concat(p.agents).join(', ')}</span>`}</div>
    <p>${p.message}</p>
    ${means.get(p.code) && html`<details><summary>What ${p.code} means, and what to do</summary><p>${means.get(p.code).meaning}</p><p>${means.get(p.code).remedy}</p></details>`}</li>`)}</ul>`;
}

const order = ['error', 'warning', 'info'];
export const bySeverity = (a, b) => order.indexOf(a.severity) - order.indexOf(b.severity);
// SHOWN bounds the Problems that are drawn at once.
const SHOWN = 300;

export function Problems({ at }) {
  useStore();
  const [filter, set] = useFilters(at);
  const answer = useList('../api/problems', 'problems'), codes = useList('../api/codes');
  return html`<div class="title"><h1>Problems</h1><p class="quiet"><${Age} answer=${answer} /></p></div>
    <${Loaded} answer=${answer} what="The list of Problems">${(all) => {
      const q = filter('q').toLowerCase();
      const is = (p, except) => (except === 'severity' || !filter('severity') || p.severity === filter('severity'))
        && (!filter('namespace') || (p.object?.namespace || '') === filter('namespace')) && (!filter('code') || p.code === filter('code'))
        && (!q || [p.message, refText(p.object), p.field, p.code, p.source].some((t) => t && t.toLowerCase().includes(q)));
      const shown = all.filter((p) => is(p)).sort(bySeverity);
      return html`<div class="filters" role="search" aria-label="Filter the Problems">
        <div class="field" role="group" aria-label="Severity"><span>Severity</span><div class="switch">${['', ...order].map((s) => html`<button aria-pressed=${filter('severity') === s} onClick=${() => set({ severity: s })}>
          ${s || 'all'} <span class="quiet">${count(all.filter((p) => is(p, 'severity') && (!s || p.severity === s)).length)}</span></button>`)}</div></div>
        <${Choice} label="Namespace" value=${filter('namespace')} options=${distinct(all, (p) => p.object?.namespace)} onChange=${(namespace) => set({ namespace })} />
        <${Choice} label="Code" value=${filter('code')} options=${distinct(all, (p) => p.code)} onChange=${(code) => set({ code })} />
        <${TextFilter} label="Text" value=${filter('q')} onChange=${(v) => set({ q: v })} /></div>
      ${all.length === 0 ? html`<${Empty} title="There are no Problems.">Everything in the objects that were read is in effect.<//>`
        : shown.length === 0 ? html`<${Empty} title="No Problem matches.">Clear the filters: there are ${count(all.length)}.<//>`
          : html`<${ProblemTable} problems=${shown.slice(0, SHOWN)} codes=${codes.data} /><${LeftOut} n=${shown.length - Math.min(SHOWN, shown.length)} what="Problems are" />`}`;
    }}<//>`;
}
