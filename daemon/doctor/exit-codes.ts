/**
 * Why a service's process ended, in words. In: systemd's exit status and result. Out: what that means here and what to do.
 *
 * Codes from 200 on are systemd's own, given before our program runs (systemd.exec(5), "Process Exit Codes"); what sets them off in containers was
 * tried with a seccomp wrapper around a container's systemd.
 */
import { installDropIn, UNIT } from './unit-state.ts';

export interface Meaning {
  readonly text: string;
  readonly advice: string;
}

const LOOK = `journalctl -u ${UNIT} -n 20`;

const STATUS: Readonly<Record<string, Meaning>> = {
  1: { text: 'it failed while running (1)', advice: `Its log says why: ${LOOK}. An address in use is the most frequent reason.` },
  2: { text: 'it was called wrongly (2)', advice: `ExecStart was changed? Compare: systemctl cat ${UNIT}` },
  78: {
    text: 'its configuration or rules are wrong (78); it is not restarted until that is mended',
    advice: `lotus-e2ee-watch check --config /etc/lotus-e2ee-watch/config.yml lists every problem; then: systemctl restart ${UNIT}`,
  },
  200: { text: 'its working directory could not be entered (200/CHDIR)', advice: `systemctl cat ${UNIT} shows WorkingDirectory=.` },
  203: {
    text: 'its program could not be started (203/EXEC)',
    advice:
      'Is /usr/lib/lotus-e2ee-watch/bin/node there and does it run? A Node below /root or /home is hidden from the service (ProtectHome=). Reinstalling the package mends both.',
  },
  216: {
    text: 'a group it is to join does not exist (216/GROUP)',
    advice: `systemctl cat ${UNIT} | grep Groups shows which; \`getent group NAME\` must know it. Correct the drop-in, then: systemctl daemon-reload && systemctl restart ${UNIT}`,
  },
  217: {
    text: 'its user could not be had (217/USER)',
    advice: `With User= of a drop-in: \`id USER\` must know it. With PrivateUsers=yes: this container forbids user namespaces; put "[Service]\\nPrivateUsers=no" into a drop-in.`,
  },
  226: {
    text: 'this container forbids mount namespaces (226/NAMESPACE)',
    advice: `LXC: on the host \`pct set ID --features nesting=1\` and restart the container. Where that can't be: useradd --system --user-group --no-create-home --shell /usr/sbin/nologin lotus-e2ee-watch && ${installDropIn('90-no-nesting.conf')}`,
  },
  228: {
    text: 'its system call filter could not be set (228/SECCOMP)',
    advice: 'This kernel or container has no seccomp: remove SystemCallFilter= in a drop-in.',
  },
  238: {
    text: 'its state directory could not be made (238/STATE_DIRECTORY)',
    advice: 'Is /var/lib/private writable, and has the disk room? df /var/lib',
  },
  243: {
    text: 'credentials could not be set up (243/CREDENTIALS)',
    advice: 'A drop-in has LoadCredential=, and this container forbids mounts: remove it; the watcher needs none.',
  },
};

const RESULT: Readonly<Record<string, Meaning>> = {
  watchdog: {
    text: 'the watchdog killed it: no look at the log was completed in time',
    advice: `A log on a network file system that hangs does that: try \`head -c1\` on it. Else please report it, with ${LOOK}.`,
  },
  'oom-kill': {
    text: 'it needed more memory than it may have',
    advice: 'Lower limits.devices in the configuration, or raise MemoryMax= in a drop-in.',
  },
  timeout: { text: 'it took too long to start or stop', advice: `A machine under load? ${LOOK} shows how far it came.` },
  'start-limit-hit': { text: 'it was started too often', advice: `systemctl reset-failed ${UNIT} && systemctl start ${UNIT}` },
};

/** Undefined: nothing went wrong. `status` as ExecMainStatus, `result` as Result has them. */
export function explainEnd(status: string, result: string): Meaning | undefined {
  const known = RESULT[result] ?? STATUS[status];
  if (known !== undefined) return known;
  if (result === 'success' || result === '') return undefined;
  return { text: `it ended with ${status} (${result})`, advice: `Its log may say why: ${LOOK}` };
}
