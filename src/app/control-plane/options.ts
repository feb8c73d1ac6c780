/**
 * What a control plane is made with.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { AuthorityStorage } from "../../identity/authority-storage.ts";
import type { Network } from "../../net/socket.ts";
import type { Store } from "../../store/store.ts";
import type { TranslateOptions } from "../../translate/options.ts";
import type { InstanceFile } from "./instance-file.ts";

export interface ControlPlaneOptions {
  /** Documents. Whoever made it closes it. */
  readonly store: Store;
  /** Keys of the certificate authority. */
  readonly authorityStorage: AuthorityStorage;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Of this program. */
  readonly version: string;
  readonly ports: ControlPlanePorts;
  /** Life of what is issued, its own certificate among it. @default 24 hours */
  readonly svidTtlMs?: number;
  /** Life of join tokens. @default 10 minutes */
  readonly joinTokenTtlMs?: number;
  /** How long a change waits for others before it is published. @default 20 */
  readonly debounceMs?: number;
  readonly translate?: Partial<TranslateOptions>;
  /** Remembers what runs, so that proxies are known after a restart. Without it they must be registered anew. */
  readonly instanceFile?: InstanceFile;
  /** Called when a burst of work is over. */
  readonly relieveMemory?: () => void;
  /** Resident memory of the process, for metrics. */
  readonly residentBytes?: () => number;
}

export interface ControlPlanePorts {
  /** @default 127.0.0.1 */
  readonly address?: string;
  /** Discovery and certificates over mTLS; 0 picks a free one. */
  readonly xds: number;
  /** Admin endpoints on loopback; 0 picks a free one, undefined serves none. */
  readonly admin: number | undefined;
}

/** What a proxy needs to join. The tokens are secrets: hand them over, never log them. */
export interface ProxyBootstrap {
  /** Id of the proxy: of its instance, or its own where several share it. */
  readonly proxyId: string;
  /** `node.id` of its discovery requests. */
  readonly nodeId: string;
  /** `node.cluster`: `reviews-v1.default`. */
  readonly nodeCluster: string;
  readonly trustDomain: string;
  /** Where to connect, and who must answer. */
  readonly controlPlane: { readonly address: string; readonly port: number; readonly spiffeId: string };
  readonly rootCertificatesPem: string;
  /** With a one-time token each; the proxy's own is the first, in a shared proxy those of its instances follow. */
  readonly identities: readonly ProxyIdentity[];
}

export interface ProxyIdentity {
  readonly spiffeId: string;
  readonly joinToken: string;
}
