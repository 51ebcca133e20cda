#!/bin/bash
# The package under a real systemd: `npm run test:systemd`. Boots this machine's own root in a container (writes go to memory, no network),
# installs the .deb there and runs inside.sh. Needs root, systemd-container, iproute2, curl, and the packages built into FOLDER.
#
# The last line is "N passed, N failed, N skipped". Where no container can be booted that is one named skip; with LOTUS_NO_SKIP=1 a failure.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
name=lotus-$$
container='' guest_init='' cgroups=()

cleanup() {
  set +e
  if [ -n "$container" ] && kill -0 "$container" 2>/dev/null; then
    # systemd's "power off" (systemd(1), SIGNALS).
    [ -z "$guest_init" ] || kill -s RTMIN+4 "$guest_init" 2>/dev/null
    for _ in $(seq 50); do kill -0 "$container" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$container" 2>/dev/null
  fi
  umount "$work/root" 2>/dev/null
  rm -rf --one-file-system "$work/packages" "$work/log"
  rmdir "$work/root" "$work" 2>/dev/null
  for cgroup in "${cgroups[@]}"; do
    echo $$ >"$(dirname "$cgroup")/cgroup.procs"
    find "$cgroup" -depth -type d -exec rmdir {} \;
  done 2>/dev/null
}
trap cleanup EXIT

# cannot REASON: no container here.
cannot() {
  printf 'The service under a real systemd: %s\n' "$1"
  if [ "${LOTUS_NO_SKIP:-}" = 1 ]; then
    [ ! -s "$work/log" ] || tail -n 20 "$work/log"
    printf '0 passed, 1 failed, 0 skipped\n'
    exit 1
  fi
  printf '0 passed, 0 failed, 1 skipped\n'
  exit 0
}

[ "$(id -u)" -eq 0 ] || cannot 'not root'
for command in systemd-nspawn nsenter ip curl dpkg-deb; do
  command -v "$command" >/dev/null || cannot "no $command (apt-get install systemd-container iproute2 curl)"
done

# Two versions, for the upgrade. Hardly compressed: what counts here is what is in them.
mkdir "$work/packages" "$work/root"
for version in 1.0.0 1.0.1; do
  "$repository/node_modules/.bin/node" "$repository/deploy/debian/build.ts" --flavour amd64 --compression 0 --version "$version" --out "$work/packages" >/dev/null
done

# Cgroups of our own, so that two runs at once don't meet: of the machine's first process in a hybrid set-up, or of the one hierarchy.
for hierarchy in /sys/fs/cgroup/unified /sys/fs/cgroup/systemd /sys/fs/cgroup; do
  [ -w "$hierarchy/cgroup.procs" ] || continue
  mkdir "$hierarchy/$name"
  echo $$ >"$hierarchy/$name/cgroup.procs"
  cgroups+=("$hierarchy/$name")
done

# nspawn refuses `/` itself, a bind mount of it is welcome. basic.target: the machine's own services stay off.
mount --bind / "$work/root"
mount --make-private "$work/root"
SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 setsid systemd-nspawn --directory "$work/root" --volatile=overlay --machine "$name" \
  --register=no --keep-unit --console=pipe --private-network --bind-ro="$repository:/repository" --bind-ro="$work/packages:/packages" \
  --boot -- systemd.unit=basic.target </dev/null >"$work/log" 2>&1 &
container=$!

# Nothing of our environment: RUNLEVEL=1, say, keeps packages' services from starting.
guest() {
  nsenter --target "$guest_init" --mount --pid --uts --ipc --net --cgroup --wd=/ -- env --ignore-environment PATH="$PATH" HOME=/root "$@"
}

is_up=''
for _ in $(seq 200); do
  guest_init=$(pgrep --parent "$container" | head -n 1) || true
  if [ -n "$guest_init" ] && guest systemctl is-system-running 2>/dev/null | grep -E 'running|degraded' >/dev/null; then is_up=1; break; fi
  kill -0 "$container" 2>/dev/null || break
  sleep 0.1
done
[ -n "$is_up" ] || cannot 'the container does not boot'
guest bash /repository/test/systemd/inside.sh
