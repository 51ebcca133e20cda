/**
 * Several devices that fall into storms at about the same time: that isn't one browser's lost store but a client release, or a database that was
 * restored (e2ee-evidence 5.3). In: storms as they are detected. Out: the clusters, latest last; bounded.
 */

/** Devices within WINDOW_MS. Chosen: two may be chance, and two were seen with different causes; three are not. */
export const CLUSTER_DEVICES = 3;
export const CLUSTER_WINDOW_MS = 10 * 60_000;
/** Storms looked back at, and clusters kept. */
const MAX_RECENT = 1000;
const MAX_CLUSTERS = 100;

interface StormStart {
  readonly userId: string;
  readonly deviceId: string;
  readonly openedMs: number;
}

export interface Cluster {
  readonly firstMs: number;
  lastMs: number;
  /** In order of their storms' beginning as it was noticed. */
  readonly devices: { readonly userId: string; readonly deviceId: string }[];
}

export class StormCluster {
  readonly clusters: Cluster[] = [];
  #recent: StormStart[] = [];

  /** @param detectedMs now */
  note(userId: string, deviceId: string, openedMs: number, detectedMs: number): void {
    this.#recent = this.#recent.filter((storm) => Math.abs(openedMs - storm.openedMs) <= CLUSTER_WINDOW_MS).slice(1 - MAX_RECENT);
    this.#recent.push({ userId, deviceId, openedMs });
    const open = this.clusters.at(-1);
    if (open !== undefined && openedMs - open.lastMs <= CLUSTER_WINDOW_MS) {
      open.lastMs = Math.max(open.lastMs, openedMs);
      add(open, userId, deviceId);
      return;
    }
    const devices = new Set(this.#recent.map((storm) => `${storm.userId} ${storm.deviceId}`));
    if (devices.size < CLUSTER_DEVICES) return;
    const cluster: Cluster = { firstMs: Math.min(...this.#recent.map((storm) => storm.openedMs)), lastMs: detectedMs, devices: [] };
    for (const storm of this.#recent) add(cluster, storm.userId, storm.deviceId);
    this.clusters.push(cluster);
    if (this.clusters.length > MAX_CLUSTERS) this.clusters.shift();
  }

  dump(): StormClusterDump {
    return { recent: this.#recent, clusters: this.clusters };
  }

  load({ recent, clusters }: StormClusterDump): void {
    this.#recent = [...recent];
    this.clusters.push(...clusters);
  }
}

export interface StormClusterDump {
  readonly recent: readonly StormStart[];
  readonly clusters: readonly Cluster[];
}

function add({ devices }: Cluster, userId: string, deviceId: string): void {
  const isKnown = devices.some((device) => device.userId === userId && device.deviceId === deviceId);
  if (!isKnown && devices.length < MAX_RECENT) devices.push({ userId, deviceId });
}
