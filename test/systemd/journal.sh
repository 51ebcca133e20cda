# shellcheck shell=bash disable=SC2154,SC2086
# Part of inside.sh: two Synapse that log to the journal. One writes its text log to standard output; one hands whole records to journald, with
# the fields that python-systemd's JournalHandler gives them. Each line is counted once over restarts, kill -9 and the journal's own rotation.

printf '\n# Following the journal\n'
systemctl stop $UNIT
mkdir -p /run/fake
: >/run/fake/stdout
: >/run/fake/records
cat >/run/systemd/system/matrix-synapse.service <<'END'
[Service]
ExecStart=/usr/bin/tail --lines=+1 --follow /run/fake/stdout
END
# One process for all records: journald asks the sender's process for its unit, and one that has ended can't say.
cat >/run/fake/handler.py <<'END'
import socket, time
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.connect("/run/systemd/journal/socket")
with open("/run/fake/records") as records:
    while True:
        line = records.readline()
        if not line:
            time.sleep(0.05)
            continue
        logger, request, message = line.rstrip("\n").split(" ", 2)
        journal.send(f"MESSAGE={logger}: [{request}] {message}\nPRIORITY=6\nLOGGER={logger}\n".encode())
END
cat >/run/systemd/system/synapse-with-handler.service <<END
[Service]
ExecStart=$(command -v python3) /run/fake/handler.py
END
systemctl daemon-reload
systemctl start matrix-synapse.service synapse-with-handler.service
cat >$CONFIG <<'END'
sources:
  - journal: matrix-synapse
  - journal: synapse-with-handler
    name: handler
timezone: UTC
END

journal_written=0 handled=0
# to_journal COUNT, to_handler COUNT: so many refused uploads, two records each.
to_journal() {
  conflict_lines $((5000 + journal_written)) "$1" >>/run/fake/stdout
  journal_written=$((journal_written + $1))
}
to_handler() {
  conflict_lines $((7000 + handled)) "$1" | sed -E 's/^\S+ \S+ - (\S+) - [0-9]+ - INFO - (\S+) - /\1 \2 /' >>/run/fake/records
  handled=$((handled + $1))
}
source_lines_are() { metric_is "lotus_e2ee_watch_log_lines_total{source=\"$1\"}" "$2"; }
# The unit's status line is the tail's own; nothing else of the unit is in the source.
journal_counted() {
  soon source_lines_are matrix-synapse $((journal_written * 2)) && soon source_lines_are handler $((handled * 2)) &&
    soon conflicts_are $((written + journal_written + handled))
}

to_journal 10
to_handler 10
systemctl start $UNIT
check 'without the right it is a state' soon status_has 'systemd-journal'
check 'and the service runs' is ActiveState active
drop_in 80-journal.conf
systemctl restart $UNIT
check 'with the drop-in all lines are counted' journal_counted
to_journal 5
to_handler 5
check 'those that come too' journal_counted
systemctl restart $UNIT
check 'once, over a restart' journal_counted
before=$(main_pid)
to_journal 5
kill -9 "$before"
to_handler 5
check 'once, over kill -9' journal_counted
journalctl --rotate
to_journal 5
check 'once, over a rotation of the journal' journal_counted
systemctl stop $UNIT
to_journal 5
journalctl --rotate
to_handler 5
systemctl start $UNIT
check 'once, over a rotation while it was down' journal_counted
pkill -P "$(main_pid)" journalctl
to_journal 2
check 'once, after its journalctl was killed' journal_counted
gaps_are() { metric_is 'lotus_e2ee_watch_gaps_total{source="matrix-synapse"}' "$1"; }
check 'no gap was seen' gaps_are 0
systemctl stop $UNIT
journalctl --quiet --rotate --vacuum-time=1s
sleep 1
journalctl --quiet --rotate --vacuum-time=1s
systemctl start $UNIT
check 'a journal that was emptied meanwhile is a gap' soon gaps_are 1

systemctl stop $UNIT matrix-synapse.service synapse-with-handler.service
rm $DROP_INS/80-journal.conf /run/systemd/system/matrix-synapse.service /run/systemd/system/synapse-with-handler.service
cp /tmp/config.yml $CONFIG
systemctl daemon-reload
written=$((written + journal_written + handled))
systemctl start $UNIT
check 'back at the file, all is as it was' all_counted
