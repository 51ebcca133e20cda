/**
 * Finds a device by user id and device id. Most users have a few devices, some (bots, bridges) very many: a list up to FEW, a map above, because a map of
 * two entries takes more memory than what it finds.
 */
import type { DeviceTally } from './device.ts';

const FEW = 8;

export class DeviceIndex {
  readonly #users = new Map<string, DeviceTally[] | Map<string, DeviceTally>>();

  find(userId: string, deviceId: string): DeviceTally | undefined {
    const devices = this.#users.get(userId);
    if (devices === undefined || devices instanceof Map) return devices?.get(deviceId);
    for (let i = 0; i < devices.length; i++) if (devices[i]?.deviceId === deviceId) return devices[i];
    return undefined;
  }

  /** The text of the user's id that is kept already; null: a new user. */
  knownUserId(userId: string): string | null {
    const devices = this.#users.get(userId);
    if (devices === undefined) return null;
    const [first] = devices.values();
    return first?.userId ?? null;
  }

  of(userId: string): Iterable<DeviceTally> {
    return this.#users.get(userId)?.values() ?? [];
  }

  *all(): Iterable<DeviceTally> {
    for (const devices of this.#users.values()) yield* devices.values();
  }

  /** One that isn't in it. */
  add(device: DeviceTally): void {
    const devices = this.#users.get(device.userId);
    if (devices === undefined) this.#users.set(device.userId, [device]);
    else if (devices instanceof Map) devices.set(device.deviceId, device);
    else if (devices.length < FEW) this.#users.set(device.userId, [...devices, device]);
    else this.#users.set(device.userId, new Map([...devices, device].map((each) => [each.deviceId, each])));
  }

  remove({ userId, deviceId }: DeviceTally): void {
    const devices = this.#users.get(userId);
    if (devices instanceof Map) {
      devices.delete(deviceId);
      if (devices.size === 0) this.#users.delete(userId);
      return;
    }
    const rest = (devices ?? []).filter((device) => device.deviceId !== deviceId);
    if (rest.length === 0) this.#users.delete(userId);
    else this.#users.set(userId, rest);
  }
}
