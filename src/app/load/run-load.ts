/**
 * The load generator.
 *
 * Open loop (`rate`): requests are due at times that do not depend on the answers, and a latency counts from the time when
 * its request was due. A server that stalls cannot hide it by being asked less (coordinated omission).
 * Closed loop (`count`): each connection asks again as soon as it has its answer, until the number is reached.
 *
 * @module
 */
import type { Clock, Timer } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Network } from "../../net/socket.ts";
import { LoadConnection } from "./load-connection.ts";
import type { SplitBy } from "./split.ts";
import { Tally } from "./tally.ts";
import type { Target } from "./target.ts";

export type Pace =
  | { readonly t: "rate"; readonly perSecond: number; readonly durationMs: number }
  | { readonly t: "count"; readonly requests: number };

export interface LoadPlan {
  readonly target: Target;
  readonly pace: Pace;
  readonly connections: number;
  readonly timeoutMs: number;
  readonly splitBy: SplitBy | undefined;
}

export interface LoadPorts {
  readonly clock: Clock;
  readonly network: Network;
  readonly random: Random;
  /** Every second while it runs. */
  readonly onSecond: (tally: Tally, elapsedMs: number) => void;
}

export interface LoadResult {
  readonly tally: Tally;
  /** From the start to the last answer. */
  readonly elapsedMs: number;
}

export interface RunningLoad {
  readonly done: Promise<LoadResult>;
  /** No more requests; what is under way may still be answered. */
  stop(): void;
}

const SWEEP_MS = 50;
const SECOND_MS = 1000;
/** Requests that are due and find no free connection wait; more than these fail. */
const MAX_BACKLOG = 100_000;
/** A timer wakes up to this late; that is nobody's latency. */
const TIMER_SLACK_MS = 2;

export function startLoad(plan: LoadPlan, ports: LoadPorts): RunningLoad {
  const load = new Load(plan, ports);
  return { done: load.run(), stop: () => load.stop() };
}

class Load {
  readonly #plan: LoadPlan;
  readonly #ports: LoadPorts;
  readonly #tally = new Tally();
  readonly #connections: readonly LoadConnection[];
  readonly #free: LoadConnection[];
  /** Due times of requests that wait for a connection. */
  readonly #backlog: number[] = [];
  #backlogHead = 0;
  #startMs = 0;
  #nextDueMs = 0;
  #lastAnswerMs = 0;
  #stopped = false;
  /** Set while requests are handed out, so that an answer within does not start it again. */
  #pumping = false;
  readonly #timers = new Set<Timer>();
  #resolve: (result: LoadResult) => void = () => {};

  constructor(plan: LoadPlan, ports: LoadPorts) {
    this.#plan = plan;
    this.#ports = ports;
    const options = { ...ports, ...plan };
    const events = {
      onAnswer: (c: LoadConnection) => this.#onAnswer(c),
      onFailure: (c: LoadConnection, kind: Parameters<Tally["fail"]>[0], message: string) => {
        this.#tally.fail(kind, message);
        this.#onFree(c);
      },
    };
    this.#connections = Array.from({ length: plan.connections }, () => new LoadConnection(options, events));
    this.#free = [...this.#connections];
  }

  run(): Promise<LoadResult> {
    const { promise, resolve } = Promise.withResolvers<LoadResult>();
    this.#resolve = resolve;
    this.#startMs = this.#lastAnswerMs = this.#nextDueMs = this.#now();
    this.#every(SWEEP_MS, () => this.#sweep());
    this.#every(SECOND_MS, () => this.#ports.onSecond(this.#tally, this.#now() - this.#startMs));
    if (this.#plan.pace.t === "rate") this.#tick();
    else this.#pump();
    this.#endIfDone();
    return promise;
  }

  stop(): void {
    this.#stopped = true;
    this.#tally.sent -= this.#waiting;
    this.#backlogHead = this.#backlog.length;
    this.#endIfDone();
  }

  #now(): number {
    return this.#ports.clock.nowMs();
  }

  #after(delayMs: number, fire: () => void): void {
    const timer = this.#ports.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      fire();
    });
    this.#timers.add(timer);
  }

  #every(periodMs: number, fire: () => void): void {
    this.#after(periodMs, () => {
      this.#every(periodMs, fire);
      fire();
    });
  }

  /** Open loop: sends what is due, and sleeps until the next is. */
  #tick(): void {
    const { pace } = this.#plan;
    if (pace.t !== "rate" || this.#stopped) return;
    const now = this.#now();
    const endMs = this.#startMs + pace.durationMs;
    while (this.#nextDueMs <= now && this.#nextDueMs < endMs) {
      const due = this.#nextDueMs;
      // Times between requests vary by half around their mean, so that nothing beats in step with them.
      this.#nextDueMs += (SECOND_MS / pace.perSecond) * (0.5 + this.#ports.random());
      this.#due(now - due <= TIMER_SLACK_MS ? now : due);
    }
    this.#pump();
    if (this.#nextDueMs >= endMs) this.stopSending();
    else this.#after(this.#nextDueMs - now, () => this.#tick());
  }

  #due(atMs: number): void {
    this.#tally.sent++;
    if (this.#waiting >= MAX_BACKLOG)
      this.#tally.fail("backlog", `more than ${MAX_BACKLOG} requests waited for a connection`);
    else this.#backlog.push(atMs);
  }

  /** The last request of the plan is due; those that wait are still sent. */
  stopSending(): void {
    this.#stopped = true;
    this.#endIfDone();
  }

  get #waiting(): number {
    return this.#backlog.length - this.#backlogHead;
  }

  /** Gives free connections something to do. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    for (let due = this.#hasWork(); due && this.#free.length > 0; due = this.#hasWork()) {
      // The one that has rested longest: all of them are used, as a pool of clients would.
      this.#free.shift()?.send(this.#takeWork());
    }
    this.#pumping = false;
  }

  #hasWork(): boolean {
    const { pace } = this.#plan;
    return pace.t === "rate" ? this.#waiting > 0 : !this.#stopped && this.#tally.sent < pace.requests;
  }

  #takeWork(): number {
    if (this.#plan.pace.t === "count") {
      this.#tally.sent++;
      return this.#now();
    }
    const due = this.#backlog[this.#backlogHead++] ?? 0;
    if (this.#backlogHead > 1024 && this.#backlogHead * 2 > this.#backlog.length) {
      this.#backlog.splice(0, this.#backlogHead);
      this.#backlogHead = 0;
    }
    return due;
  }

  #onAnswer(connection: LoadConnection): void {
    const { reader } = connection;
    this.#lastAnswerMs = this.#now();
    const latencyMs = this.#lastAnswerMs - connection.intendedMs;
    this.#tally.answer(reader.status, latencyMs, reader.bytes);
    if (this.#plan.splitBy !== undefined) this.#tally.split(reader.split, latencyMs);
    this.#onFree(connection);
  }

  #onFree(connection: LoadConnection): void {
    this.#free.push(connection);
    this.#pump();
    this.#endIfDone();
  }

  #sweep(): void {
    const now = this.#now();
    for (const connection of this.#connections) connection.checkTimeout(now);
  }

  #endIfDone(): void {
    const { pace } = this.#plan;
    const over = this.#stopped || (pace.t === "count" && this.#tally.sent >= pace.requests);
    if (!over || this.#waiting > 0 || this.#free.length < this.#connections.length) return;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    for (const connection of this.#connections) connection.close();
    const endMs = this.#tally.answered === 0 ? this.#now() : this.#lastAnswerMs;
    this.#resolve({ tally: this.#tally, elapsedMs: endMs - this.#startMs });
  }
}
