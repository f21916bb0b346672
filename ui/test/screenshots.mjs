// Writes the pictures in docs/ui: make ui-screenshots. The mesh is the one of the browser tests.
import { fileURLToPath } from 'node:url';
import { launch, open, Plane } from './mesh.mjs';

const pictures = [
  ['mesh', '#/mesh', 'light', 1280, '.link.bad'],
  ['mesh-dark', '#/mesh?node=shop/checkout', 'dark', 1280, 'aside h3'],
  ['host-dark', '#/host/payment.bank.svc.cluster.local', 'dark', 1280, '.rule'],
  ['host', '#/host/cart.shop.svc.cluster.local', 'light', 1280, '.rule'],
  ['client', '#/clients', 'light', 1280, 'tbody a[href*="/client/"]', 'checkout-7c9d8b6f5-x2x4z'],
  ['problems-390', '#/problems', 'light', 390, '.problems li'],
  ['mesh-390', '#/mesh', 'dark', 390, 'tbody tr'],
];
const browser = await launch();
const plane = await Plane.start();
await new Promise((r) => setTimeout(r, 15_000)); // until rates are there, and some calls failed
for (const [name, fragment, colorScheme, width, selector, click] of pictures) {
  const page = await open(browser, plane, fragment, { viewport: { width, height: width < 500 ? 844 : 760 }, colorScheme });
  await page.locator(selector).first().waitFor();
  if (click) {
    await page.getByRole('link', { name: click }).first().click();
    await page.locator('main h2').first().waitFor();
  }
  await page.waitForTimeout(2500);
  await page.screenshot({ path: fileURLToPath(new URL(`../../docs/ui/${name}.png`, import.meta.url)) });
  for (const fault of page.faults) console.error(`${name}: ${fault}`);
  await page.context().close();
}
await plane.stop();
await browser.close();
