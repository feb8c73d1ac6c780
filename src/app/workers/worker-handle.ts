/**
 * One worker of a group: what it was asked, what it carries.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import { countsOf, mergedRegistry, type RegistrySnapshot, snapshotOf } from "../../telemetry/registry-snapshot.ts";
import type { Taker } from "./acceptor.ts";
import type { Answers, FromWorker, Question, ToWorker } from "./messages.ts";
import type { SpawnWorker, WorkerPort } from "./worker-port.ts";

export interface WorkerHandleEvents {
  onLoaded(worker: WorkerHandle): void;
  onListening(worker: WorkerHandle, key: string, tag: number): void;
  onDeaf(worker: WorkerHandle, tag: number): void;
  onOutput(worker: WorkerHandle, path: string, bytes: Uint8Array): void;
  onExit(worker: WorkerHandle, how: string): void;
}

/** One that does not answer for so long is ended and started anew. */
const ANSWER_LIMIT_MS = 10_000;

export class WorkerHandle implements Taker {
  readonly index: number;
  readonly startedMs: number;
  readonly #port: WorkerPort;
  readonly #clock: Clock;
  readonly #events: WorkerHandleEvents;
  readonly #questions = new Map<number, (answer: Answers[keyof Answers] | undefined) => void>();
  #lastId = 0;
  #exited = false;
  /** Connections handed to it that have not ended. */
  load = 0;
  /** It has been told everything and is told of each change. */
  isFollowing = false;
  /** The newest statistics that are known. */
  statistics: RegistrySnapshot = [];

  constructor(index: number, spawn: SpawnWorker, clock: Clock, events: WorkerHandleEvents) {
    this.index = index;
    this.#clock = clock;
    this.#events = events;
    this.startedMs = clock.nowMs();
    this.#port = spawn({ onMessage: (message) => this.#receive(message), onExit: (how) => this.#ended(how) });
  }

  get pid(): number {
    return this.#port.pid;
  }

  get hasExited(): boolean {
    return this.#exited;
  }

  send(message: ToWorker): void {
    if (!this.#exited) this.#port.send(message);
  }

  kill(): void {
    this.#port.kill();
  }

  take(fd: number, tag: number): boolean {
    if (this.#exited || !this.#port.connections.send(fd, tag)) return false;
    this.load++;
    this.#port.send({ t: "connections" });
    return true;
  }

  /** Undefined: it has ended before it answered. */
  ask<T extends Question["t"]>(question: Extract<Question, { t: T }>): Promise<Answers[T] | undefined> {
    if (this.#exited) return Promise.resolve(undefined);
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      const timer = this.#clock.after(ANSWER_LIMIT_MS, () => this.kill());
      this.#questions.set(id, (answer) => {
        timer.cancel();
        resolve(answer as Answers[T] | undefined);
      });
      this.#port.send({ t: "ask", id, question });
    });
  }

  #receive(message: FromWorker): void {
    switch (message.t) {
      case "loaded":
        return this.#events.onLoaded(this);
      case "listening":
        return this.#events.onListening(this, message.key, message.tag);
      case "deaf":
        return this.#events.onDeaf(this, message.tag);
      case "ended":
        this.load -= message.count;
        return;
      case "answer":
        this.#questions.get(message.id)?.(message.value);
        this.#questions.delete(message.id);
        return;
      case "output":
        return this.#events.onOutput(this, message.path, message.bytes);
      case "last":
        this.statistics = message.statistics;
        return;
    }
  }

  #ended(how: string): void {
    this.#exited = true;
    this.load = 0;
    for (const answer of this.#questions.values()) answer(undefined);
    this.#questions.clear();
    this.#events.onExit(this, how);
  }
}

/** `before` together with what a worker that has ended had counted. */
export function retired(before: RegistrySnapshot, last: RegistrySnapshot): RegistrySnapshot {
  return snapshotOf(mergedRegistry([before, countsOf(last)]));
}
