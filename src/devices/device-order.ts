/**
 * In which order devices are forgotten where there are too many: two rings, least recently heard of first, one of devices that never were in
 * trouble and one of those that were. A healthy device goes before any other; of the others, one whose trouble is over.
 */
import type { DeviceTally, Link } from './device.ts';
import type { DeviceStateName } from './key-health.ts';

/** Devices in trouble that are passed over to find one whose trouble is over, at most. */
const EVICTION_SCAN = 1000;

export class DeviceOrder {
  readonly #healthy = createRing();
  readonly #troubled = createRing();
  size = 0;

  add(device: DeviceTally): void {
    link(device.link, this.#healthy);
    this.size++;
  }

  remove(device: DeviceTally): void {
    unlink(device.link);
    this.size--;
  }

  /** Heard of just now. */
  moveToEnd(device: DeviceTally, isTroubled: boolean): void {
    unlink(device.link);
    link(device.link, isTroubled ? this.#troubled : this.#healthy);
  }

  /** null where there is none. */
  chooseToForget(stateOf: (device: DeviceTally) => DeviceStateName): DeviceTally | null {
    if (this.#healthy.next.device !== null) return this.#healthy.next.device;
    let scanned = 0;
    for (let at = this.#troubled.next; at.device !== null && scanned < EVICTION_SCAN; at = at.next, scanned++) {
      const state = stateOf(at.device);
      if (state === 'healthy' || state === 'closed') return at.device;
    }
    return this.#troubled.next.device;
  }
}

function createRing(): Link {
  const ring = { device: null } as unknown as Link;
  ring.previous = ring;
  ring.next = ring;
  return ring;
}

/** Puts `entry` in front of `ring`: last in order. */
function link(entry: Link, ring: Link): void {
  entry.previous = ring.previous;
  entry.next = ring;
  ring.previous.next = entry;
  ring.previous = entry;
}

function unlink({ previous, next }: Link): void {
  previous.next = next;
  next.previous = previous;
}
