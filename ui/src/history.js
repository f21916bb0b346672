// History: what changed, when, by what, and the difference beside the cause.
import { html } from './dom.js';
import { address, useFilters } from './address.js';
import { has, useList, useStore } from './live.js';
import { Diff } from './diff.js';
import { Ago, count, Empty, Failed, HostLink, LeftOut, Loaded, percent, plural, refText, Section, Table, TextFilter } from './parts.js';

const verbs = { create: 'created', update: 'changed', delete: 'deleted' };
const causeText = (c) => html`${refText(c.object)} <span class="quiet">${verbs[c.verb] || c.verb}${c.manager ? ' by ' + c.manager : ''}</span>`;

// Generations is a table of generations, of one host or of all.
export function Generations({ host, limit = 20 }) {
  const { paths } = useStore();
  const answer = useList(has('/api/history') ? '../api/history?' + new URLSearchParams({ ...(host && { host }), limit }) : '', 'hosts', 'clients');
  if (paths && !has('/api/history')) return html`<${Empty} title="This control plane keeps no history."><//>`;
  return html`<${Loaded} answer=${answer} what="The history">${(all) => all.length === 0
    ? html`<${Empty} title="No change is kept.">${host ? 'The configuration of this host has not changed since the history begins.' : 'The first change of a rule, Service or policy will be here.'}<//>`
    : html`<p class="quiet">Read <${Ago} time=${answer.at} /></p><${Table} caption="Generations, the newest first" keyOf=${(g) => g.id} rows=${all} columns=${[
      { title: 'No.', number: true, cell: (g) => g.generation },
      { title: 'Generation', cell: (g) => html`<a href=${address('history', g.id)}>${g.id}</a>${g.current && html` <span class="quiet">current</span>`}` },
      { title: 'When', cell: (g) => html`<${Ago} time=${g.at} /> <span class="quiet">${new Date(g.at).toLocaleString('sv-SE')}</span>` },
      { title: 'What', class: 'wide', cell: (g) => (g.first ? html`<span class="quiet">what was there at the start, ${plural(g.objects, 'object')}</span>` : html`<ul class="causes">${g.causes.slice(0, 3).map((c) => html`<li>${causeText(c)}</li>`)}${g.causes.length + (g.left_out?.causes || 0) > 3 && html`<li class="quiet">and ${count(g.causes.length - 3 + (g.left_out?.causes || 0))} more</li>`}</ul>`) },
      { title: 'Hosts', number: true, cell: (g) => count(g.hosts.length + (g.left_out?.hosts || 0)) },
      { title: 'Clients', number: true, cell: (g) => html`${count(g.clients)}${g.pending > 0 && html` <span class="quiet">+${g.pending} pending</span>`}` },
      { title: 'Refused', number: true, cell: (g) => html`<span class=${g.refused > 0 ? 'failed' : 'quiet'}>${count(g.refused)}</span>` },
    ]} />`}<//>`;
}

export function History({ at }) {
  const [filter, set] = useFilters(at);
  if (at.argument) return html`<${Generation} id=${at.argument} />`;
  return html`<div class="title"><h1>History</h1><p class="quiet">Each generation is a configuration that differs from the one before it. Endpoints are not part of it.</p></div>
    <div class="filters" role="search" aria-label="Filter the history"><${TextFilter} label="Host" value=${filter('host')} placeholder="cart.shop" onChange=${(host) => set({ host })} /></div>
    <${Generations} host=${filter('host')} limit="200" /><${Rollouts} />`;
}

const attempts = (a) => (a?.calls ? `${percent(a.errors / a.calls)} of ${count(a.calls)} attempts` : 'no attempts');

// Rollouts are changes that a part of the clients gets first, and pins, which hold rules as of a generation. Their attempts change with the edges.
export function Rollouts({ objects }) {
  useStore();
  const answer = useList(has('/api/rollouts') ? '../api/rollouts' : '', 'hosts', 'clients', 'problems', 'edges');
  if (answer.error && !answer.data) return html`<${Failed} error=${answer.error} what="The list of rollouts and pins" />`;
  const is = (a, b) => refText(a) === refText(b);
  const shown = (answer.data || []).filter((r) => !objects || [r.object, ...(r.objects || [])].some((o) => objects.some((b) => is(o, b))));
  const pins = shown.filter((r) => r.stage === 'Pinned'), rollouts = shown.filter((r) => r.stage !== 'Pinned');
  const aside = (some) => html`${count(some.length)}, read <${Ago} time=${answer.at} />`;
  return html`${pins.length > 0 && html`<${Section} id="pins" title="Pinned" aside=${aside(pins)}><p>All clients follow these rules as of an earlier generation. Edits of them have no effect until the pin ends.</p>
    <${Table} caption="Pins" keyOf=${(r) => refText(r.object)} rows=${pins} columns=${[
      { title: 'By', class: 'wide', cell: (r) => refText(r.object) },
      { title: 'Held', class: 'wide', cell: (r) => r.objects.map(refText).join(', ') || html`<span class="quiet">no rule is for its host</span>` },
      { title: 'What', class: 'wide', cell: (r) => r.message },
    ]} /><//>`}
  ${rollouts.length > 0 && html`<${Section} id="rollouts" title="Rolled out to a part of the clients first" aside=${aside(rollouts)}><${Table} caption="Rollouts" keyOf=${(r) => refText(r.object)} rows=${rollouts} columns=${[
    { title: 'Rule', class: 'wide', cell: (r) => refText(r.object) },
    { title: 'Stage', cell: (r) => html`<span class=${/abort/i.test(r.stage) ? 'failed' : ''}>${r.stage}</span>` },
    { title: 'Share', number: true, cell: (r) => `${r.percent} %, ${r.window}${r.abort ? ', abort' : ''}` },
    { title: 'Have it', number: true, cell: (r) => html`${plural(r.clients, 'client')}${r.pending > 0 && html` <span class="quiet">+${r.pending} pending</span>`}` },
    { title: 'Failed there', number: true, cell: (r) => attempts(r.first) }, { title: 'Failed elsewhere', number: true, cell: (r) => attempts(r.rest) },
    { title: 'Since', number: true, cell: (r) => (r.since ? html`<${Ago} time=${r.since} />` : html`<span class="quiet">–</span>`) },
    { title: 'Why', class: 'wide', cell: (r) => r.message || r.reason },
  ]} /><//>`}`;
}

function Generation({ id }) {
  const answer = useList('../api/history/' + encodeURIComponent(id), 'hosts', 'clients');
  return html`<${Loaded} answer=${answer} what=${'The generation ' + id}>${(g) => html`
    <div class="title"><h1>Generation ${g.generation} <small>${g.id}${g.current ? ', current' : ''}</small></h1><p class="quiet"><${Ago} time=${g.at} />${g.previous && html`, after <a href=${address('history', g.previous)}>${g.previous}</a>`}.
      It reached ${plural(g.clients, 'client')}; ${count(g.pending)} have not answered yet, ${g.refused > 0 ? html`<span class="failed">${count(g.refused)} refused it</span>` : 'none refused it'}.</p></div>
    ${g.first ? html`<p>What was there when this control plane first read its source: ${plural(g.objects, 'object')}.</p>` : html`
    <${Section} id="changes" title="What changed" aside=${count(g.changes.length)}>${g.changes.map((c) => html`<article class="resource"><h3>${refText(c.object)} <span class="quiet">${verbs[c.verb] || c.verb}${manager(g, c.object)}</span></h3>
      <${Diff} before=${c.before} after=${c.after} beforeName="before" afterName="after" /></article>`)}<${LeftOut} n=${g.left_out?.causes} what="objects are" /><//>`}
    <${Section} id="hosts" title="Hosts that it concerns" aside=${count(g.hosts.length)}>${g.hosts.length === 0 ? html`<p class="quiet">None.</p>` : html`<ul class="columns">${g.hosts.map((h) => html`<li><${HostLink} host=${h} /></li>`)}</ul>`}<${LeftOut} n=${g.left_out?.hosts} what="hosts are" /><//>
    ${(!g.current || g.previous) && html`<${Section} id="back" title=${g.current ? 'Undo it' : 'Go back to it'}><p>This page changes nothing. <code>controlplane rollback ${g.current ? g.previous : g.id}</code> prints the objects as they were ${g.current ? 'before' : 'then'}, for <code>kubectl apply -f -</code> or a commit.</p><//>`}`}<//>`;
}

const same = (a, b) => a.kind === b.kind && a.namespace === b.namespace && a.name === b.name;
function manager(g, object) {
  const cause = g.causes.find((c) => same(c.object, object));
  return cause?.manager ? ' by ' + cause.manager : '';
}
