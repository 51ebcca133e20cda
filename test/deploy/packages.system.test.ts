// The Debian packages as they are built (dpkg-deb, strip, lintian; `npm run build` before). What they do on a machine is in test/systemd.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const canBuild = existsSync(join(REPOSITORY, 'dist')) && spawnSync('lintian', ['--version']).status === 0;
const FLAVOURS = ['all', 'amd64'] as const;

/** Two builds, from one commit. */
let folders: string[] = [];
beforeAll(() => {
  if (canBuild) folders = [build(), build()];
}, 180_000);
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function build(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lotus-packages-'));
  // Hardly compressed: a minute less, and the bytes are as equal.
  const run = spawnSync(process.execPath, ['deploy/debian/build.ts', '--version', '1.2.3', '--compression', '0', '--out', folder], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`The packages were not built: ${run.stderr}`);
  return folder;
}

function packageOf(flavour: string, build = 0): string {
  return join(folders[build] ?? '', `lotus-e2ee-watch_1.2.3_${flavour}.deb`);
}

function dpkg(...args: readonly string[]): string {
  return spawnSync('dpkg-deb', args, { encoding: 'utf8', maxBuffer: 2 ** 28 }).stdout;
}

describe.skipIf(!canBuild).each(FLAVOURS)('the package %s', (flavour) => {
  it('is the same bytes in each build', () => {
    expect(readFileSync(packageOf(flavour)).equals(readFileSync(packageOf(flavour, 1)))).toBe(true);
  });

  it('is one that lintian has no complaint about', () => {
    const run = spawnSync('lintian', ['--fail-on', 'error,warning', '--allow-root', packageOf(flavour)], { encoding: 'utf8' });
    expect({ exitCode: run.status, output: run.stdout }).toEqual({ exitCode: 0, output: '' });
  });

  it('depends on what it runs on', () => {
    const depends = dpkg('--field', packageOf(flavour), 'Depends');
    expect(depends.includes('nodejs (>= 24~)')).toBe(flavour === 'all');
    expect(depends.includes('libc6')).toBe(flavour === 'amd64');
  });

  it('belongs to root, and nobody else may write', () => {
    const lines = dpkg('--contents', packageOf(flavour)).trim().split('\n');
    expect(lines.length).toBeGreaterThan(100);
    expect(lines.filter((line) => !line.includes(' root/root ') || /^.(?:.{4}w|.{7}w)/.test(line.replace(/^l\S+/, 'l')))).toEqual([]);
  });

  it('has what was built, and nothing of how it is made', () => {
    const files = dpkg('--contents', packageOf(flavour));
    for (const file of [
      './etc/lotus-e2ee-watch/config.yml',
      './lib/systemd/system/lotus-e2ee-watch.service',
      './usr/bin/lotus-e2ee-watch',
      './usr/lib/lotus-e2ee-watch/bin/node',
      './usr/share/bash-completion/completions/lotus-e2ee-watch',
      './usr/share/lotus-e2ee-watch/METRICS.md',
      './usr/share/lotus-e2ee-watch/systemd/60-socket.conf',
      './usr/share/man/man8/lotus-e2ee-watch.8.gz',
    ])
      expect(files).toContain(file);
    expect(files).not.toMatch(/\.ts$|\.map$|typescript|vitest|share\/lotus-e2ee-watch\/debian/m);
  });

  it('has a configuration that an administrator may change', () => {
    expect(dpkg('--info', packageOf(flavour), 'conffiles')).toBe('/etc/lotus-e2ee-watch/config.yml\n');
  });
});

describe.skipIf(!canBuild)('unpacked', () => {
  let root = '';
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'lotus-unpacked-'));
    dpkg('--extract', packageOf('amd64'), root);
  });
  afterAll(() => {
    rmSync(root, { recursive: true });
  });

  it('the program runs on the Node that came with it', () => {
    const library = join(root, 'usr/lib/lotus-e2ee-watch');
    const run = spawnSync(join(library, 'bin/node'), [join(library, 'dist/daemon/main.js'), 'check', '--json'], { encoding: 'utf8' });
    expect(JSON.parse(run.stdout)).toMatchObject({ ok: true });
  });

  it('the man page is one that man has no complaint about', () => {
    const page = join(root, 'usr/share/man/man8/lotus-e2ee-watch.8.gz');
    const run = spawnSync('man', ['--warnings', '--encoding=UTF-8', '--local-file', page], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '80' },
    });
    expect({ complaints: run.stderr, exitCode: run.status }).toEqual({ complaints: '', exitCode: 0 });
    for (const word of ['analyze', 'doctor', '--config', '78', 'SIGHUP']) expect(run.stdout).toContain(word);
  });

  it.each([
    ['lotus-e2ee-watch do', ['doctor']],
    ['lotus-e2ee-watch doctor --js', ['--json']],
    ['lotus-e2ee-watch run --con', ['--config']],
  ])('bash completes %s', (line, expected) => {
    const words = line.split(' ');
    const script = `source ${join(root, 'usr/share/bash-completion/completions/lotus-e2ee-watch')}
COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _lotus_e2ee_watch; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout.trim().split('\n')).toEqual(expected);
  });
});

const SCRIPTS = ['test/systemd/run.sh', 'test/systemd/inside.sh', 'test/deploy/containerfile.sh', '.ci/run'];
const MAINTAINER_SCRIPTS = ['postinst', 'prerm', 'postrm', 'lotus-e2ee-watch.sh', 'deb.sh'].map((name) => `deploy/debian/${name}`);

it.skipIf(spawnSync('shellcheck', ['--version']).status !== 0).each([...SCRIPTS, ...MAINTAINER_SCRIPTS])(
  'shellcheck has no complaint about %s',
  (script) => {
    const run = spawnSync('shellcheck', ['--external-sources', script], { cwd: REPOSITORY, encoding: 'utf8' });
    expect({ exitCode: run.status, output: run.stdout }).toEqual({ exitCode: 0, output: '' });
  },
);
