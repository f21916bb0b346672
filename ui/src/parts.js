// Parts of views.
import { html, useState } from './dom.js';
import { address } from './address.js';
import { store, useNow } from './live.js';

// age says how long ago something was, in one unit.
export function age(milliseconds) {
  const s = Math.max(0, Math.round(milliseconds / 1000));
  if (s < 100) return `${s} s`;
  if (s < 100 * 60) return `${Math.round(s / 60)} min`;
  return s < 72 * 3600 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} d`;
}

// Ago shows the age of a time of the control plane. The time itself is its title.
export function Ago({ time, text = ' ago' }) {
  const now = useNow();
  const at = typeof time === 'number' ? time : Date.parse(time) - store.skew;
  if (!Number.isFinite(at)) return null;
  return html`<time dateTime=${new Date(at).toISOString()} title=${new Date(at).toLocaleString()}>${age(now - at)}${text}</time>`;
}

// rate has three digits at most, so that columns align and nothing is claimed that is not known.
export function rate(perSecond) {
  if (!perSecond) return '0';
  if (perSecond < 0.1) return '< 0.1';
  return perSecond < 99.95 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString('en-US');
}

export function percent(share) {
  if (!share) return '0 %';
  if (share < 0.001) return '< 0.1 %';
  return share < 0.0995 ? `${(100 * share).toFixed(1)} %` : `${Math.round(100 * share)} %`;
}

export const count = (n) => (n ?? 0).toLocaleString('en-US');
export const plural = (n, one, many = one + 's') => `${count(n)} ${n === 1 ? one : many}`;

// short is a host without the domain of the cluster.
export const short = (host) => host.replace(/\.svc\.[a-z0-9.-]+$/, '');

export const HostLink = ({ host, children }) => html`<a href=${address('host', host)} title=${host}>${children || short(host)}</a>`;
export const ClientLink = ({ client }) => html`<a href=${address('client', client.id)}>${client.node}</a>`;

export function refText(ref) {
  if (!ref) return '';
  return `${ref.kind} ${ref.namespace ? ref.namespace + '/' : ''}${ref.name}${ref.cluster ? '@' + ref.cluster : ''}`;
}

// Severity is a symbol and a word: color alone says nothing to many people.
const symbols = { error: '●', warning: '▲', info: '○' };
export const Severity = ({ is }) => html`<span class=${'severity ' + is}><span aria-hidden="true">${symbols[is] || '○'}</span> ${is}</span>`;

export function Counts({ problems }) {
  const some = ['error', 'warning', 'info'].filter((s) => problems && problems[s]);
  if (!some.length) return html`<span class="quiet">none</span>`;
  return some.map((s) => html`<span class=${'severity ' + s} title=${plural(problems[s], s)}><span aria-hidden="true">${symbols[s]}</span> ${problems[s]}<span class="hidden"> ${s}</span></span> `);
}

export const states = { current: 'current', behind: 'behind', refused: 'refused' };
export const State = ({ is }) => html`<span class=${'state ' + is}>${is === 'refused' ? '● ' : is === 'behind' ? '▲ ' : ''}${states[is] || is}</span>`;

export const proofs = {
  token: 'proved by token', certificate: 'proved by certificate', address: 'proved by the address of its pod', claim: 'not proved: the client only claims it',
};

// Empty is what a view shows instead of nothing: what that means, and what to do.
export const Empty = ({ title, children }) => html`<div class="empty"><p><strong>${title}</strong></p>${children && html`<p>${children}</p>`}</div>`;

// Failed shows why a list could not be read.
export function Failed({ error, what }) {
  const near = error.body && error.body.near;
  return html`<div class="empty" role="alert"><p><strong>${what} cannot be read.</strong></p><p>${error.message}</p>
    ${near && near.length > 0 && html`<ul>${near.map((n) => html`<li><${HostLink} host=${n.name} /> ${n.text}</li>`)}</ul>`}</div>`;
}

// Loaded shows a list, or why it is not there yet.
export function Loaded({ answer, what, children }) {
  if (answer.error && !answer.data) return html`<${Failed} error=${answer.error} what=${what} />`;
  if (!answer.data) return html`<p class="quiet" role="status">Reading …</p>`;
  return children(answer.data);
}

// LeftOut says that a list is longer than what is shown.
export const LeftOut = ({ n, what }) => (n ? html`<p class="quiet">${count(n)} more ${what} not shown.</p>` : null);

// Table has columns: {title, number, cell(row), key(row) to sort by}. Its caption is for screen readers unless it is shown.
export function Table({ caption, columns, rows, keyOf, rowClass, sort: initial }) {
  const [sort, set] = useState(initial || null);
  const shown = columns.filter(Boolean);
  let sorted = rows;
  if (sort && shown[sort.column]?.key) {
    const { key } = shown[sort.column], way = sort.down ? -1 : 1;
    sorted = [...rows].sort((a, b) => { const x = key(a), y = key(b); return way * (x < y ? -1 : x > y ? 1 : 0); });
  }
  const turn = (i) => set((s) => ({ column: i, down: s && s.column === i ? !s.down : !!shown[i].number }));
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}><table><caption class="hidden">${caption}</caption>
    <thead><tr>${shown.map((c, i) => html`<th scope="col" class=${c.number ? 'number' : ''} aria-sort=${sort?.column === i ? (sort.down ? 'descending' : 'ascending') : undefined}>
      ${c.key ? html`<button class="sort" onClick=${() => turn(i)}>${c.title}<span aria-hidden="true">${sort?.column === i ? (sort.down ? ' ↓' : ' ↑') : ''}</span></button>` : c.title}</th>`)}</tr></thead>
    <tbody>${sorted.map((r, i) => html`<tr key=${keyOf ? keyOf(r) : i} class=${rowClass ? rowClass(r) : ''}>
      ${shown.map((c) => html`<td class=${(c.number ? 'number ' : '') + (c.class || '')} data-title=${c.title}>${c.cell(r)}</td>`)}</tr>`)}</tbody></table></div>`;
}

// Choice is a labeled select. The first option is "all".
export function Choice({ label, value, options, onChange, all = 'all' }) {
  const known = value && !options.includes(value) ? [value, ...options] : options;
  return html`<label class="field"><span>${label}</span><select value=${value} onChange=${(e) => onChange(e.target.value)}>
    ${all !== null && html`<option value="">${all}</option>`}${known.map((o) => html`<option value=${o}>${o}</option>`)}</select></label>`;
}

export function TextFilter({ label, value, onChange, placeholder }) {
  return html`<label class="field"><span>${label}</span><input type="search" value=${value} placeholder=${placeholder} onInput=${(e) => onChange(e.target.value)} /></label>`;
}

// Section is a part of a view with a heading and, if it came by a request of its own, its age.
export const Section = ({ title, aside, children, id }) => html`<section aria-labelledby=${id}><h2 id=${id}>${title}${aside && html` <small>${aside}</small>`}</h2>${children}</section>`;

// Bar is a share, drawn.
export const Bar = ({ share, bad }) => html`<svg class=${'bar' + (bad ? ' bad' : '')} viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
  <rect class="whole" width="100" height="8" /><rect class="part" width=${Math.max(0, Math.min(100, 100 * share))} height="8" /></svg>`;
