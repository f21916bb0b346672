// Builds the page into internal/page/dist. The same versions give the same bytes. The bundle names a hash of what it was made from, which a
// test in Go compares, too.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = process.argv[2] || here('../internal/page/dist');
const sources = ['build.mjs', 'index.html', 'package-lock.json', ...(await readdir(here('src'))).map((name) => 'src/' + name)].sort();
const hash = createHash('sha256');
for (const name of sources) hash.update(name + '\n').update(await readFile(here(name)));
await mkdir(out, { recursive: true });
await build({
  entryPoints: [here('src/main.js'), here('src/main.css')], outdir: out, bundle: true, minify: true, format: 'esm', target: ['es2022'],
  legalComments: 'none', charset: 'utf8', banner: { js: '// Contains Preact (MIT), htm (Apache-2.0), dagre and graphlib (MIT): see ui/LICENSES.md. Made by make ui.\n// Sources: ' + hash.digest('hex') },
});
await copyFile(here('index.html'), out + '/index.html');
