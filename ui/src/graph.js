// Draws a graph. dagre finds the places; positions are attributes, as the page's policy allows no inline styles.
import * as dagre from '@dagrejs/dagre';
import { html, useEffect, useMemo, useRef } from './dom.js';
import { address } from './address.js';
import { failing, name, RED, split } from './model.js';
import { percent, rate } from './parts.js';

const HEIGHT = 42, LETTER = 7.3, SMALL = 6.3;

// place takes most of the time of a view. tight-tree is twice as fast as the default, and as good for meshes.
function place({ nodes, links }) {
  const g = new dagre.graphlib.Graph({ multigraph: true }).setGraph({ rankdir: 'LR', nodesep: 22, ranksep: 44, ranker: 'tight-tree', marginx: 8, marginy: 16 }).setDefaultEdgeLabel(() => ({}));
  for (const [id, n] of nodes) g.setNode(id, { width: Math.max(128, Math.min(240, n.name.length * LETTER + 24, subline(n).length * SMALL + 58)), height: HEIGHT });
  for (const l of links.values()) g.setEdge(l.from, l.to, l.serves ? { width: 0, height: 0 } : { width: Math.max(78, splitText(l).length * SMALL), height: 14, labelpos: 'c' }, l.id);
  dagre.layout(g);
  const box = g.graph();
  const places = new Map([...nodes.keys()].map((id) => [id, g.node(id)]));
  const lines = new Map([...links.values()].map((l) => [l.id, { ...g.edge(l.from, l.to, l.id) }]));
  dock(links, places, lines, 'from', 'to', 0, 1);
  dock(links, places, lines, 'to', 'from', -1, -1);
  return { width: box.width || 300, height: box.height || 80, nodes: places, links: lines };
}

// dock lets the lines that go from left to right end at the sides of nodes, one below the other.
function dock(links, places, lines, end, other, index, side) {
  const at = new Map();
  for (const l of links.values()) {
    if (places.get(l.from).x >= places.get(l.to).x) continue; // it goes back: dagre's points are good
    at.set(l[end], [...(at.get(l[end]) || []), l]);
  }
  for (const [id, some] of at) {
    const n = places.get(id), step = Math.min(10, (HEIGHT - 12) / some.length);
    const toward = (l) => { const p = lines.get(l.id).points; return p.at(side > 0 ? 1 : -2).y + places.get(l[other]).y / 1e4; };
    some.sort((a, b) => toward(a) - toward(b)).forEach((l, i) => {
      const points = [...lines.get(l.id).points];
      points[index < 0 ? points.length - 1 : 0] = { x: n.x + (side * n.width) / 2 - (side < 0 ? 1 : 0), y: n.y + (i - (some.length - 1) / 2) * step };
      lines.get(l.id).points = points;
    });
  }
}

// curve is a smooth line through points.
function curve(points) {
  const p = (q) => `${q.x.toFixed(1)},${q.y.toFixed(1)}`;
  let d = 'M' + p(points[0]);
  for (let i = 1; i < points.length; i++) {
    const a = points[i - 1], b = points[i], middle = (a.x + b.x) / 2;
    d += `C${middle.toFixed(1)},${a.y.toFixed(1)} ${middle.toFixed(1)},${b.y.toFixed(1)} ${p(b)}`;
  }
  return d;
}

// Of a split at most three subsets are named.
const parts = (l) => split(l).slice(0, 3).map((s) => ({ ...s, text: `${percent(s.share)} to ${s.subset || 'all'}` }));
const splitText = (l) => parts(l).map((s) => s.text).join(', ');

const cut = (text, width, letter) => { const most = Math.floor((width - 18) / letter); return text.length > most ? text.slice(0, most - 1) + '…' : text; };

// reveal scrolls a graph that is larger than its box, so that the picked node is in sight. What is in sight stays where it is.
function reveal(box) {
  const n = box.querySelector('.node.picked rect')?.getBoundingClientRect(), b = box.getBoundingClientRect();
  if (!n) return;
  if (n.left < b.left || n.right > b.right) box.scrollLeft += (n.left + n.right - b.left - b.right) / 2;
  if (n.top < b.top || n.bottom > b.bottom) box.scrollTop += (n.top + n.bottom - b.top - b.bottom) / 2;
}

export function Graph({ graph, picked, link: addressOf }) {
  // Places depend on what there is, not on its rates: nothing moves while figures change.
  const key = [...graph.nodes.keys()].sort().join(' ') + '\n' + [...graph.links.values()].map((l) => l.id + ' ' + split(l).map((s) => s.subset)).sort().join(' ') + '\n' + [...graph.nodes.values()].map(subline).join(' ');
  const at = useMemo(() => place(graph), [key]);
  const box = useRef(null);
  useEffect(() => reveal(box.current), [picked, key]);
  const near = new Set(picked ? [...graph.links.values()].filter((l) => l.from === picked || l.to === picked).flatMap((l) => [l.id, l.from, l.to]) : []);
  const dim = (id) => (picked && id !== picked && !near.has(id) ? ' dim' : '');
  return html`<div ref=${box} class="graph scroll" tabindex="0" role="region" aria-label="Graph, scrollable"><svg class=${at.width >= 1700 ? '' : at.width > 1000 ? 'fit wide' : 'fit'} width=${Math.ceil(at.width)} height=${Math.ceil(at.height)} viewBox=${`0 0 ${Math.ceil(at.width)} ${Math.ceil(at.height)}`}
      role="group" aria-label=${`Graph of ${graph.nodes.size} workloads and ${graph.links.size} edges. The table has the same figures.`}>
    <defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 8 4 0 8z" /></marker>
      <marker id="bad" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 8 4 0 8z" /></marker></defs>
    ${[...graph.links.values()].map((l) => html`<${Link} key=${l.id} l=${l} at=${at.links.get(l.id)} dim=${dim(l.id)} />`)}
    ${[...graph.nodes.values()].map((n) => html`<${Node} key=${n.id} n=${n} at=${at.nodes.get(n.id)} dim=${dim(n.id)} picked=${n.id === picked} href=${addressOf(n.id)} />`)}
  </svg></div>`;
}

function Link({ l, at, dim }) {
  if (!at) return null;
  if (l.serves) return html`<g class=${'link serves' + dim}><path d=${curve(at.points)} /></g>`;
  const share = failing(l), bad = share >= RED;
  const kind = bad ? ' bad' : l.rate === 0 ? ' idle' : '';
  return html`<g class=${'link' + kind + dim} data-link=${l.id}>
    <path d=${curve(at.points)} stroke-width=${(1 + Math.min(3, Math.log10(1 + l.rate))).toFixed(2)} marker-end=${bad ? 'url(#bad)' : 'url(#end)'} />
    <text x=${at.x} y=${at.y - 4} text-anchor="middle">${rate(l.rate)}/s${share > 0 && html`<tspan class="failed" dx="5">${percent(share)}</tspan>`}</text>
    ${parts(l).length > 0 && html`<text class="split" x=${at.x} y=${at.y + 13} text-anchor="middle">${parts(l).map((s, i) => html`${i > 0 ? ', ' : ''}<tspan class=${failing(s) >= RED ? 'failed' : ''}>${s.text}</tspan>`)}</text>`}
    <title>${`${rate(l.rate)} attempts a second, ${percent(share)} failed`}</title></g>`;
}

const security = { mTLS: 'mTLS', mixed: 'partly mTLS', closed: 'closed' };
const notesOf = (n) => [n.unproved && n.name !== 'unproved' && 'unproved', security[n.host?.security]].filter(Boolean);
const subline = (n) => [n.namespace || 'external', ...notesOf(n)].join(' · ');

function Node({ n, at, dim, picked, href }) {
  if (!at) return null;
  const x = at.x - at.width / 2, y = at.y - at.height / 2;
  const share = n.in > 0 ? n.inFailed / n.in : 0;
  const ready = n.host?.endpoints && n.host.endpoints.total > 0 ? `${n.host.endpoints.ready}/${n.host.endpoints.total}` : '';
  const notes = notesOf(n);
  const says = `${n.kind} ${name(n)}: ${rate(n.in)} attempts a second in, ${percent(share)} failed, ${rate(n.out)} out${ready ? `, ${ready} endpoints ready` : ''}${notes.length ? ', ' + notes.join(', ') : ''}`;
  const none = n.host?.endpoints && n.host.endpoints.total > 0 && n.host.endpoints.ready === 0;
  return html`<a href=${href} class=${`node ${n.kind}${dim}${share >= RED || none ? ' bad' : ''}${picked ? ' picked' : ''}`} aria-label=${says} aria-current=${picked ? 'true' : undefined} data-node=${n.id}>
    <title>${says}</title><rect x=${x} y=${y} width=${at.width} height=${at.height} rx="3" />
    <text class="name" x=${x + 10} y=${y + 17}>${cut(n.name, at.width, LETTER)}</text>
    <text class="sub" x=${x + 10} y=${y + 33}>${cut(subline(n), at.width - (ready ? 30 : 0), SMALL)}</text>
    ${ready && html`<text class="sub" x=${x + at.width - 8} y=${y + 33} text-anchor="end">${ready}</text>`}</a>`;
}

export const nodeAddress = (filters) => (id) => address('mesh', '', { ...filters, node: id });
