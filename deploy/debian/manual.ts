/**
 * The man page lotus-e2ee-watch(8). In: the program, whose commands and options it lists. Out: roff text.
 *
 * What the program knows of itself comes from it; what an operator has to know besides (files, exit codes, how systemd runs it) stands here.
 */
import type { Command } from 'commander';

export function renderManual(program: Command, version: string, epoch: number): string {
  const date = new Date(epoch * 1000).toISOString().slice(0, 10);
  return [
    `.TH LOTUS\\-E2EE\\-WATCH 8 ${date} "lotus\\-e2ee\\-watch ${text(version)}" "System administration"`,
    '.SH NAME',
    "lotus\\-e2ee\\-watch \\- watches Synapse's log for end\\-to\\-end\\-encryption faults",
    '.SH SYNOPSIS',
    ...program.commands.flatMap((command) => ['.br', `.B lotus\\-e2ee\\-watch ${text(command.name())}`, `.RI ${quoted(command.usage())}`]),
    '.SH DESCRIPTION',
    text(program.description()),
    'It reads the log; it never writes to Synapse, its database or its configuration.',
    '.SH COMMANDS',
    ...program.commands.flatMap(commandLines),
    ...FIXED,
    '',
  ].join('\n');
}

function commandLines(command: Command): string[] {
  const args = command.registeredArguments.map((argument) => `.I ${text(argument.name())}\n${text(argument.description)}\n.br`);
  const options = command.options.flatMap(({ flags, description }) => ['.RS', '.TP', `.B ${text(flags)}`, text(description), '.RE']);
  return ['.TP', `.B ${text(command.name())}`, text(command.description()), ...(args.length > 0 ? ['.br', ...args] : []), ...options];
}

const FIXED = `.SH EXIT STATUS
.TP
.B 0
done, or stopped as asked
.TP
.B 1
failed while running;
.B doctor
found something to do
.TP
.B 2
wrong usage
.TP
.B 78
configuration or rules are wrong; every problem is listed. systemd doesn't restart the service then.
.SH SIGNALS
.TP
.B SIGHUP
reads the rules anew
.RB ( "systemctl reload" )
and checks the configuration; changes of the configuration itself take a restart.
.TP
.B SIGTERM
stops.
.SH FILES
.TP
.I /etc/lotus\\-e2ee\\-watch/config.yml
the configuration; every key in it is explained and may be left out. Check a change with
.BR "lotus\\-e2ee\\-watch check \\-\\-config /etc/lotus\\-e2ee\\-watch/config.yml" .
.TP
.I /var/lib/lotus\\-e2ee\\-watch
positions, counters, incidents. It stays when the package is removed, and goes when it is purged.
.TP
.I /usr/share/lotus\\-e2ee\\-watch
drop\\-ins for systemd, files for Prometheus and Grafana, the list of metrics.
.SH SYSTEMD
.B lotus\\-e2ee\\-watch.service
runs it as a user of its own without any right, and is complete as it is. What a machine may need besides is in drop\\-ins below
.IR /usr/share/lotus\\-e2ee\\-watch/systemd ;
copy them to
.IR /etc/systemd/system/lotus\\-e2ee\\-watch.service.d .
.TP
.B 50\\-systemd\\-254.conf
systemd 254 and newer
.TP
.BR 60\\-socket.conf ,\\  lotus\\-e2ee\\-watch.socket
systemd holds the port, the process has no network at all
.TP
.B 70\\-jitless.conf
no memory that is writable and executable, at six to seven times the CPU time
.TP
.B 80\\-log\\-group.conf
a log that only a group may read
.TP
.B 80\\-journal.conf
Synapse logs to the journal
.TP
.B 90\\-no\\-nesting.conf
a container that forbids mount namespaces
.PP
Whether something is in the way, and what to do about it, is said by
.BR "lotus\\-e2ee\\-watch doctor" .
.SH EXAMPLES
.TP
.B lotus\\-e2ee\\-watch analyze /var/log/matrix\\-synapse/homeserver.log*
what the log that is there says
.TP
.B curl \\-s http://127.0.0.1:9464/metrics
what the daemon has counted
.SH SEE ALSO
.BR systemctl (1),
.BR journalctl (1)`.split('\n');

/** roff takes a backslash as a command, a hyphen as one to break at, and a dot or quote at a line's start as a request. */
function text(plain: string): string {
  return plain
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('’', "'")
    .replace(/^([.'])/gm, '\\&$1');
}

function quoted(plain: string): string {
  return `"${text(plain).replaceAll('"', '\\(dq')}"`;
}
