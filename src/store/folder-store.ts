/**
 * Documents in folders and files of this machine.
 *
 * A change is read when the files have been the same for a moment (`settleMs`), so an editor's write-and-rename, the swap of a
 * mounted ConfigMap's `..data` link and a folder that is replaced are seen once, when they are over. The system's events wake
 * the store; where they do not come (network folders, no more watches left) it looks by itself every `pollMs`.
 *
 * @module
 */
import { statSync } from "node:fs";
import type { Clock, Timer } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Problem } from "../base/problem.ts";
import type { SourceFile } from "../config/load.ts";
import { type FoundFile, listFiles, readFile } from "../config/read-folder.ts";
import { watchPath } from "./folder-events.ts";
import { LiveDocuments } from "./live-documents.ts";
import type { Store, StoreState } from "./store.ts";

export interface FolderStoreOptions {
  /** Folders, or single files. */
  readonly paths: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** How long files must be the same before they are read. @default 100 */
  readonly settleMs?: number;
  /** Files that never settle are read all the same after this. @default 1000 */
  readonly maxSettleMs?: number;
  /** Between two looks that no event asked for. @default 500 */
  readonly pollMs?: number;
  /** Whether to listen to the system's events. @default true */
  readonly events?: boolean;
}

/** What a look at the files finds, and a text that is the same as long as nothing changed. */
type Look =
  | { readonly t: "files"; readonly files: readonly FoundFile[]; readonly stamp: string }
  | { readonly t: "gone"; readonly problem: Problem; readonly stamp: string };

export class FolderStore implements Store {
  readonly #options: Required<FolderStoreOptions>;
  readonly #live: LiveDocuments;
  /** Stamp of what is live. */
  #loaded = "";
  /** Stamp of the last look, when it differs from what is live, and since when looks have differed. */
  #unsettled: { readonly stamp: string; readonly sinceMs: number } | undefined;
  #settle: Timer | undefined;
  #poll: Timer | undefined;
  #watching: { readonly roots: string; readonly stop: () => void } | undefined;
  #closed = false;

  /** Reads the files at once; {@link current} has them. Never throws: what cannot be read is a problem of the state. */
  constructor(options: FolderStoreOptions) {
    this.#options = { settleMs: 100, maxSettleMs: 1_000, pollMs: 500, events: true, ...options };
    this.#live = new LiveDocuments(options.log);
    this.#load(this.#look());
    this.#listen();
    this.#schedulePoll();
  }

  get current(): StoreState {
    return this.#live.current;
  }

  watch(onChange: (state: StoreState) => void): () => void {
    return this.#live.watch(onChange);
  }

  close(): void {
    this.#closed = true;
    this.#settle?.cancel();
    this.#poll?.cancel();
    this.#watching?.stop();
  }

  #schedulePoll(): void {
    this.#poll = this.#options.clock.after(this.#options.pollMs, () => {
      this.#check();
      if (!this.#closed) this.#schedulePoll();
    });
  }

  /** Looks; loads what is as it was a moment ago, else looks again in a moment. Events on the way there change nothing. */
  #check(): void {
    if (this.#closed || this.#settle !== undefined) return;
    const look = this.#look();
    const before = this.#unsettled;
    if (look.stamp === this.#loaded) {
      this.#unsettled = undefined;
      return;
    }
    const nowMs = this.#options.clock.nowMs();
    const sinceMs = before?.sinceMs ?? nowMs;
    if (before?.stamp === look.stamp || nowMs - sinceMs >= this.#options.maxSettleMs) return this.#load(look);
    this.#unsettled = { stamp: look.stamp, sinceMs };
    this.#settle = this.#options.clock.after(this.#options.settleMs, () => {
      this.#settle = undefined;
      this.#check();
    });
  }

  #look(): Look {
    const files: FoundFile[] = [];
    for (const path of this.#options.paths) {
      try {
        files.push(...listFiles(path));
      } catch (error) {
        const message = `cannot be read, so what was live stays: ${error instanceof Error ? error.message : String(error)}`;
        const problem: Problem = { severity: "error", place: { file: path, line: 1, column: 1 }, path: "", message };
        return { t: "gone", problem, stamp: `gone ${path}` };
      }
    }
    const unique = [...new Map(files.map((f) => [f.file, f])).values()];
    return { t: "files", files: unique, stamp: JSON.stringify(unique) };
  }

  #load(look: Look): void {
    this.#unsettled = undefined;
    this.#loaded = look.stamp;
    if (look.t === "gone") return this.#live.unavailable(look.problem);
    const read = look.files.map(({ file }) => readFile(file));
    const unreadable = read.filter((r): r is Problem => "message" in r);
    // A file that went while it was read is looked for again.
    if (unreadable.length > 0) this.#loaded = "";
    this.#live.update(
      read.filter((r): r is SourceFile => !("message" in r)),
      unreadable,
    );
    this.#listen();
  }

  /** Watches the folders that are there now: one that was replaced is another one to the system. */
  #listen(): void {
    if (!this.#options.events || this.#closed) return;
    const roots = this.#options.paths.map(identityOf).join(" ");
    if (this.#watching?.roots === roots) return;
    this.#watching?.stop();
    const stops = this.#options.paths.map((path) => watchPath(path, () => this.#check(), this.#options.log));
    this.#watching = { roots, stop: () => stops.forEach((stop) => stop()) };
  }
}

function identityOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? "none" : `${stat.dev}:${stat.ino}`;
}
