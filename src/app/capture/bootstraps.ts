/**
 * What the proxies of captured workloads are started with: a folder each, with a bootstrap, the mesh's roots and a token to join with.
 *
 * @module
 */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Timer } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { type Instance, isCaptured } from "../../model/service.ts";
import type { ControlPlane } from "../control-plane/control-plane.ts";
import { bootstrapText } from "../up/bootstrap.ts";

/** Well within the life of a token: there is always one that is good, unless it has been used. */
const RENEW_MS = 120_000;
/** Istio's, on loopback of the workload's namespace. */
const ADMIN_PORT = 15_000;

export interface CapturedBootstrapsOptions {
  readonly controlPlane: Pick<ControlPlane, "instances" | "proxyBootstrap">;
  /** Absolute. Only its owner may enter what is made in it. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class CapturedBootstraps {
  readonly #options: CapturedBootstrapsOptions;
  /** By id, what each was written for. */
  readonly #written = new Map<string, string>();
  #timer: Timer | undefined;

  constructor(options: CapturedBootstrapsOptions) {
    this.#options = options;
  }

  /** Now, and again with new tokens in good time. */
  start(): void {
    this.#written.clear();
    this.write();
    this.#timer = this.#options.clock.after(RENEW_MS, () => this.start());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Of those that are new, or not what they were. */
  write(): void {
    const { controlPlane, folder, log } = this.#options;
    for (const instance of controlPlane.instances.filter(isCaptured)) {
      const state = stateOf(instance);
      if (this.#written.get(instance.id) === state) continue;
      try {
        this.#writeOne(instance);
        this.#written.set(instance.id, state);
      } catch (error) {
        log.error("cannot write how a proxy joins", { folder: join(folder, instance.id), error: String(error) });
      }
    }
  }

  #writeOne(instance: Instance): void {
    const { controlPlane } = this.#options;
    const folder = join(this.#options.folder, instance.id);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const joining = controlPlane.proxyBootstrap(instance.id);
    const rootFile = join(folder, "root.pem");
    const tokenFile = join(folder, "token");
    const input = { join: joining, instance, adminPort: ADMIN_PORT, rootFile, clusterId: "local" };
    const identities = [{ secretName: "default", tokenFile }];
    whole(rootFile, joining.rootCertificatesPem);
    whole(tokenFile, joining.identities[0]?.joinToken ?? "");
    whole(join(folder, "bootstrap.json"), bootstrapText(input, { t: "agent", identities }));
  }
}

/** What a bootstrap says of it. */
const stateOf = ({ ports, workload: { labels, locality, serviceAccount } }: Instance): string =>
  JSON.stringify([ports[0], labels, locality, serviceAccount]);

/** Nobody reads half of it. */
function whole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
