/**
 * `npm run deb`: the Debian packages, both flavours, into dist-deb/. `_all` runs on the system's Node ≥ 24, `_amd64` brings Node 24 along.
 *
 * The same commit gives the same bytes: SOURCE_DATE_EPOCH, else the date of the last commit, is every file's date, and the archives are
 * packed by one thread. Needs dpkg-deb and, for amd64, strip (binutils).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Flavour } from './control-files.ts';
import { layOutPackage } from './package-tree.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const FLAVOURS: readonly Flavour[] = ['all', 'amd64'];

const USAGE = `Usage: npm run deb -- [options]

  --out FOLDER       where the packages go (dist-deb)
  --flavour NAME     all or amd64 alone
  --version VERSION  in place of package.json's
  --compression N    xz level, 0 … 9 (6); low ones are for tests`;

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(REPOSITORY, 'dist-deb') },
    flavour: { type: 'string' },
    version: { type: 'string' },
    compression: { type: 'string', default: '6' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(USAGE);
else main();

function main(): void {
  const version = values.version ?? (JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string }).version;
  const epoch = sourceDateEpoch();
  mkdirSync(values.out, { recursive: true });
  for (const flavour of FLAVOURS) {
    if (values.flavour !== undefined && values.flavour !== flavour) continue;
    const tree = mkdtempSync(join(tmpdir(), 'lotus-deb-'));
    try {
      layOutPackage({ repository: REPOSITORY, tree, version, flavour, epoch });
      const path = join(values.out, `lotus-e2ee-watch_${version}_${flavour}.deb`);
      pack(tree, path, epoch);
      console.log(path);
    } finally {
      rmSync(tree, { recursive: true });
    }
  }
}

/** One thread: with several, xz cuts the data into blocks, and how many threads there are is the machine's affair. */
function pack(tree: string, path: string, epoch: number): void {
  execFileSync('dpkg-deb', ['--root-owner-group', '--threads-max=1', '-Zxz', `-z${values.compression}`, '--build', tree, path], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function sourceDateEpoch(): number {
  const given = process.env['SOURCE_DATE_EPOCH'];
  const text = given ?? execFileSync('git', ['-C', REPOSITORY, 'log', '-1', '--format=%ct'], { encoding: 'utf8' });
  const epoch = Number(text.trim());
  if (!Number.isSafeInteger(epoch) || epoch < 0)
    throw new RangeError(`Cannot date the package: SOURCE_DATE_EPOCH is "${text.trim()}", expected seconds since 1970`);
  return epoch;
}
