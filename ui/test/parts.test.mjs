// What needs no browser: node --test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { address, parse } from '../src/address.js';
import { lines, near } from '../src/diff.js';
import { around, build, failing, idOf, inNamespace, MOST, MOST_LINKS, split, tooMany } from '../src/model.js';

const edge = (from, to, calls, errors = 0, more = {}) => ({
  source: { namespace: from.split('/')[0], workload: from.split('/')[1] }, destination: { namespace: to.split('/')[0], service: to.split('/')[1], port: 80 },
  subset: '', zone: '', calls: 0, errors: 0, dropped: 0, in_progress: 0, calls_per_second: calls, errors_per_second: errors, reported: '2026-11-30T00:00:00Z', ...more,
});
const hosts = new Map([
  ['shop/cart', { host: 'cart.shop', workloads: ['shop/cart'] }],
  ['bank/payment', { host: 'payment.bank', workloads: ['bank/payment-v1', 'bank/payment-v2'] }],
]);

test('a Service with one workload is that workload; several make a node of the Service', () => {
  const g = build([edge('shop/web', 'shop/cart', 10), edge('shop/cart', 'bank/payment', 4, 1, { subset: 'v1' }), edge('shop/cart', 'bank/payment', 4, 1, { subset: 'v2' }), edge('bank/payment-v2', 'bank/ledger', 1)], hosts);
  assert.deepEqual([...g.nodes.keys()].sort(), ['bank/payment-v2', 'service bank/ledger', 'service bank/payment', 'shop/cart', 'shop/web']);
  const l = g.links.get('shop/cart → service bank/payment');
  assert.equal(l.rate, 8);
  assert.equal(failing(l), 0.25);
  assert.deepEqual(split(l).map((s) => [s.subset, s.share]), [['v1', 0.5], ['v2', 0.5]]);
  assert.deepEqual(split(g.links.get('shop/web → shop/cart')), []);
  assert.ok(g.links.get('service bank/payment = bank/payment-v2').serves);
  assert.equal(g.links.size, 4, 'payment-v1 calls nothing, so it is not drawn');
});

test('an address names a node by its ID, or a Service by its name', () => {
  const g = build([edge('shop/web', 'shop/cart', 1), edge('shop/web', 'bank/payment', 1), edge('bank/payment', 'bank/ledger', 1), edge('shop/web', 'ops/mail', 1), edge('shop/web', '/example.com', 1)],
    new Map([...hosts, ['ops/mail', { host: 'mail.ops', workloads: ['ops/mail-blue'] }]]));
  for (const [named, id] of Object.entries({
    'shop/web': 'shop/web', 'bank/payment': 'bank/payment', 'service bank/payment': 'service bank/payment', 'bank/ledger': 'service bank/ledger', 'service shop/cart': 'shop/cart',
    'ops/mail': 'ops/mail-blue', 'service ops/mail': 'ops/mail-blue', 'example.com': 'service /example.com', 'shop/none': 'shop/none', '': '',
  })) assert.equal(idOf(g, named), id);
});

test('a namespace keeps what it calls and what calls it', () => {
  const g = inNamespace(build([edge('shop/web', 'shop/cart', 1), edge('shop/cart', 'bank/payment', 1), edge('bank/x', 'bank/y', 1)], new Map()), 'shop');
  assert.deepEqual([...g.links.keys()], ['shop/web → shop/cart', 'shop/cart → service bank/payment']);
});

test('the surroundings of a node are bounded, those that fail first', () => {
  const g = build([...Array(60).keys()].map((i) => edge('shop/w' + i, 'shop/hub', i, i === 0 ? 5 : 0)), new Map());
  const near = around(g, 'service shop/hub');
  assert.equal(near.links.size, 40);
  assert.equal(near.leftOut, 20);
  assert.ok(near.links.has('shop/w0 → service shop/hub'));
});

test('addresses come back as they were written, whatever is in them', () => {
  for (const argument of ['cart.shop.svc.cluster.local', 'a b/c?d=#é%', '<script>']) {
    const at = parse(address('host', argument, { q: 'x&y=#', none: '' }));
    assert.equal(at.view, 'host');
    assert.equal(at.argument, argument);
    assert.equal(at.filters.get('q'), 'x&y=#');
    assert.equal(at.filters.has('none'), false);
  }
  assert.equal(parse('').view, 'mesh');
  assert.equal(parse('#/host/%E0%A4%A').argument, '%E0%A4%A');
});

test('a diff turns the text before into the text after', () => {
  const texts = ['', 'a\nb\nc\n', 'a\nx\nc\n', 'b\nc\nd\n', 'c\nb\na\n', 'a\n'];
  for (const before of texts) {
    for (const after of texts) {
      const all = lines(before, after);
      const side = (sign) => all.filter(([s]) => s === ' ' || s === sign).map(([, t]) => t + '\n').join('');
      assert.equal(side('-'), before);
      assert.equal(side('+'), after);
    }
  }
  const long = [...Array(50).keys()].join('\n');
  assert.deepEqual(near(lines(long, long.replace('\n25\n', '\nnew\n'))).map((l) => (l ? l.join('') : '…')), ['…', ' 22', ' 23', ' 24', '-25', '+new', ' 26', ' 27', ' 28', '…']);
});

test('a drawing is bounded by nodes and by lines, and so is what is around one node', () => {
  const lines = (n, of) => build(Array.from({ length: n }, (_, i) => edge('a/w' + (i % of), 'b/s' + Math.floor(i / of), 1)), new Map());
  assert.equal(tooMany(lines(MOST_LINKS, 20)), false);
  assert.equal(tooMany(lines(MOST_LINKS + 1, 20)), true);
  assert.equal(tooMany(lines(MOST, MOST)), true, 'one Service and its callers');
  assert.equal(tooMany(around(lines(1000, 20), 'a/w0')), false);
});
