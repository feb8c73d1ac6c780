/**
 * How long one exchange may take: the route's timeout and its longest duration, to the tick; and the slow ones, which are
 * looked after about once a second.
 *
 * @module
 */
import type { FailureKind } from "../engine/failures.ts";
import { Deadline } from "./deadlines.ts";
import type { ExchangeRecord } from "./exchange-record.ts";

export class ExchangeTimeouts {
  readonly #record: ExchangeRecord;
  readonly #route: Deadline;
  readonly #onDuration: () => void;
  /** Made when the first exchange has one. */
  #duration: Deadline | undefined;

  constructor(record: ExchangeRecord, onRouteTimeout: () => void, onDuration: () => void) {
    this.#record = record;
    this.#route = new Deadline(onRouteTimeout);
    this.#onDuration = onDuration;
  }

  /** The route is known, and how long the exchange may take, beginning with its first byte. */
  startDuration(): void {
    const { context, maxDurationMs, startMs } = this.#record;
    if (maxDurationMs === undefined) return;
    this.#duration ??= new Deadline(this.#onDuration);
    context.deadlines.set(this.#duration, Math.max(startMs + maxDurationMs - context.clock.nowMs(), 0));
  }

  /** The request is complete: the route's timeout begins, as in Envoy. */
  startRoute(): void {
    const { context, timeoutMs } = this.#record;
    if (timeoutMs > 0) context.deadlines.set(this.#route, timeoutMs);
  }

  stopRoute(): void {
    this.#record.context.deadlines.clear(this.#route);
  }

  end(): void {
    const { deadlines } = this.#record.context;
    deadlines.clear(this.#route);
    if (this.#duration !== undefined) deadlines.clear(this.#duration);
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
    // Once there is a route it is looked after to the tick.
    const durationMs = forward === undefined ? settings.maxStreamDurationMs : 0;
    const ageMs = nowMs - startMs;
    if (idleMs > 0 && quietMs > idleMs) return isReceiving ? "requestIdleTimeout" : "streamIdleTimeout";
    if (isReceiving && settings.requestTimeoutMs > 0 && ageMs > settings.requestTimeoutMs) return "requestTimeout";
    if (durationMs === 0 || ageMs <= durationMs) return undefined;
    return isReceiving ? "requestDuration" : "maxDuration";
  }
}
