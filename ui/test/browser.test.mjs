// The page in Chromium, with the real binary and real clients: make e2e-ui.
import assert from 'node:assert/strict';
import { appendFile, readFile, rename, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { join } from 'node:path';
import { launch, open, Plane } from './mesh.mjs';

let browser, shop;
before(async () => {
  browser = await launch();
  shop = await Plane.start();
});
after(async () => {
  await shop?.stop();
  await browser?.close();
});

// check opens a page, runs f on it, and fails if anything happened that must not.
async function check(fragment, f, options, plane = shop) {
  const page = await open(browser, plane, fragment, options);
  try {
    await f(page);
    assert.deepEqual(page.faults, []);
  } finally {
    await page.context().close();
  }
}

// edit replaces texts in the objects of the shop.
async function edit(...pairs) {
  const file = join(shop.dir, 'mesh.yaml');
  let text = await readFile(file, 'utf8');
  for (let i = 0; i < pairs.length; i += 2) text = text.replace(pairs[i], pairs[i + 1]);
  await writeFile(file + '.new', text);
  await rename(file + '.new', file);
}

const drawn = { timeout: 20_000 };
const host = 'payment.bank.svc.cluster.local';
const views = ['#/mesh', '#/hosts', '#/clients', '#/problems', '#/history', '#/host/' + host, '#/mesh?node=shop/web'];

test('the mesh: nodes and edges, the failing one red', () => check('', async (page) => {
  assert.match(await page.title(), /Mizzen/);
  await page.waitForFunction(() => document.querySelectorAll('.link[data-link]').length === 13, null, drawn);
  await page.waitForFunction(() => document.querySelectorAll('[data-node]').length === 11, null, drawn);
  await page.locator('.link.bad').waitFor(drawn);
  const bad = await page.locator('.link.bad').evaluateAll((all) => all.map((l) => l.dataset.link));
  assert.deepEqual(bad, ['shop/checkout → service bank/payment']);
  assert.match(await page.locator('.link.bad .split').innerHTML(), /\d+ % to v1.*\d+ % to v2/);
  const colors = await page.evaluate(() => [...document.querySelectorAll('.link.bad path, .link:not(.bad):not(.serves) path')].map((p) => getComputedStyle(p).stroke));
  const red = await page.evaluate(() => { const x = document.createElement('i'); x.className = 'failed'; document.body.append(x); const c = getComputedStyle(x).color; x.remove(); return c; });
  assert.equal(colors.filter((c) => c === red).length, 1);
  await page.locator('[data-node="shop/web"]').click();
  assert.match(page.url(), /node=shop%2Fweb|node=shop\/web/);
  await page.getByRole('complementary', { name: 'shop/web' }).getByRole('link', { name: 'shop/cart' }).waitFor();
}));

test('the picked node is in sight, also in a box that is too small for the graph', async () => {
  for (const width of [1280, 390]) {
    for (const node of ['shop/web', 'bank/ledger']) {
      await check('#/mesh?as=graph&node=' + node, async (page) => {
        await page.locator(`[data-node="${node}"]`).waitFor(drawn);
        await page.waitForFunction((id) => {
          const n = document.querySelector(`[data-node="${id}"] rect`).getBoundingClientRect(), b = document.querySelector('.graph').getBoundingClientRect();
          return n.left >= b.left && n.right <= b.right && n.top >= b.top && n.bottom <= b.bottom;
        }, node, drawn);
      }, { viewport: { width, height: 760 } });
    }
  }
});

test('a namespace, a text and the table have addresses', async () => {
  await check('#/mesh?namespace=bank', async (page) => {
    await page.locator('[data-node="bank/ledger"]').waitFor(drawn);
    assert.equal(await page.locator('[data-node="ops/prober"]').count(), 0);
  });
  for (const node of ['bank/payment', 'service+bank/payment']) {
    await check('#/mesh?node=' + node, async (page) => {
      await page.getByRole('complementary', { name: 'bank/payment' }).getByRole('link', { name: 'shop/checkout' }).waitFor(drawn);
      await page.locator('[data-node="service bank/payment"][aria-current]').waitFor(drawn);
    });
  }
  await check('#/mesh?as=table&q=ledger', async (page) => {
    await page.getByRole('row').nth(1).waitFor(drawn);
    const rows = await page.locator('tbody tr').allInnerTexts();
    assert.ok(rows.length >= 2 && rows.every((r) => r.includes('ledger')), rows.join('\n'));
    assert.match(rows[0], /\d s ago/);
  });
});

test('each view opens at its address, fits on a phone, and has one heading and landmarks', async () => {
  for (const width of [1280, 390]) {
    for (const view of views) {
      await check(view, async (page) => {
        await page.locator('main h1').first().waitFor(drawn);
        await page.locator('.connection.live').waitFor(drawn);
        await page.waitForTimeout(300);
        const wide = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${view} at ${width}: ${wide} px too wide`);
        assert.equal(await page.locator('h1').count(), 1, view);
        for (const role of ['banner', 'navigation', 'main', 'contentinfo']) assert.equal(await page.getByRole(role).count(), 1, `${view}: ${role}`);
        const unnamed = await page.evaluate(() => [...document.querySelectorAll('input, select, button, a')]
          .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).map((e) => e.outerHTML));
        assert.deepEqual(unnamed, [], view);
      }, { viewport: { width, height: 844 } });
    }
  }
});

test('texts of clients and of authors are text', async () => {
  const inert = async (page) => {
    assert.notEqual(await page.title(), 'run');
    assert.notEqual(await page.title(), '1');
    assert.equal(await page.locator('main img, main script').count(), 0);
  };
  await check('#/clients', async (page) => {
    const link = page.getByRole('link', { name: "<script>document.title='run'</script>" });
    await link.waitFor(drawn);
    await inert(page);
    await link.click();
    await page.getByRole('heading', { level: 1, name: '<script>' }).waitFor(drawn);
    await inert(page);
  });
  await check('#/problems?code=InvalidRegex', async (page) => {
    await page.getByText('<img src=x onerror=').first().waitFor(drawn);
    await inert(page);
  });
  await check('#/host/' + encodeURIComponent('<img src=x onerror="document.title=1">'), async (page) => {
    page.expected.push('404');
    await page.getByRole('alert').waitFor(drawn);
    await inert(page);
  });
});

test('Problems have object, field and line, and are filtered', () => check('#/problems', async (page) => {
  const item = page.locator('.problems li', { hasText: 'InvalidRegex' });
  await item.waitFor(drawn);
  assert.match(await item.innerText(), /VirtualService shop\/catalog[\s\S]*spec\.http\[0\]\.match\[0\]\.uri\.regex[\s\S]*mesh\.yaml:\d+/);
  await item.locator('summary').click();
  assert.match(await item.innerText(), /RE2/);
  const all = await page.locator('.problems li').count();
  await page.getByRole('button', { name: /^error/ }).click();
  assert.match(page.url(), /severity=error/);
  assert.ok(await page.locator('.problems li').count() < all);
  assert.equal(await page.locator('.problems .warning').count(), 0);
}));

test('a host: routes by weight, endpoints and why one is not used', async () => {
  await check('#/host/' + host, async (page) => {
    await page.locator('.rule').first().waitFor(drawn);
    const rules = await page.locator('.rule').allInnerTexts();
    assert.match(rules[0], /pay\.Refunds[\s\S]*v1/);
    assert.match(rules[1], /80 %[\s\S]*v1[\s\S]*20 %[\s\S]*v2/);
  });
  await check('#/host/' + host, async (page) => {
    const kinds = page.getByLabel('Client kind');
    await kinds.waitFor(drawn);
    for (const kind of (await kinds.locator('option').allInnerTexts()).slice(1)) {
      await kinds.selectOption(kind);
      await page.getByText(`as a client of ${kind} in bank`).waitFor(drawn);
    }
  });
  await check('#/host/cart.shop.svc.cluster.local', async (page) => {
    const old = page.locator('tr', { hasText: '127.86.1.1' });
    await old.waitFor(drawn);
    assert.match(await old.innerText(), /not ready[\s\S]*no: /);
    await page.getByRole('link', { name: 'web-7c9d8b6f5-x2x4z' }).first().waitFor(drawn);
  });
});

test('the keyboard is enough', () => check('', async (page) => {
  await page.locator('[data-node="shop/web"]').waitFor(drawn);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  let reached = '';
  for (let i = 0; i < 30 && !reached; i++) {
    await page.keyboard.press('Tab');
    reached = await page.evaluate(() => document.activeElement.dataset?.node || document.activeElement.getAttribute('data-node') || '');
  }
  assert.ok(reached, 'no node is reached by Tab');
  await page.keyboard.press('Enter');
  await page.locator('aside h2').waitFor();
  await page.locator('main').focus();
  await page.keyboard.press('/');
  await page.keyboard.type('ledger');
  await page.getByRole('option', { name: /Host ledger/ }).waitFor(drawn);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'ledger.bank' }).waitFor(drawn);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
}));

test('colors have enough contrast, in both schemes and by the switch', async () => {
  for (const colorScheme of ['light', 'dark']) {
    await check('#/problems', async (page) => {
      await page.locator('.problems li').first().waitFor(drawn);
      const contrasts = () => page.evaluate(() => {
        const channel = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        const luminance = (name) => {
          const x = document.createElement('i');
          x.className = 'probe';
          document.body.append(x);
          x.style.color = `var(${name})`;
          const [r, g, b] = getComputedStyle(x).color.match(/\d+/g).map((v) => channel(v / 255));
          x.remove();
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const all = {};
        for (const text of ['--text', '--quiet', '--accent', '--bad']) {
          for (const ground of ['--ground', '--raised', '--bad-ground', '--mark']) {
            const [a, b] = [luminance(text), luminance(ground)].sort((x, y) => y - x);
            all[text + ' on ' + ground] = (a + 0.05) / (b + 0.05);
          }
        }
        return all;
      });
      for (const [pair, c] of Object.entries(await contrasts())) assert.ok(c >= 4.5, `${colorScheme}: ${pair} has ${c.toFixed(2)}`);
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const first = await ground();
      const turn = async (theme) => {
        await page.getByRole('button', { name: 'Colors' }).click();
        await page.locator(`html[data-theme=${theme}]`).waitFor({ state: 'attached' });
      };
      await turn('dark');
      await turn('light');
      const light = await ground();
      await turn('auto');
      assert.equal(await ground(), first);
      assert.equal(light === first, colorScheme === 'light');
    }, { colorScheme });
  }
});

test('a change shows without a reload', () => check('#/problems?code=NoSuchSubset', async (page) => {
  await page.getByText('No Problem matches').waitFor(drawn);
  await appendFile(join(shop.dir, 'mesh.yaml'), `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: mailer, namespace: shop}
spec: {hosts: [mailer], http: [{route: [{destination: {host: mailer, subset: none}}]}]}
`);
  await page.locator('.problems li', { hasText: 'mailer' }).waitFor(drawn);
}));

test('a client that refuses: what it says, and what it holds against what is current', () => check('#/clients?state=refused', async (page) => {
  await page.getByText('No client matches').waitFor(drawn);
  await edit('weight: 80', 'weight: 70', 'weight: 20', 'weight: 30');
  await page.getByRole('link', { name: 'refuser.ops' }).click(drawn);
  await page.locator('.refusal', { hasText: 'it does not like the weights: <script>' }).waitFor(drawn);
  assert.match(await page.locator('.diff del').allInnerTexts().then((t) => t.join('')), /80/);
  assert.match(await page.locator('.diff ins').allInnerTexts().then((t) => t.join('')), /70/);
  assert.match(await page.title(), /Mizzen/);
  await page.goto(shop.address('#/problems?code=Refused'));
  await page.locator('.problems li', { hasText: '<script>' }).first().waitFor(drawn);
  assert.equal(await page.locator('main img, main script').count(), 0);
}));

test('history: what changed, by what, and the difference', async (t) => {
  const paths = await (await fetch(`http://${shop.admin}/`)).text();
  await check('#/history', async (page) => {
    await page.getByRole('row', { name: 'what was there at the start' }).waitFor(drawn);
    const row = page.getByRole('row').filter({ hasText: 'VirtualService bank/payment' });
    const before = await row.count();
    await edit('timeout: 2s', 'timeout: 4s');
    await row.nth(before).waitFor(drawn);
    assert.match(await row.first().innerText(), /changed by mesh\.yaml/);
    await row.first().getByRole('link').first().click();
    await page.locator('.diff ins', { hasText: 'timeout: 4s' }).waitFor(drawn);
    await page.locator('.diff del', { hasText: 'timeout: 2s' }).waitFor(drawn);
    await page.getByRole('link', { name: 'payment.bank' }).click();
    await page.locator('section', { hasText: 'History' }).getByText('changed by mesh.yaml').first().waitFor(drawn);
  });
});

test('a rollout and a pin: who follows what, whose figures go on', async () => {
  await appendFile(join(shop.dir, 'mesh.yaml'), `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: shop, annotations: {mizzen.dev/rollout: "50%,1h"}}
spec: {hosts: [cart], http: [{route: [{destination: {host: cart}}]}]}
`);
  await check('#/history', async (page) => {
    const row = page.locator('#rollouts ~ * tbody tr', { hasText: 'VirtualService shop/cart' });
    await row.filter({ hasText: 'Running' }).waitFor(drawn);
    assert.match(await row.innerText(), /50 %, 1h[\s\S]*\d clients?/);
    assert.match(await page.locator('#rollouts').innerText(), /read \d+ s ago/);
    // Nothing but attempts changes from now on.
    const attempts = async () => (await row.innerText()).match(/of ([\d,]+) attempts/g)?.join();
    await page.waitForFunction(() => /of [\d,]+ attempts/.test(document.querySelector('#rollouts').parentElement.textContent), null, { timeout: 60_000 });
    const before = await attempts();
    for (let i = 0; i < 20 && (await attempts()) === before; i++) await page.waitForTimeout(500);
    assert.notEqual(await attempts(), before);
  });
  const [{ id }] = await (await fetch(`http://${shop.admin}/api/history?limit=1`)).json();
  const service = (annotations) => `kind: Service\nmetadata: {name: mailer, namespace: shop${annotations}}`;
  const pinned = service(`, annotations: {mizzen.dev/pin: "${id},${new Date(Date.now() + 3_600_000).toISOString()}"}`);
  await edit(service(''), pinned);
  for (const view of ['#/history', '#/host/mailer.shop.svc.cluster.local']) {
    await check(view, async (page) => {
      await page.locator('#pins').waitFor(drawn);
      assert.match(await page.getByRole('region', { name: 'Pins' }).innerText(), new RegExp(`Service shop/mailer[\\s\\S]*as of generation ${id} until`));
      assert.equal(await page.locator('#rollouts ~ *', { hasText: 'shop/mailer' }).count(), 0, 'a pin has no share and no window');
    });
  }
  await edit(pinned, service(''), 'metadata: {name: cart, namespace: shop, annotations: {mizzen.dev/rollout: "50%,1h"}}', 'metadata: {name: cart, namespace: shop}');
  await check('#/host/mailer.shop.svc.cluster.local', (page) => page.locator('#pins').waitFor({ state: 'detached', ...drawn }));
});

test('the page greys when the process ends, says since when, and recovers', () => check('', async (page) => {
  page.expected.push('ERR_CONNECTION_REFUSED', 'ERR_INCOMPLETE_CHUNKED_ENCODING', 'ERR_CONNECTION_RESET', 'ERR_EMPTY_RESPONSE');
  await page.locator('[data-node="shop/web"]').waitFor(drawn);
  await shop.kill();
  await page.locator('main.old').waitFor(drawn);
  assert.equal(await page.locator('.connection.live').count(), 0);
  const banner = page.getByRole('status').filter({ hasText: 'Not connected since' });
  await banner.waitFor(drawn);
  assert.match(await banner.innerText(), /since .*\d:\d\d/);
  assert.ok(await page.locator('[data-node="shop/web"]').isVisible(), 'what was known stays');
  await shop.up();
  await page.locator('main:not(.old)').waitFor({ timeout: 30_000 });
  await page.locator('.connection.live').waitFor(drawn);
  await page.waitForFunction(() => document.querySelectorAll('.link[data-link]').length === 13, null, { timeout: 30_000 });
}));

test('a token is asked for once, and is nowhere afterwards', async () => {
  const token = 'correct-horse-battery-staple';
  const file = join(shop.dir, '.token');
  await writeFile(file, token + '\n');
  const plane = await Plane.start({ serve: ['--admin-token', file] });
  try {
    await check('#/problems', async (page) => {
      page.expected.push('401');
      const input = page.getByLabel('Token');
      await input.waitFor(drawn);
      await input.fill('wrong-horse-battery-staple');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.querySelector('[role=alert]').textContent !== '', null, drawn);
      await input.fill(token);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.locator('.problems li').first().waitFor(drawn);
      const [cookie] = await page.context().cookies();
      assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict' && cookie.value !== token, JSON.stringify(cookie));
      const kept = await page.evaluate(() => JSON.stringify([location.href, { ...localStorage }, { ...sessionStorage }, document.cookie]));
      assert.ok(!kept.includes(token), kept);
      await page.reload();
      await page.locator('.problems li').first().waitFor(drawn);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByLabel('Token').waitFor(drawn);
    }, undefined, plane);
  } finally {
    await plane.stop();
  }
});

test('a search of which a request fails says so', () => check('', async (page) => {
  page.expected.push('/api/streams');
  const input = page.getByRole('combobox', { name: /Search/ }), nothing = page.getByText('Nothing has this text.');
  await page.route('**/api/streams?*', (route) => route.fulfill({ status: 503, body: 'the control plane is starting' }));
  await input.fill('zzz');
  await page.getByRole('option', { name: 'Not all could be searched: the control plane is starting' }).waitFor(drawn);
  assert.equal(await nothing.count(), 0);
  await input.fill('payment');
  await page.getByRole('option', { name: /Host payment/ }).waitFor(drawn);
  await page.getByRole('option', { name: /Not all could be searched/ }).waitFor(drawn);
  await page.unroute('**/api/streams?*');
  await input.fill('zzzz');
  await nothing.waitFor(drawn);
}));

test('the table of generations says when it was read, and the time of each beside its age', () => check('#/history', async (page) => {
  await page.getByText(/^Read \d+ s ago$/).waitFor(drawn);
  await page.getByRole('cell', { name: /ago \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/ }).first().waitFor(drawn);
}));

// tabs opens pages in one browser, which has six connections to the control plane for all of them.
async function tabs(n, hidden, f) {
  const context = await browser.newContext();
  try {
    // A browser without a screen shows each of its pages, so these are told whether they are hidden.
    await context.addInitScript((is) => {
      let now = is;
      Object.defineProperty(document, 'hidden', { get: () => now });
      window.hide = (next) => { now = next; document.dispatchEvent(new Event('visibilitychange')); };
    }, hidden);
    const pages = [];
    for (let i = 0; i < n; i++) {
      const page = await context.newPage();
      page.streams = 0;
      page.on('request', (r) => { if (r.url().endsWith('/api/events')) page.streams++; });
      await page.goto(shop.address(['#/mesh', '#/hosts'][i % 2]), { timeout: 10_000 });
      pages.push(page);
    }
    await f(pages);
  } finally {
    await context.close();
  }
}

test('eight tabs: the hidden ones have no stream, and each is there at once when it is shown', () => tabs(8, true, async (pages) => {
  for (const page of pages) {
    await page.evaluate(() => window.hide(false));
    await page.locator('.connection.live').waitFor(drawn);
    await page.locator('[data-node="shop/web"], tbody tr').first().waitFor(drawn);
    assert.equal(page.streams, 1);
    await page.evaluate(() => window.hide(true));
    await page.locator('main.old').waitFor(drawn); // what was read before is gray until it is read again
  }
  const [mesh] = pages;
  await mesh.evaluate(() => window.hide(false));
  await mesh.locator('main:not(.old)').waitFor(drawn);
  assert.equal(mesh.streams, 2);
}));

test('eight windows: four have a stream, the others ask every few seconds', () => tabs(8, false, async (pages) => {
  for (const page of pages) await page.locator('[data-node="shop/web"], tbody tr').first().waitFor(drawn);
  const before = pages.map((p) => p.streams);
  for (const page of pages.slice(4)) {
    const asked = page.streams;
    await page.waitForRequest((r) => r.url().endsWith('/api/events'), drawn);
    assert.ok(page.streams > asked);
  }
  assert.deepEqual(pages.slice(0, 4).map((p) => p.streams), before.slice(0, 4));
  for (const page of pages) assert.equal(await page.locator('.connection.live').count(), 1);
  const holders = (page) => page.evaluate(async () => (await navigator.locks.query()).held.map((l) => l.clientId));
  const last = pages[7], old = await holders(last);
  await pages[0].close();
  await last.waitForFunction(async (known) => {
    const { held } = await navigator.locks.query();
    return held.length === 4 && held.some((l) => !known.includes(l.clientId));
  }, old, drawn);
}));
