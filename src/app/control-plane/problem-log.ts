/**
 * Says each problem of the documents once, and again when it has come back.
 *
 * @module
 */
import type { Log } from "../../base/log.ts";
import { formatProblem, type Problem } from "../../base/problem.ts";

export class ProblemLog {
  readonly #log: Log;
  #said: ReadonlySet<string> = new Set();

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param problems All that there are now. */
  update(problems: readonly Problem[]): void {
    const now = new Set<string>();
    for (const problem of problems) {
      const text = formatProblem(problem);
      now.add(text);
      if (this.#said.has(text)) continue;
      if (problem.severity === "error") this.#log.error("a document has a problem", { problem: text });
      else this.#log.warn("a document has a problem", { problem: text });
    }
    const gone = [...this.#said].filter((text) => !now.has(text)).length;
    if (gone > 0) this.#log.info("problems of the documents are solved", { solved: gone, left: now.size });
    this.#said = now;
  }
}
