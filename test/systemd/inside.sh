#!/bin/bash
# Runs as root in the booted container (run.sh): what an operator does with the package, and what happens to the service meanwhile.
# Each check prints a line; the last line is "N passed, N failed, 0 skipped".
set -uo pipefail

readonly UNIT=lotus-e2ee-watch.service
readonly CONFIG=/etc/lotus-e2ee-watch/config.yml
readonly DROP_INS=/etc/systemd/system/$UNIT.d
readonly LOGS=/var/log/matrix-synapse
readonly LOG=$LOGS/homeserver.log
readonly PORT=9464
cd /

# Refused uploads so far: all, and those in the log file.
passed=0 failed=0 written=0 filed=0

# check NAME COMMAND…: green if the command succeeds.
check() {
  local name=$1
  shift
  if "$@" >/tmp/check.out 2>&1; then
    printf 'ok   %s\n' "$name"
    passed=$((passed + 1))
  else
    printf 'RED  %s: %s\n' "$name" "$*"
    tail -n 15 /tmp/check.out
    journalctl --unit "$UNIT" --lines 8 --no-pager --output cat
    systemctl show "$UNIT" -p ActiveState,SubState,Result,ExecMainStatus,NRestarts,StatusText
    failed=$((failed + 1))
  fi
}

# soon COMMAND…: tries for 10 seconds; the status is told every 5.
soon() {
  local end=$((SECONDS + 10))
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.1
  done
}

property() { systemctl show --property "$1" --value "$UNIT"; }
is() { [ "$(property "$1")" = "$2" ]; }
is_not() { [ "$(property "$1")" != "$2" ]; }
# found WORDS: reads all there is: `grep -q` ends at the first find, and what still writes into the pipe then fails (pipefail).
found() { grep -F -- "$1" >/dev/null; }
status_has() { property StatusText | found "$1"; }
# metric SERIES: its value; SERIES as it stands at the start of its line.
metric() { curl -sf --max-time 5 "http://127.0.0.1:$PORT/metrics" | awk -v series="$1" '$1 == series { print $2 }'; }
metric_is() { [ "$(metric "$1")" = "$2" ]; }
lines_are() { metric_is 'lotus_e2ee_watch_log_lines_total{source="homeserver.log"}' "$1"; }
conflicts_are() { metric_is 'lotus_e2ee_otk_conflicts_total' "$1"; }
said() { journalctl --unit "$UNIT" --no-pager --output cat | found "$1"; }
shows() { systemctl status "$UNIT" --no-pager | found "$1"; }
drop_in() { mkdir -p $DROP_INS && cp "/usr/share/lotus-e2ee-watch/systemd/$1" $DROP_INS/ && systemctl daemon-reload; }
main_pid() { property MainPID; }
# doctor_says WORDS: it finds something to do, and says so.
doctor_says() {
  local output status=0
  output=$(lotus-e2ee-watch doctor) || status=$?
  printf '%s\n' "$output"
  [ "$status" -eq 1 ] && grep -q "^TO DO.*$1" <<<"$output"
}

# conflict_lines FROM COUNT: that many refused uploads, two lines each, as Synapse 1.155 writes them.
conflict_lines() {
  local n
  for ((n = $1; n < $1 + $2; n++)); do
    printf "2026-03-10 12:%02d:%02d,077 - synapse.http.server - 131 - INFO - POST-%d - <XForwardedForRequest at 0x7f76ec30a290 method='POST' uri='/_matrix/client/v3/keys/upload' clientproto='HTTP/1.1' site='8008'> SynapseError: 400 - One time key signed_curve25519:AAAAAAAAAA0 already exists. Old key: {\"key\":\"FQJ258cjse2VUJjz4zGbNkyMxKplyx6vBD/n3IERXF0\",\"signatures\":{\"@smoke:example.org\":{\"ed25519:VLGGMAOPTF\":\"XgCX\"}}}; new key: {'key': '4TEvz64iUF4/iCAQWCdtcUjW1tpuapj0kXKO/v2z0Es', 'signatures': {'@smoke:example.org': {'ed25519:VLGGMAOPTF': '4P69'}}}\n" $((n / 60 % 60)) $((n % 60)) "$n"
    printf '2026-03-10 12:%02d:%02d,080 - synapse.access.http.8008 - 643 - INFO - POST-%d - 203.0.113.9 - 8008 - {@smoke:example.org} Processed request: 0.012sec/0.001sec ru=(0.009sec, 0.000sec) db=(0.001sec/0.002sec/2) 312B 400 "POST /_matrix/client/v3/keys/upload HTTP/1.1" "smoke" [0 dbevts]\n' $((n / 60 % 60)) $((n % 60)) "$n"
  done
}

# append COUNT: so many to the log.
append() {
  conflict_lines $((written + 1)) "$1" >>$LOG
  written=$((written + $1)) filed=$((filed + $1))
}
all_counted() { soon conflicts_are "$written" && soon lines_are $((filed * 2)); }

ip link set lo up
# Only on the test machine: packages' services may not start there.
rm -f /usr/sbin/policy-rc.d

printf '\n# Installing, with no log there yet\n'
check 'dpkg installs the package' dpkg --install /packages/lotus-e2ee-watch_1.0.0_amd64.deb
check 'the service runs and is ready' is ActiveState active
check 'it is enabled' systemctl is-enabled --quiet $UNIT
check 'a log that is missing is a state' soon status_has 'it does not exist'
check 'the command is there' lotus-e2ee-watch --version
check 'the man page can be shown' man --pager=cat lotus-e2ee-watch
check 'its configuration is a good one' lotus-e2ee-watch check --config $CONFIG
check 'the doctor says that the log is missing' doctor_says 'homeserver.log is not there'
check 'systemd sees a small exposure' systemd-analyze security --threshold=12 $UNIT

printf '\n# Reading\n'
mkdir -p $LOGS
append 20
check 'lines are counted' all_counted
check 'and the status says so' soon shows 'Status: "following homeserver.log'
mv $LOG $LOG.1
append 5
check 'a rotated log goes on' soon conflicts_are $written
chmod 0600 $LOG
check 'a log that cannot be read any more is a state' soon status_has 'permission denied'
check 'and the service goes on' is ActiveState active
chmod 0644 $LOG
append 1
check 'it is read again' soon conflicts_are $written

printf '\n# Reloading\n'
reload_20() { local i; for ((i = 0; i < 20; i++)); do systemctl reload $UNIT || return 1; done; }
check 'twenty reloads' reload_20
check 'leave it running' soon is ActiveState active
check 'and it counts on' soon conflicts_are $written

printf '\n# Dying\n'
before=$(main_pid)
append 3
kill -9 "$before"
check 'after kill -9 it comes back' soon is_not MainPID "$before"
check 'and is ready' soon is ActiveState active
check 'with exact counters, over a rotation too' all_counted
mkdir -p $DROP_INS
printf '[Service]\nWatchdogSec=4\nRestartSec=100ms\n' >$DROP_INS/99-test.conf
systemctl daemon-reload
systemctl restart $UNIT
before=$(main_pid) restarts=$(property NRestarts)
sleep 6
check 'a process that works is left alone by the watchdog' is MainPID "$before"
kill -STOP "$before"
check 'one that is stopped is killed by the watchdog' soon is NRestarts $((restarts + 1))
check 'and comes back' soon is ActiveState active
check 'for that reason' soon said 'Watchdog timeout'
append 2
check 'with exact counters' all_counted

printf '\n# Wrong configuration\n'
cp $CONFIG /tmp/config.yml
printf 'sourcs: []\n' >$CONFIG
systemctl stop $UNIT
systemctl reset-failed $UNIT
systemctl start $UNIT 2>/dev/null
check 'ends with 78' soon is ExecMainStatus 78
sleep 1
check 'is not tried again' is NRestarts 0
check 'is failed' is ActiveState failed
check 'and says what is wrong' said 'sourcs'
cp /tmp/config.yml $CONFIG
systemctl reset-failed $UNIT
check 'mended, it starts' systemctl start $UNIT
check 'and knows what it knew' all_counted

printf '\n# A log for a group only\n'
chown root:adm $LOGS $LOG
chmod 0750 $LOGS
chmod 0640 $LOG
check 'is a state' soon status_has 'permission denied'
check 'the doctor says so' doctor_says 'may not read'
drop_in 80-log-group.conf
systemctl restart $UNIT
append 1
check 'and is read with the drop-in' all_counted
check 'the doctor sees that too' bash -c 'lotus-e2ee-watch doctor | grep -q "^ok.*homeserver.log is readable for the service"'
sed -i 's/=adm/=nobody-has-this/' $DROP_INS/80-log-group.conf
systemctl daemon-reload
systemctl restart $UNIT 2>/dev/null
check 'a group that does not exist ends with 216' soon is ExecMainStatus 216
check 'the doctor explains it' doctor_says '216/GROUP'
rm $DROP_INS/80-log-group.conf
systemctl daemon-reload
chmod 0755 $LOGS
chmod 0644 $LOG
systemctl restart $UNIT

printf '\n# Without memory that is writable and executable\n'
drop_in 70-jitless.conf
systemctl restart $UNIT
append 1
check 'it counts as before' all_counted
rm $DROP_INS/70-jitless.conf
systemctl daemon-reload

printf '\n# Socket activation\n'
systemctl stop $UNIT
drop_in 60-socket.conf
cp /usr/share/lotus-e2ee-watch/systemd/lotus-e2ee-watch.socket /etc/systemd/system/
systemctl daemon-reload
check 'the socket opens' systemctl enable --now --quiet lotus-e2ee-watch.socket
check 'a scrape starts the service, and waits for it' soon conflicts_are $written
# A network namespace of its own, with nothing but a loopback in it that nobody else is on.
has_no_network() {
  local pid
  pid=$(main_pid)
  [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/1/ns/net)" ] && [ -z "$(nsenter --target "$pid" --net ip route)" ] &&
    ! nsenter --target "$pid" --net ip -brief link | grep -v '^lo ' >/dev/null
}
check 'the process has no network' has_no_network
check 'systemd sees next to no exposure' systemd-analyze security --threshold=5 $UNIT
append 2
check 'and it counts' all_counted
systemctl disable --now --quiet lotus-e2ee-watch.socket
systemctl stop $UNIT
rm $DROP_INS/60-socket.conf /etc/systemd/system/lotus-e2ee-watch.socket
systemctl daemon-reload
systemctl start $UNIT

# shellcheck source=test/systemd/journal.sh
. /repository/test/systemd/journal.sh

printf '\n# Upgrading, removing, purging\n'
before=$(main_pid)
printf '# mine\n' >>$CONFIG
check 'an upgrade' dpkg --install --force-confdef --force-confold /packages/lotus-e2ee-watch_1.0.1_amd64.deb
check 'restarts the service' is_not MainPID "$before"
check 'keeps what was counted' all_counted
append 2
check 'and goes on' all_counted
check 'keeps the configuration' grep -qx '# mine' $CONFIG
check 'the package goes' dpkg --remove lotus-e2ee-watch
check 'with its process' test ! -e "/proc/$(main_pid)/cmdline" -o "$(main_pid)" = 0
check 'but not its configuration' test -e $CONFIG
check 'nor its state' test -d /var/lib/private/lotus-e2ee-watch
check 'purged' dpkg --purge lotus-e2ee-watch
check 'its state is gone' test ! -e /var/lib/private/lotus-e2ee-watch -a ! -e /var/lib/lotus-e2ee-watch
check 'its configuration is gone' test ! -e $CONFIG
check 'and systemd knows it no more' bash -c "! systemctl cat $UNIT"

printf '\n%d passed, %d failed, 0 skipped\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
