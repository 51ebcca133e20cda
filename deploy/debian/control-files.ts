/** The texts of a package's control area and of its documentation: control, copyright, changelog. In: what the package is. Out: files' texts. */
import type { NpmPackage } from './runtime-packages.ts';
import { wrap } from './wrap.ts';

/** `all` runs on the system's Node; the others bring one along. */
export type Flavour = 'all' | 'amd64';

export interface PackageFacts {
  readonly version: string;
  readonly flavour: Flavour;
  /** KiB, as dpkg counts (policy 5.6.20). */
  readonly installedKib: number;
  readonly packages: readonly NpmPackage[];
  /** Seconds since 1970: the date of everything in the package. */
  readonly epoch: number;
}

const MAINTAINER = 'lotus-e2ee-watch developers <lotus-e2ee-watch@localhost.invalid>';

/** What the Node binary is linked to; version of libc from the official builds' own requirement (glibc 2.28). */
const DEPENDS: Readonly<Record<Flavour, string>> = {
  all: 'nodejs (>= 24~)',
  amd64: 'libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 8)',
};

export function controlFile({ version, flavour, installedKib }: PackageFacts): string {
  const runtime =
    flavour === 'all'
      ? "This package runs on the system's Node.js."
      : 'This package brings the Node.js it runs on, for systems whose own is older than 24.';
  return `Package: lotus-e2ee-watch
Version: ${version}
Architecture: ${flavour}
Maintainer: ${MAINTAINER}
Installed-Size: ${installedKib}
Depends: ${DEPENDS[flavour]}
Recommends: systemd
Suggests: matrix-synapse-py3, prometheus
Section: net
Priority: optional
Description: watches Synapse's log for end-to-end-encryption faults
 Follows the log of a Synapse homeserver and says which device is broken, why,
 since when, whom it silences and what heals it. Serves metrics for
 Prometheus. It only reads: nothing of Synapse, its database or its
 configuration is changed.
 .
${wrap(runtime, { first: ' ', next: ' ' })}
`;
}

export function copyrightFile({ packages, flavour }: PackageFacts): string {
  const own = `Files of lotus-e2ee-watch itself are under the Apache License, Version 2.0:
its text is in /usr/share/common-licenses/Apache-2.0.
Copyright 2026 the lotus-e2ee-watch developers
`;
  const node = `
/usr/lib/lotus-e2ee-watch/bin/node is Node.js (https://nodejs.org), under the
MIT license and those of its parts. Copyright Node.js contributors and others;
the whole text is in /usr/share/doc/lotus-e2ee-watch/node-license.gz.
`;
  const others = packages.map(
    ({ name, version, license }) =>
      ` ${name} ${version}: ${license}, copyright and text in\n  /usr/lib/lotus-e2ee-watch/node_modules/${name}\n`,
  );
  return `${own}${flavour === 'all' ? '' : node}${others.length === 0 ? '' : `\nIt comes with these packages of the npm registry:\n\n${others.join('')}`}`;
}

/** Debian's form of a changelog (policy 4.4), made of the entries of CHANGELOG.md. */
export function changelogFile({ version, epoch }: PackageFacts, changelog: string): string {
  const entries = changelog.split(/^## /m)[1]?.split(/^- /m).slice(1) ?? [];
  const items = entries.map((entry) => wrap(entry, { first: '  * ', next: '    ' }));
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  return `lotus-e2ee-watch (${version}) unstable; urgency=medium\n\n${items.join('\n')}\n\n -- ${MAINTAINER}  ${date}\n`;
}
