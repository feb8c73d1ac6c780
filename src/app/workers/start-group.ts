/**
 * The workers of this process, on the machine's own sockets.
 *
 * @module
 */
import type { LocalService } from "../../proxy/cluster-runtime.ts";
import { systemClock } from "../../base/clock.ts";
import type { CompiledOverload } from "../../engine/overload/compile.ts";
import type { Log, LogLevel } from "../../base/log.ts";
import { listenToGive } from "../../net/bun-handover.ts";
import { bunNetwork } from "../../net/bun-network.ts";
import { AccessSinks } from "../../proxy/access-sinks.ts";
import type { PeerLabels } from "../../telemetry/istio-labels.ts";
import { WorkerGroup } from "./worker-group.ts";
import { workerSpawner } from "./worker-port.ts";

export interface GroupOptions {
  readonly count: number;
  /** Runs `runWorker`. */
  readonly command: readonly string[];
  readonly self: PeerLabels;
  readonly local?: LocalService | undefined;
  readonly adminPort?: number | undefined;
  readonly overload: CompiledOverload;
  readonly dnsServers: readonly string[];
  readonly log: Log;
  readonly level: () => LogLevel;
}

export function workerGroup({
  count,
  command,
  self,
  local,
  adminPort,
  overload,
  dnsServers,
  log,
  level,
}: GroupOptions): WorkerGroup {
  return new WorkerGroup({
    count,
    self,
    local,
    adminPort,
    overload,
    dnsServers,
    log,
    level,
    clock: systemClock,
    spawn: workerSpawner(command),
    listenToGive,
    dial: bunNetwork(systemClock).dial,
    openSink: new AccessSinks().sink,
  });
}
