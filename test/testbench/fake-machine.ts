/** A machine for the doctor, described by a test: files with text and age, programs with their answers, ports, HTTP answers. */
import type { FileLook, Machine, RunResult } from '../../daemon/doctor/machine.ts';

const NOW_MS = Date.UTC(2026, 2, 10, 12);

export interface FakeFile {
  readonly text?: string;
  /** Before now, in milliseconds; negative: in the future. */
  readonly ageMs?: number;
}

export class FakeMachine implements Machine {
  uid = 0;
  readonly files = new Map<string, FakeFile>();
  /** The first whose key the command line begins with; without one the program isn't there. */
  readonly programs = new Map<string, Partial<RunResult>>();
  readonly takenPorts = new Set<number>();
  readonly pages = new Map<string, string>();
  /** Command lines, as they were run. */
  readonly ran: string[] = [];

  nowMs(): number {
    return NOW_MS;
  }

  run(command: string, args: readonly string[]): RunResult {
    const line = [command, ...args].join(' ');
    this.ran.push(line);
    for (const [prefix, result] of this.programs) if (line.startsWith(prefix)) return { exitCode: 0, out: '', err: '', ...result };
    return { exitCode: null, out: '', err: '' };
  }

  look(path: string): FileLook | string {
    const file = this.files.get(path);
    if (file !== undefined) return { kind: 'file', sizeBytes: Buffer.byteLength(file.text ?? ''), modifiedMs: NOW_MS - (file.ageMs ?? 0) };
    return this.names(path).length > 0 ? { kind: 'folder', sizeBytes: 0, modifiedMs: NOW_MS } : 'ENOENT';
  }

  names(folder: string): readonly string[] {
    const below = [...this.files.keys()].filter((path) => path.startsWith(`${folder}/`));
    return [...new Set(below.map((path) => path.slice(folder.length + 1).split('/')[0] ?? ''))].sort();
  }

  readText(path: string): string | null {
    return this.files.get(path)?.text ?? null;
  }

  readEnd(path: string, maxBytes: number): Uint8Array | null {
    const text = this.readText(path);
    return text === null ? null : Buffer.from(text).subarray(-maxBytes);
  }

  isTaken(_host: string, port: number): Promise<boolean> {
    return Promise.resolve(this.takenPorts.has(port));
  }

  fetch(url: string): Promise<string | null> {
    return Promise.resolve(this.pages.get(url) ?? null);
  }
}
