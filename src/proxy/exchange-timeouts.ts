/**
 * How long one exchange may take: the route's timeout, to the tick; and the slow ones, which are looked after about
 * once a second.
 *
 * @module
 */
import type { FailureKind } from "../engine/failures.ts";
import { Deadline } from "./deadlines.ts";
import type { ExchangeRecord } from "./exchange-record.ts";

export class ExchangeTimeouts {
  readonly #record: ExchangeRecord;
  readonly #route: Deadline;

  constructor(record: ExchangeRecord, onRouteTimeout: () => void) {
    this.#record = record;
    this.#route = new Deadline(onRouteTimeout);
  }

  /** The request is complete: the route's timeout begins, as in Envoy. */
  startRoute(): void {
    const { context, timeoutMs } = this.#record;
    if (timeoutMs > 0) context.deadlines.set(this.#route, timeoutMs);
  }

  end(): void {
    this.#record.context.deadlines.clear(this.#route);
  }

  /**
   * Which of the slow timeouts has passed.
   * @param quietMs How long neither side has sent anything.
   * @param isReceiving The request is still on its way.
   */
  passed(nowMs: number, quietMs: number, isReceiving: boolean): FailureKind | undefined {
    const { context, forward, startMs } = this.#record;
    const { settings } = context.http;
    const idleMs = forward?.route.idleTimeoutMs ?? settings.streamIdleTimeoutMs;
    const durationMs = forward?.route.maxStreamDurationMs ?? settings.maxStreamDurationMs;
    const ageMs = nowMs - startMs;
    if (idleMs > 0 && quietMs > idleMs) return isReceiving ? "requestIdleTimeout" : "streamIdleTimeout";
    if (isReceiving && settings.requestTimeoutMs > 0 && ageMs > settings.requestTimeoutMs) return "requestTimeout";
    return durationMs > 0 && ageMs > durationMs ? "maxDuration" : undefined;
  }
}
