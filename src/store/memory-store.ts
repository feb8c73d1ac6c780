/**
 * Documents in memory: for tests, and for what writes documents itself.
 *
 * @module
 */
import { type Log, silentLog } from "../base/log.ts";
import type { SourceFile } from "../config/load.ts";
import { LiveDocuments } from "./live-documents.ts";
import type { Store, StoreState } from "./store.ts";

export class MemoryStore implements Store {
  readonly #files = new Map<string, string>();
  readonly #live: LiveDocuments;

  constructor(files: Readonly<Record<string, string>> = {}, log: Log = silentLog) {
    this.#live = new LiveDocuments(log);
    for (const [file, text] of Object.entries(files)) this.#files.set(file, text);
    this.#update();
  }

  get current(): StoreState {
    return this.#live.current;
  }

  watch(onChange: (state: StoreState) => void): () => void {
    return this.#live.watch(onChange);
  }

  /** Writes a file, new or not. */
  write(file: string, text: string): void {
    this.#files.set(file, text);
    this.#update();
  }

  remove(file: string): void {
    this.#files.delete(file);
    this.#update();
  }

  close(): void {}

  /** In their order. */
  get files(): readonly SourceFile[] {
    const files = [...this.#files].map(([file, text]) => ({ file, text }));
    return files.sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  #update(): void {
    this.#live.update(this.files);
  }
}
