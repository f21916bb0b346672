// Compares two texts by lines.
import { html, useMemo } from './dom.js';

// MOST bounds the work: longer texts are compared from their first and last common lines on, as one block.
const MOST = 2000;
const CONTEXT = 3;

// lines returns [sign, text] for each line: ' ', '-' or '+'.
export function lines(before, after) {
  const a = before ? before.replace(/\n$/, '').split('\n') : [], b = after ? after.replace(/\n$/, '').split('\n') : [];
  let head = 0, tail = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const x = a.slice(head, a.length - tail), y = b.slice(head, b.length - tail);
  const middle = x.length > MOST || y.length > MOST ? [...x.map((t) => ['-', t]), ...y.map((t) => ['+', t])] : longest(x, y);
  return [...a.slice(0, head).map((t) => [' ', t]), ...middle, ...a.slice(a.length - tail).map((t) => [' ', t])];
}

// longest keeps the longest common subsequence.
function longest(x, y) {
  const wide = y.length + 1, table = new Uint32Array((x.length + 1) * wide);
  for (let i = x.length - 1; i >= 0; i--) {
    for (let j = y.length - 1; j >= 0; j--) {
      table[i * wide + j] = x[i] === y[j] ? table[(i + 1) * wide + j + 1] + 1 : Math.max(table[(i + 1) * wide + j], table[i * wide + j + 1]);
    }
  }
  const out = [];
  let i = 0, j = 0;
  while (i < x.length && j < y.length) {
    if (x[i] === y[j]) { out.push([' ', x[i]]); i++; j++; } else if (table[(i + 1) * wide + j] >= table[i * wide + j + 1]) out.push(['-', x[i++]]);
    else out.push(['+', y[j++]]);
  }
  while (i < x.length) out.push(['-', x[i++]]);
  while (j < y.length) out.push(['+', y[j++]]);
  return out;
}

// near leaves out lines that are far from a change. null stands for what is left out.
export function near(all) {
  const keep = new Set();
  all.forEach(([sign], i) => { if (sign !== ' ') for (let k = i - CONTEXT; k <= i + CONTEXT; k++) keep.add(k); });
  const out = [];
  all.forEach((line, i) => { if (keep.has(i)) out.push(line); else if (out.at(-1) !== null) out.push(null); });
  return out;
}

const names = { '-': 'removed', '+': 'added' };

export function Diff({ before, after, beforeName, afterName }) {
  const shown = useMemo(() => near(lines(before, after)), [before, after]);
  if (shown.every((l) => l === null || l[0] === ' ')) return html`<p class="quiet">The texts do not differ.</p>`;
  return html`<figure class="diff"><figcaption><span class="removed">− ${beforeName}</span> <span class="added">+ ${afterName}</span></figcaption>
    <pre tabindex="0" aria-label=${`Difference between ${beforeName} and ${afterName}`}>${shown.map((l) => (l === null ? html`<span class="gap">…${'\n'}</span>`
      : l[0] === ' ' ? html`<span>  ${l[1]}${'\n'}</span>` : l[0] === '-' ? html`<del><span class="hidden">${names['-']} </span>- ${l[1]}${'\n'}</del>` : html`<ins><span class="hidden">${names['+']} </span>+ ${l[1]}${'\n'}</ins>`))}</pre></figure>`;
}
