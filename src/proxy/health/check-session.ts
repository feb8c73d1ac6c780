/**
 * The checks of one endpoint, one after the other: when, and what becomes of their results.
 *
 * @module
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Endpoint } from "../../engine/cluster/endpoint.ts";
import { type CheckReport, type CheckResult, CheckState } from "../../engine/health/check-state.ts";
import type { CheckSettings } from "../../engine/health/health-check.ts";
import type { Probe } from "./probe.ts";

export interface SessionOwner {
  readonly clock: Clock;
  readonly random: Random;
  /** Somebody has called the cluster. */
  readonly hasTraffic: boolean;
  onAttempt(): void;
  onResult(endpoint: Endpoint, result: CheckResult, report: CheckReport): void;
}

export class CheckSession {
  readonly endpoint: Endpoint;
  readonly state: CheckState;
  readonly #settings: CheckSettings;
  readonly #probe: Probe;
  readonly #owner: SessionOwner;
  /** Of the next check, or of the time that the present one has. */
  #timer: Timer | undefined;

  /** @param isKnown As of {@link CheckState}. */
  constructor(endpoint: Endpoint, settings: CheckSettings, isKnown: boolean, probe: Probe, owner: SessionOwner) {
    this.endpoint = endpoint;
    this.#settings = settings;
    this.#probe = probe;
    this.#owner = owner;
    this.state = new CheckState(settings, endpoint, isKnown);
  }

  /** Begins, at once or within the initial jitter. */
  start(): void {
    const { initialJitterMs } = this.#settings.intervals;
    if (initialJitterMs === 0) return this.#check();
    this.#wait(Math.max(1, Math.floor(this.#owner.random() * initialJitterMs)));
  }

  close(): void {
    this.#timer?.cancel();
    this.#probe.close();
  }

  #wait(ms: number): void {
    this.#timer = this.#owner.clock.after(ms, () => this.#check());
  }

  #check(): void {
    const { timeoutMs } = this.#settings;
    this.#owner.onAttempt();
    this.#timer = this.#owner.clock.after(timeoutMs, () => {
      this.#probe.close();
      this.#end({ t: "failed", failure: "networkTimeout", retriable: false, why: `no answer within ${timeoutMs} ms` });
    });
    this.#probe.ask((result) => this.#end(result));
  }

  #end(result: CheckResult): void {
    const owner = this.#owner;
    this.#timer?.cancel();
    const report = this.state.onResult(result);
    this.#wait(this.state.nextMs(result, report, owner.hasTraffic, owner.random));
    // May end this session.
    owner.onResult(this.endpoint, result, report);
  }
}
