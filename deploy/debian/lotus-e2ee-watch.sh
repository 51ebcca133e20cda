#!/bin/sh
exec /usr/lib/lotus-e2ee-watch/bin/node --disallow-code-generation-from-strings /usr/lib/lotus-e2ee-watch/@MAIN@ "$@"
