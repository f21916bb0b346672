// Starts what the browser tests look at: the real binary, a mesh that calls, and Chromium.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const bin = (name) => fileURLToPath(new URL('../../bin/' + name, import.meta.url));

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

// start runs a program until a line of its output matches.
async function start(path, args, ready) {
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  await new Promise((resolve, reject) => {
    const take = (chunk) => { output = (output + chunk).slice(-20_000); if (ready.test(output)) resolve(); };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('exit', (code) => reject(new Error(`${path} ended with ${code}:\n${output}`)));
    setTimeout(() => reject(new Error(`${path} is not ready:\n${output}`)), 60_000).unref();
  });
  return { child, output: () => output };
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode) return;
  child.kill('SIGTERM');
  await Promise.race([once(child, 'exit'), new Promise((r) => setTimeout(r, 8000).unref())]);
  if (child.exitCode === null) child.kill('SIGKILL');
}

// Plane is a control plane with a mesh, which can end and come back at the same address.
export class Plane {
  static async start({ mesh = ['-hostile'], serve = [] } = {}) {
    const p = new Plane();
    p.dir = await mkdtemp(join(tmpdir(), 'mizzen-ui-'));
    p.xds = '127.0.0.1:' + await freePort();
    p.admin = '127.0.0.1:' + await freePort();
    p.serve = serve;
    p.mesh = await start(bin('ui-mesh'), ['-dir', p.dir, '-xds', p.xds, ...mesh], /written/);
    await p.up();
    return p;
  }

  async up() {
    this.plane = await start(process.env.CONTROLPLANE || bin('controlplane'), ['serve', '--files', this.dir, '--xds-address', this.xds, '--admin-address', this.admin,
      '--identity', 'proof', '--load-report-interval', '1s', '--log-level', 'warn', ...this.serve], /ready xds=/);
  }

  down() { return end(this.plane.child); }
  kill() { this.plane.child.kill('SIGKILL'); return once(this.plane.child, 'exit'); }

  async stop() {
    await Promise.all([end(this.mesh.child), this.down()]);
    await rm(this.dir, { recursive: true, force: true });
  }

  address(fragment = '') { return `http://${this.admin}/ui/${fragment}`; }
}

// Debian's chromium, or the browser that runners of public CI have.
const browsers = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'];

// Chromium does not run as root in its sandbox.
export const launch = () => chromium.launch({ executablePath: browsers.find((b) => b && existsSync(b)), args: ['--no-sandbox'] });

// open opens a page that notes everything that must not happen: errors, violations of the policy, requests to elsewhere.
export async function open(browser, plane, fragment = '', options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.faults = [];
  page.expected = []; // texts of console errors that the test provokes
  page.on('pageerror', (e) => page.faults.push('error: ' + e));
  page.on('console', (m) => { if (m.type() === 'error' && !page.expected.some((t) => m.text().includes(t) || m.location().url.includes(t))) page.faults.push('console: ' + m.text()); });
  page.on('request', (r) => { if (new URL(r.url()).host !== plane.admin) page.faults.push('request to ' + r.url()); });
  page.on('dialog', (d) => { page.faults.push('dialog: ' + d.message()); d.dismiss(); });
  await page.addInitScript(() => addEventListener('securitypolicyviolation', (e) => console.error(`violates ${e.violatedDirective}: ${e.blockedURI}`)));
  await page.goto(plane.address(fragment));
  return page;
}
