/**
 * A model of Synapse's end-to-end keys, as far as its log shows it: rows of one-time keys by upload, one fallback key a device, identities. Rules: e2ee-evidence
 * 2.2 and 2.3 (an upload is refused at the first conflicting id in the order of characters; device keys are stored all the same; keys are handed out oldest
 * upload first, then the fallback key again and again).
 */
export interface OfferedKey {
  readonly id: string;
  /** The private half's name: whoever has it can read. */
  readonly value: string;
}

interface Row extends OfferedKey {
  readonly batch: number;
}

interface Entry {
  identity: string | null;
  rows: Map<string, Row>;
  fallback: OfferedKey | null;
}

export type UploadAnswer = { readonly conflict: OfferedKey & { readonly stored: string } } | 'stored';

export class ModelServer {
  #devices = new Map<string, Entry>();
  #batch = 0;

  /** `signed_curve25519:AAAAAAAAAA0` */
  static keyId(counter: number): string {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(counter));
    return `signed_curve25519:${bytes.toString('base64').replace(/=+$/, '')}`;
  }

  upload(device: string, identity: string | null, keys: readonly OfferedKey[], fallback: OfferedKey | null): UploadAnswer {
    const entry = this.#entry(device);
    if (identity !== null) entry.identity = identity;
    const sorted = [...keys].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const key of sorted) {
      const row = entry.rows.get(key.id);
      if (row !== undefined && row.value !== key.value) return { conflict: { ...key, stored: row.value } };
    }
    this.#batch++;
    for (const key of sorted) if (!entry.rows.has(key.id)) entry.rows.set(key.id, { ...key, batch: this.#batch });
    if (fallback !== null) entry.fallback = fallback;
    return 'stored';
  }

  /** `isFallback`: no one-time key was left. null: not even a fallback key. */
  claim(device: string, pick: (count: number) => number): (OfferedKey & { readonly isFallback: boolean }) | null {
    const { rows, fallback } = this.#entry(device);
    if (rows.size === 0) return fallback && { ...fallback, isFallback: true };
    const oldest = Math.min(...[...rows.values()].map(({ batch }) => batch));
    const candidates = [...rows.values()].filter(({ batch }) => batch === oldest).sort((a, b) => (a.id < b.id ? -1 : 1));
    const row = candidates[pick(candidates.length)] as Row;
    rows.delete(row.id);
    return { ...row, isFallback: false };
  }

  count(device: string): number {
    return this.#entry(device).rows.size;
  }

  delete(device: string): void {
    this.#devices.delete(device);
  }

  snapshot(): Map<string, Entry> {
    return structuredClone(this.#devices);
  }

  /** An older database. */
  restore(snapshot: Map<string, Entry>): void {
    this.#devices = structuredClone(snapshot);
  }

  #entry(device: string): Entry {
    const known = this.#devices.get(device);
    if (known !== undefined) return known;
    const entry: Entry = { identity: null, rows: new Map(), fallback: null };
    this.#devices.set(device, entry);
    return entry;
  }
}
