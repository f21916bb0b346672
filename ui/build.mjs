// Builds the page into internal/page/dist. The same versions give the same bytes.
import { build } from 'esbuild';
import { copyFile, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = process.argv[2] || here('../internal/page/dist');
await mkdir(out, { recursive: true });
await build({
  entryPoints: [here('src/main.js'), here('src/main.css')], outdir: out, bundle: true, minify: true, format: 'esm', target: ['es2022'],
  legalComments: 'none', charset: 'utf8', banner: { js: '// Contains Preact (MIT), htm (Apache-2.0), dagre and graphlib (MIT): see ui/LICENSES.md. Made by make ui.' },
});
await copyFile(here('index.html'), out + '/index.html');
