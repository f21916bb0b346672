// Client: who it is, what it asks for, and whether it has what is current.
import { html, useState } from './dom.js';
import { address } from './address.js';
import { useList } from './live.js';
import { Diff } from './diff.js';
import { edgeColumns, edgeKey, edgeRow } from './mesh.js';
import { Ago, count, Empty, HostLink, LeftOut, Loaded, plural, proofs, refText, Section, State, Table } from './parts.js';
import { bySeverity, ProblemTable } from './lists.js';

export function Client({ at }) {
  const codes = useList('../api/codes');
  const answer = useList('../api/streams/' + encodeURIComponent(at.argument), 'clients', 'problems', 'edges');
  return html`<${Loaded} answer=${answer} what="The client">${(c) => html`
    <div class="title"><h1>${c.node} <small><${State} is=${c.state} /></small></h1><p class="quiet">Read <${Ago} time=${answer.at} />. A client that connects again has another address here: <a href=${address('clients', '', { q: c.node })}>look for it by its node</a>.</p></div>
    <dl class="summary"><div><dt>Identity</dt><dd>${c.identity || 'none'}<span class="quiet">, ${proofs[c.proof] || 'not proved'}</span></dd></div>
      <div><dt>Namespace</dt><dd>${c.namespace}</dd></div><div><dt>Kind</dt><dd>${c.agent} ${c.version}</dd></div>
      <div><dt>Zone</dt><dd>${[c.region, c.zone].filter(Boolean).join(' / ') || 'not known'}</dd></div>
      <div><dt>Connected from</dt><dd>${c.peer}, <${Ago} time=${c.since} /></dd></div></dl>
    ${c.problems?.length > 0 && html`<${Section} id="problems" title="Problems" aside=${c.problems.length}><${ProblemTable} problems=${[...c.problems].sort(bySeverity)} codes=${codes.data} /><//>`}
    ${c.unknown?.length > 0 && html`<${Section} id="unknown" title="Names that do not exist" aside=${c.unknown.length}><p>It asks for these, and calls to them fail.</p><ul>${c.unknown.map((n) => html`<li><code>${n}</code></li>`)}</ul><//>`}
    <${Section} id="resources" title="What it asks for and holds, against what is current" aside=${`${plural(c.held.length + c.leftOut, 'resource')}, ${count(c.pending)} pending, ${count(c.refused)} refused`}><${Resources} resources=${c.held} of=${at.argument} /><${LeftOut} n=${c.leftOut} what="resources are" /><//>
    ${c.edges?.length > 0 && html`<${Section} id="edges" title="What its workload calls" aside="attempts, averages of the last minute"><${Table} caption="Edges of its workload" keyOf=${edgeKey} columns=${edgeColumns('out')} rows=${c.edges.map((e) => edgeRow(e))} /><//>`}`}<//>`;
}

// Name leads from the name of a cluster, outbound|PORT|SUBSET|HOST, to its host.
function Name({ name }) {
  const host = name.split('|')[3];
  return host ? html`<code>${name.slice(0, name.length - host.length)}<${HostLink} host=${host}>${host}<//></code>` : html`<code>${name}</code>`;
}

function Resources({ resources, of }) {
  const [asked, ask] = useState(null);
  if (resources.length === 0) return html`<${Empty} title="It holds nothing yet.">A client asks for resources when it dials the first name.<//>`;
  const differing = resources.filter((r) => r.state !== 'current');
  return html`${differing.map((r) => html`<article class="resource"><h3><${State} is=${r.state} /> ${r.type} <${Name} type=${r.type} name=${r.name} /></h3>
      ${r.reason && html`<p class=${r.state === 'refused' ? 'refusal' : ''}>${r.state === 'refused' ? 'The client says: ' : ''}${r.reason}</p>`}
      <p class="quiet">holds ${r.held || 'nothing'}, current is ${r.current}${r.origins?.length ? ', made from ' + r.origins.map(refText).join(', ') : ''}</p>
      ${r.currentText !== undefined && html`<${Diff} before=${r.heldText || ''} after=${r.currentText} beforeName="held" afterName="current" />`}</article>`)}
    ${differing.length === 0 && html`<p>It has the current version of everything that it asks for.</p>`}
    <details open=${differing.length === 0 && resources.length <= 12}><summary>All resources <span class="quiet">${count(resources.length)}</span></summary><${Table} caption="Resources" keyOf=${(r) => r.type + r.name} rows=${resources} columns=${[
      { title: 'Type', key: (r) => r.type, cell: (r) => r.type }, { title: 'Name', key: (r) => r.name, class: 'wide', cell: (r) => html`<${Name} type=${r.type} name=${r.name} />` },
      { title: 'Version', cell: (r) => html`<code>${r.held || r.current}</code>` }, { title: 'State', key: (r) => r.state, cell: (r) => html`<${State} is=${r.state} />` },
      { title: 'Made from', class: 'wide', cell: (r) => (r.origins || []).map(refText).join(', ') },
      { title: 'Text', cell: (r) => html`<button class="plain" aria-label=${`Text of ${r.type} ${r.name}`} onClick=${() => ask(r)}>show</button>` },
    ]} /></details>${asked && html`<${Text} of=${of} resource=${asked} />`}`;
}

// Text is one resource as the client should have it.
function Text({ of, resource: r }) {
  const answer = useList(`../api/streams/${encodeURIComponent(of)}?${new URLSearchParams({ type: r.type, name: r.name })}`, 'clients');
  return html`<article class="resource"><h3>${r.type} ${r.name}</h3><${Loaded} answer=${answer} what="The resource">${(c) => html`<pre class="text" tabindex="0">${c.held[0]?.currentText || 'It does not exist.'}</pre>`}<//></article>`;
}
