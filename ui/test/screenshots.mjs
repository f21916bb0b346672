// Writes the pictures in docs/ui: make ui-screenshots. The mesh is the one of the browser tests, without their hostile texts.
import { fileURLToPath } from 'node:url';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { launch, open, Plane } from './mesh.mjs';

const pictures = [
  ['mesh', '#/mesh', 'light', 1280, '.link.bad'],
  ['mesh-dark', '#/mesh?node=shop/checkout', 'dark', 1280, 'aside h3'],
  ['host-dark', '#/host/payment.bank.svc.cluster.local', 'dark', 1280, '.rule'],
  ['host', '#/host/cart.shop.svc.cluster.local', 'light', 1280, '.rule', null, '#endpoints'],
  ['client', '#/clients?state=refused', 'light', 1280, 'tbody a[href*="/client/"]', 'refuser.ops'],
  ['history-dark', '#/history', 'dark', 1280, 'tbody tr', /^g-/],
  ['problems-390', '#/problems', 'light', 390, '.problems li'],
  ['mesh-390', '#/mesh', 'dark', 390, 'tbody tr'],
];
const browser = await launch();
const plane = await Plane.start({ mesh: [] });
await new Promise((r) => setTimeout(r, 15_000)); // until rates are there, and some calls failed
const file = plane.dir + '/mesh.yaml';
await writeFile(file + '.new', (await readFile(file, 'utf8')).replace('weight: 80', 'weight: 70').replace('weight: 20', 'weight: 30'));
await rename(file + '.new', file);
await new Promise((r) => setTimeout(r, 5000));
const paths = await (await fetch(`http://${plane.admin}/`)).text();
for (const [name, fragment, colorScheme, width, selector, click, top] of pictures) {
  if (name.startsWith('history') && !paths.includes('/api/history')) continue;
  const page = await open(browser, plane, fragment, { viewport: { width, height: width < 500 ? 844 : 760 }, colorScheme });
  await page.locator(selector).first().waitFor();
  if (click) {
    await page.locator('main').getByRole('link', { name: click }).first().click();
    await page.locator('main h2').first().waitFor();
  }
  await page.waitForTimeout(2500);
  if (top) await page.locator(top).evaluate((e) => scrollTo(0, e.offsetTop - document.querySelector('header').offsetHeight - 16));
  await page.evaluate(() => document.querySelector('footer').remove()); // it names this machine
  await page.screenshot({ path: fileURLToPath(new URL(`../../docs/ui/${name}.png`, import.meta.url)) });
  for (const fault of page.faults) console.error(`${name}: ${fault}`);
  await page.context().close();
}
await plane.stop();
await browser.close();
