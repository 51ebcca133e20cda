/**
 * The sources of the program to few files in `dist/daemon/`: a start that reads 60 modules costs 20 ms more than one that reads 6 (measured; an
 * empty program costs 27 ms). Types are checked elsewhere (`check:types`); nothing is minified, so stack traces stay readable. Packages stay
 * outside, except commander: every command needs it. With a FILE that program is bundled instead, beside the daemon's (for a benchmark of the code as shipped).
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = path.join(ROOT, 'daemon');

const input = process.argv[2] ?? 'daemon/main.ts';
const bundle = await rolldown({
  cwd: ROOT,
  input: { [path.basename(input, '.ts')]: input },
  platform: 'node',
  external: (id) => !id.startsWith('.') && !path.isAbsolute(id) && id !== 'commander',
  plugins: [{ name: 'module-addresses', transform: (code, id) => keepAddress(code, id) }],
});
await bundle.write({ dir: path.join(ROOT, 'dist/daemon'), format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' });

/** A module that looks for files beside itself finds them where it would be if it hadn't been bundled: `dist/daemon/demo/capture.ts`. */
function keepAddress(code: string, id: string): string | null {
  if (!id.startsWith(SOURCES) || !code.includes('import.meta')) return null;
  const others = code.match(/import\.meta\.(?!url\b)\w+/);
  if (others !== null) throw new Error(`Cannot bundle "${id}": it uses ${others[0]}, expected import.meta.url`);
  return code.replaceAll('import.meta.url', `new URL(${JSON.stringify(`./${path.relative(SOURCES, id)}`)}, import.meta.url).href`);
}
