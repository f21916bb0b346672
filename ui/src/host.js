// Host: what becomes of calls to one host.
import { html } from './dom.js';
import { address, useFilters } from './address.js';
import { has, useList } from './live.js';
import { edgeColumns, edgeKey, edgeRow } from './mesh.js';
import { Ago, Bar, Choice, count, Counts, Empty, HostLink, LeftOut, Loaded, percent, plural, refText, Section, short, Table, TextFilter } from './parts.js';
import { bySeverity, clientColumns, ProblemTable } from './lists.js';
import { Generations, Rollouts } from './history.js';

const kinds = ['gRPC Go', 'gRPC Java', 'gRPC C-core', 'gRPC Node', 'gRPC Rust', 'mizzen-java-agent'];

export function Host({ at }) {
  const [filter, set] = useFilters(at);
  const as = { agent: filter('agent'), namespace: filter('as'), zone: filter('zone') };
  const parameters = new URLSearchParams(Object.entries(as).filter(([, v]) => v));
  const answer = useList('../api/hosts/' + encodeURIComponent(at.argument) + (`${parameters}` ? '?' + parameters : ''), 'hosts', 'problems', 'clients', 'edges');
  const codes = useList('../api/codes');
  return html`<${Loaded} answer=${{ ...answer, data: answer.data || (answer.stale?.host === at.argument ? answer.stale : null) }} what=${'The host ' + at.argument}>${(h) => html`
    <div class="title"><h1>${short(h.host)} <small>${h.kind}</small></h1><p class="quiet">${h.host}${h.addresses?.length > 0 && ', ' + h.addresses.join(', ')}. Read <${Ago} time=${answer.at} />.</p></div>
    <${Summary} h=${h} />
    ${h.others?.length > 0 && html`<p class="note">Namespaces with a host of this name, whose clients call theirs: ${h.others.join(', ')}.</p>`}
    ${h.problems?.length > 0 && html`<${Section} id="problems" title="Problems" aside=${h.problems.length}><${ProblemTable} problems=${[...h.problems].sort(bySeverity)} codes=${codes.data} /><${LeftOut} n=${h.problemsLeftOut} what="Problems are" /><//>`}
    <${Rollouts} objects=${h.objects || []} />
    <${Section} id="routes" title="Routes" aside=${`as a client of ${h.as?.agent || 'gRPC'} in ${h.as?.namespace || 'its namespace'} is sent them`}>
      <div class="filters"><${Choice} label="Client kind" all="gRPC Go" value=${filter('agent')} options=${kinds.slice(1)} onChange=${(agent) => set({ agent })} />
        <${TextFilter} label="Client's namespace" value=${filter('as')} placeholder=${h.as?.namespace} onChange=${(v) => set({ as: v })} />
        <${TextFilter} label="Client's zone" value=${filter('zone')} onChange=${(zone) => set({ zone })} /></div>
      ${(h.routes || []).length === 0 && html`<${Empty} title="Clients are sent no routes for this host."><//>`}
      ${(h.routes || []).map((r) => html`<${Routes} r=${r} clusters=${new Map((h.clusters || []).map((c) => [c.name, c]))} />`)}
      ${(h.clusters || []).length > 0 && html`<h3>How calls are balanced, limited and encrypted</h3><${Clusters} clusters=${h.clusters} />`}<//>
    <${Section} id="endpoints" title="Endpoints" aside=${`${count(h.endpoints?.total)}`}><${Endpoints} h=${h} /><//>
    <${Section} id="callers" title="Who may call it"><${Access} access=${h.access} /><//>
    ${h.edges?.length > 0 && html`<${Section} id="edges" title="Who calls it" aside="attempts, averages of the last minute"><${Table} caption="Edges to this host" keyOf=${edgeKey} columns=${edgeColumns()} rows=${h.edges.map((e) => edgeRow(e))} /><${LeftOut} n=${h.edgesLeftOut} what="edges are" /><//>`}
    <${Section} id="clients" title="Who follows it" aside=${h.clients ? `${plural(h.clients.total, 'client')}, ${h.clients.behind} behind, ${h.clients.refused} refused` : ''}>
      ${h.clients?.items?.length > 0 ? html`<${Table} caption="Clients that follow this host" keyOf=${(r) => r.id} rows=${h.clients.items} columns=${clientColumns} />
        <p class="quiet"><a href=${address('clients', '', { host: h.host })}>All clients that follow it</a></p>` : html`<${Empty} title="No client of this replica follows the host.">Clients ask for a host when they dial it: <code>xds:///${short(h.host)}</code>.<//>`}<//>
    ${has('/api/history') && html`<${Section} id="history" title="History"><${Generations} host=${h.host} /><//>`}`}<//>`;
}

function Summary({ h }) {
  const { ready, total } = h.endpoints;
  return html`<dl class="summary"><div><dt>Ports</dt><dd>${(h.ports || []).map((p) => `${p.number}${p.name ? ' ' + p.name : ''}`).join(', ') || 'none'}</dd></div>
    <div><dt>Endpoints</dt><dd class=${total > 0 && ready === 0 ? 'failed' : ''}>${count(ready)} of ${count(total)} ready</dd></div>
    <div><dt>Clients</dt><dd>${count(h.clients?.total)}${h.clients?.refused > 0 && html`, <span class="failed">${h.clients.refused} refused</span>`}</dd></div>
    <div><dt>Problems</dt><dd><${Counts} problems=${tally(h.problems)} /></dd></div>
    ${(h.objects || []).length > 0 && html`<div><dt>Made from</dt><dd>${h.objects.map((o) => html`<span class="ref">${refText(o)}</span> `)}</dd></div>`}</dl>`;
}

const tally = (problems) => (problems || []).reduce((sum, p) => ({ ...sum, [p.severity]: (sum[p.severity] || 0) + 1 }), {});
const Origins = ({ from }) => (from?.length ? html`<span class="origin">${from.map((f) => `${refText(f.object || f)}${f.field ? ' ' + f.field : ''}${f.source ? ' (' + f.source + ')' : ''}`).join('; ')}</span>` : null);

// Routes draws the rules of one port: match and settings, and to which clusters its calls go with which shares.
function Routes({ r, clusters }) {
  const rules = (r.rules || []).filter((rule) => !rule.never); // a generated one that no call takes
  return html`<div class="routes"><h3>Port ${r.port} <span class="quiet">${r.dial && html`dialed as <code>xds:///${r.dial}</code>`}</span></h3>
    ${(r.absent || r.error) && html`<p class="note">${r.absent || r.error}</p>`}
    <ol aria-label=${`Rules of port ${r.port}, the first that matches a call applies`}>${rules.map((rule) => html`<li class=${'rule' + (rule.leftOut ? ' leftout' : '')}>
      <div class="match"><strong>${rule.match || 'every call'}</strong>${rule.rule && html`<span class="quiet">${rule.rule}</span>`}${rule.settings?.length > 0 && html`<span class="settings">${rule.settings.map((s) => s.text || s).join(' · ')}</span>`}
        ${rule.leftOut && html`<span class="failed">matches no call: ${rule.why}</span>`}<${Origins} from=${rule.from} /></div>
      <div class="to">${rule.answer && html`<p>${rule.answer}</p>`}
        <ul>${(rule.clusters || []).map((c) => html`<${Target} c=${c} cluster=${clusters.get(c.name)} />`)}</ul></div></li>`)}</ol><${LeftOut} n=${r.leftOut} what="rules are" /></div>`;
}

function Target({ c, cluster }) {
  const subset = cluster?.subset, none = cluster && (cluster.error || cluster.endpoints === 0 || cluster.ready === 0);
  const share = c.share / 100, endpoints = cluster?.endpoints;
  const zones = (cluster?.localities || []).map((l) => (l.name || '').replace(/^\//, '')).filter(Boolean).join(', ');
  return html`<li><div class="target"><span class="number share">${percent(share)}</span><${Bar} share=${share} bad=${none} />
    <span class="cluster"><span title=${c.name}>${cluster ? html`<${HostLink} host=${cluster.host} /><span class="quiet">:${cluster.port}</span>` : c.name}${subset && html` <strong>${subset}</strong>`}</span>
    ${cluster && html`<span class=${none ? 'failed' : 'quiet'}>${cluster.error || (endpoints === undefined ? '' : cluster.ready === undefined ? plural(endpoints, 'endpoint') : `${cluster.ready} of ${endpoints} endpoints ready`)}${zones && ' · ' + zones}${cluster.mtls && ' · mTLS'}</span>`}</span></div></li>`;
}

const Clusters = ({ clusters }) => html`<${Table} caption="Clusters that the routes lead to" keyOf=${(c) => c.name} rows=${clusters} columns=${[
  { title: 'Cluster', cell: (c) => html`<span title=${c.name}>${short(c.host)}:${c.port}${c.subset && html` <strong>${c.subset}</strong>`}</span>` },
  { title: 'Settings', class: 'wide', cell: (c) => [...(c.settings || []), ...(c.endpointNotes || [])].map((s) => s.text || s).join(' · ') },
  { title: 'Made from', class: 'wide', cell: (c) => (c.from?.length ? html`<${Origins} from=${c.from} />` : c.origins?.map(refText).join(', ')) },
]} />`;

const healths = { ready: 'ready', draining: 'draining', notReady: 'not ready' };

function Endpoints({ h }) {
  const items = h.endpoints?.items || [];
  if (items.length === 0) return html`<${Empty} title="The host has no endpoints, so calls to it fail.">See the selector and the pods of its Service, or its addresses.<//>`;
  const subsets = h.subsets || [];
  const zones = new Map();
  for (const e of items) {
    const z = zones.get(e.zone || '') || { ready: 0, total: 0 };
    z.total++; if (e.health === 'ready') z.ready++;
    zones.set(e.zone || '', z);
  }
  return html`<div class="counts"><${Tally} title="By zone" rows=${[...zones].sort().map(([name, z]) => [name || 'no zone', '', z])} />
      ${subsets.length > 0 && html`<${Tally} title="By subset" rows=${subsets.map((s) => [s.name, Object.entries(s.labels || {}).map(([k, v]) => `${k}=${v}`).join(','), s.endpoints])} />`}</div>
    <${Table} caption="Endpoints" keyOf=${(e) => e.address} rows=${items} columns=${[
      { title: 'Address', key: (e) => e.address, cell: (e) => html`${e.address}<span class="quiet">${(e.ports || []).map((p) => ':' + p.number).join(' ')}</span>` },
      { title: 'Pod', key: (e) => e.pod || '', class: 'wide', cell: (e) => e.pod || html`<span class="quiet">–</span>` },
      { title: 'Zone', key: (e) => e.zone || '', cell: (e) => e.zone || html`<span class="quiet">–</span>` },
      { title: 'Subsets', key: (e) => (e.subsets || []).join(), cell: (e) => (e.subsets || []).join(', ') || html`<span class="quiet">–</span>` },
      { title: 'Version', key: (e) => e.labels?.version || '', cell: (e) => e.labels?.version || html`<span class="quiet">–</span>` },
      { title: 'Health', key: (e) => e.health, cell: (e) => html`<span class=${e.health === 'ready' ? '' : 'failed'}>${healths[e.health] || e.health}</span>` },
      { title: 'Security', key: (e) => e.security || '', cell: (e) => e.security || html`<span class="quiet">–</span>` },
      { title: 'Used', key: (e) => (e.used ? 1 : 0), class: 'why', cell: (e) => html`${e.used ? 'yes' : html`<strong>no</strong>`}${e.why?.length > 0 && html`<span>: ${e.why.join(' ')}</span>`}` },
    ]} /><${LeftOut} n=${h.endpoints.leftOut} what="endpoints are" />`;
}

const Tally = ({ title, rows }) => html`<div><h3>${title}</h3><ul>${rows.map(([name, note, e]) => html`<li class="line"><span title=${note}>${name}</span><${Bar} share=${e.total ? e.ready / e.total : 0} bad=${e.ready === 0} /><span class=${'number' + (e.ready === 0 ? ' failed' : '')}>${e.ready}/${e.total}</span></li>`)}</ul></div>`;

function Access({ access }) {
  if (!access) return html`<p class="quiet">Not known.</p>`;
  if (!access.restricted) return html`<p>Every client: no AuthorizationPolicy restricts its servers.</p>`;
  const all = access.entries || [];
  const policies = access.policies?.length > 0 && html`<p class="quiet">By ${access.policies.map(refText).join(', ')}</p>`;
  if (all.length === 0) return html`${policies}<p class="failed">No service account that is known here may call it.</p>`;
  return html`${policies}<${Table} caption="Accounts that may call it" keyOf=${(a) => a.from + ' ' + a.to} rows=${all} columns=${[
    { title: 'Service account', key: (a) => a.from, cell: (a) => a.from }, { title: 'To', key: (a) => a.to, cell: (a) => a.to },
    { title: 'Methods', class: 'wide', cell: (a) => (a.allowed || []).map((m) => (m === '*' ? 'all others' : m)).join(', ') || html`<span class="failed">none</span>` },
  ]} /><${LeftOut} n=${access.leftOut} what="accounts are" />`;
}
