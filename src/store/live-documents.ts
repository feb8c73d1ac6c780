/**
 * The documents that are live, over time: each reading of the files is put against the one before, so that nothing that was
 * live goes because its file is half written, wrong or unreadable. Files that did not change are not parsed again.
 *
 * @module
 */
import type { Log } from "../base/log.ts";
import type { Problem } from "../base/problem.ts";
import { analyze } from "../config/analyze.ts";
import { loadParsed, type SourceFile } from "../config/load.ts";
import { type ParsedFile, parseYaml } from "../config/parse-yaml.ts";
import type { StoreState } from "./store.ts";

interface Cached {
  readonly text: string;
  readonly parsed: ParsedFile;
}

export class LiveDocuments {
  #state: StoreState;
  #cache = new Map<string, Cached>();
  /** Of the last reading. */
  #problems: readonly Problem[] = [];
  readonly #watchers = new Set<(state: StoreState) => void>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
    this.#state = { generation: 1, findings: [], ...loadParsed([]) };
  }

  get current(): StoreState {
    return this.#state;
  }

  /**
   * The files as they are now.
   *
   * @param unreadable A problem for each file that is there and cannot be read: what it held stays live.
   */
  update(files: readonly SourceFile[], unreadable: readonly Problem[] = []): void {
    const cache = new Map<string, Cached>();
    for (const { file, text } of files) {
      const before = this.#cache.get(file);
      cache.set(file, before?.text === text ? before : { text, parsed: parseYaml(file, text) });
    }
    this.#cache = cache;
    const broken = unreadable.map((p): ParsedFile => ({ file: p.place.file, trees: [], problems: [p], broken: true }));
    const loaded = loadParsed([...[...cache.values()].map((c) => c.parsed), ...broken], this.#state.documents);
    this.#problems = loaded.problems;
    this.#publish({ ...loaded, findings: analyze(loaded) });
  }

  /** The files cannot be listed: all that is live stays, and this is said. */
  unavailable(problem: Problem): void {
    const { generation: _, ...state } = this.#state;
    this.#publish({ ...state, problems: [problem, ...this.#problems] });
  }

  watch(onChange: (state: StoreState) => void): () => void {
    // A function of our own for each call: one watcher may watch twice.
    const watcher = (state: StoreState): void => onChange(state);
    this.#watchers.add(watcher);
    onChange(this.#state);
    return () => void this.#watchers.delete(watcher);
  }

  /** A reading that says the same as the last is no change. */
  #publish(next: Omit<StoreState, "generation">): void {
    if (sameState(this.#state, next)) return;
    this.#state = { ...next, generation: this.#state.generation + 1 };
    for (const watcher of this.#watchers) {
      try {
        watcher(this.#state);
      } catch (error) {
        this.#log.error("a watcher of the documents failed", { error: String(error) });
      }
    }
  }
}

/** Places are part of it: a comment that moves a rule down changes the line that explains it. */
function sameState(a: StoreState, b: Omit<StoreState, "generation">): boolean {
  return (
    a.documents.length === b.documents.length &&
    a.documents.every((d, i) => d.tree === b.documents[i]?.tree && d.status === b.documents[i]?.status) &&
    JSON.stringify([a.problems, a.findings]) === JSON.stringify([b.problems, b.findings])
  );
}
