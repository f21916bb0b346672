// Search over everything: views, hosts, workloads, clients, Problems. The key / leads to it.
import { html, useEffect, useRef, useState } from './dom.js';
import { address } from './address.js';
import { read, store } from './live.js';
import { refText, short } from './parts.js';

// EACH is how many hits of one kind are listed.
const EACH = 6;

// search returns the hits, and why a list could not be read: then there may be more.
export async function search(q) {
  let failed = null;
  const some = (path) => read(path).catch((error) => { failed = error; return null; });
  const part = new URLSearchParams({ q, limit: EACH });
  const [hosts, streams, problems] = await Promise.all([some('../api/hosts?' + part), some('../api/streams?' + part), some('../api/problems')]);
  const low = q.toLowerCase();
  const workloads = new Set();
  for (const e of store.edges.values()) {
    const w = e.source.namespace + '/' + e.source.workload;
    if (w.toLowerCase().includes(low)) workloads.add(w);
  }
  const hits = [
    ...(hosts?.hosts || []).map((h) => ({ kind: 'Host', text: short(h.host), to: address('host', h.host) })),
    ...[...workloads].slice(0, EACH).map((w) => ({ kind: 'Workload', text: w, to: address('mesh', '', { node: w }) })),
    ...(streams?.clients || []).map((c) => ({ kind: 'Client', text: c.node, to: address('client', c.id) })),
    ...(problems || []).filter((p) => [p.code, p.message, refText(p.object)].some((t) => t?.toLowerCase().includes(low))).slice(0, EACH)
      .map((p) => ({ kind: 'Problem', text: `${p.code}, ${refText(p.object)}`, to: address('problems', '', { q }) })),
    ...(/^g-[0-9a-f]+$/.test(q) ? [{ kind: 'History', text: q, to: address('history', q) }] : []),
  ];
  return { hits, failed };
}

export function Search() {
  const [q, setQ] = useState(''), [found, setFound] = useState(null), [at, setAt] = useState(-1), [open, setOpen] = useState(false);
  const input = useRef(null);
  useEffect(() => {
    const slash = (e) => {
      if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName)) return;
      e.preventDefault();
      input.current.focus();
    };
    addEventListener('keydown', slash);
    return () => removeEventListener('keydown', slash);
  }, []);
  useEffect(() => {
    if (!q.trim()) { setFound(null); return undefined; }
    let over = false;
    const t = setTimeout(async () => { const now = await search(q.trim()); if (!over) { setFound(now); setAt(-1); } }, 150);
    return () => { over = true; clearTimeout(t); };
  }, [q]);
  const hits = found?.hits;
  const go = (hit) => { setOpen(false); setQ(''); input.current.blur(); location.hash = hit.to; };
  const key = (e) => {
    if (e.key === 'Escape') { setOpen(false); setQ(''); input.current.blur(); }
    if (!hits?.length) return;
    if (e.key === 'ArrowDown') { e.preventDefault(); setAt((at + 1) % hits.length); }
    if (e.key === 'ArrowUp') { e.preventDefault(); setAt((at + hits.length - 1 + (at < 0 ? 1 : 0)) % hits.length); }
    if (e.key === 'Enter') go(hits[Math.max(0, at)]);
  };
  const shown = open && q.trim() && hits;
  const failed = found?.failed && `Not all could be searched: ${found.failed.message}`;
  return html`<div class="search" role="search" onFocusOut=${(e) => { if (!e.currentTarget.contains(e.relatedTarget)) setOpen(false); }}>
    <input ref=${input} type="search" role="combobox" aria-label="Search hosts, workloads, clients and Problems" placeholder="Search  /" autocomplete="off" spellcheck=${false}
      aria-expanded=${!!shown} aria-controls="hits" aria-activedescendant=${shown && at >= 0 ? 'hit' + at : undefined} value=${q}
      onFocus=${() => setOpen(true)} onInput=${(e) => { setQ(e.target.value); setOpen(true); }} onKeyDown=${key} />
    <span class="hidden" role="status">${shown ? `${hits.length} hits. ${failed || ''}` : ''}</span>
    ${shown && html`<ul id="hits" role="listbox" aria-label="Hits">${failed && html`<li class="failed" role="option" aria-disabled="true">${failed}</li>`}${hits.length === 0 && !failed ? html`<li class="quiet" role="option" aria-disabled="true">Nothing has this text.</li>`
      : hits.map((h, i) => html`<li role="option" id=${'hit' + i} aria-selected=${i === at} onMouseDown=${(e) => { e.preventDefault(); go(h); }}><span class="quiet">${h.kind}</span> <span>${h.text}</span></li>`)}</ul>`}</div>`;
}
