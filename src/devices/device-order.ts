/**
 * In which order devices are forgotten where there are too many: two rings, least recently heard of first, one of devices that never were in
 * trouble and one of those that were. A healthy device goes before any other; of the others, one whose trouble is over. The links are fields of the
 * devices themselves.
 */
import type { DeviceTally, Linked } from './device.ts';
import type { DeviceStateName } from './key-health.ts';

/** Devices in trouble that are passed over to find one whose trouble is over, at most. */
const EVICTION_SCAN = 1000;

export class DeviceOrder {
  readonly #healthy = createRing();
  readonly #troubled = createRing();
  size = 0;

  add(device: DeviceTally): void {
    link(device, this.#healthy);
    this.size++;
  }

  remove(device: DeviceTally): void {
    unlink(device);
    this.size--;
  }

  /** Heard of just now. */
  moveToEnd(device: DeviceTally, isTroubled: boolean): void {
    unlink(device);
    link(device, isTroubled ? this.#troubled : this.#healthy);
  }

  /** null where there is none. */
  chooseToForget(stateOf: (device: DeviceTally) => DeviceStateName): DeviceTally | null {
    const healthy = this.#healthy.next;
    if (isDevice(healthy)) return healthy;
    const first = this.#troubled.next;
    let scanned = 0;
    for (let at = first; isDevice(at) && scanned < EVICTION_SCAN; at = at.next, scanned++) {
      const state = stateOf(at);
      if (state === 'healthy' || state === 'closed') return at;
    }
    return isDevice(first) ? first : null;
  }
}

/** A ring's own place is no device. */
function isDevice(place: Linked): place is DeviceTally {
  return 'deviceId' in place;
}

function createRing(): Linked {
  const ring = {} as { previous: Linked; next: Linked };
  ring.previous = ring;
  ring.next = ring;
  return ring;
}

/** Puts `entry` in front of `ring`: last in order. */
function link(entry: Linked, ring: Linked): void {
  entry.previous = ring.previous;
  entry.next = ring;
  ring.previous.next = entry;
  ring.previous = entry;
}

function unlink({ previous, next }: Linked): void {
  previous.next = next;
  next.previous = previous;
}
