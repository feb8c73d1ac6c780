/**
 * What proxies log of each request.
 *
 * @module
 */
import { closeSync, existsSync, openSync, readSync } from "node:fs";

/** What is compared of a line. */
export interface Logged {
  readonly flags: string;
  readonly details: string;
  readonly route: string;
  readonly cluster: string;
}

export const ACCESS_LOG_FORMAT =
  "%REQ(X-CASE)%|%RESPONSE_FLAGS%|%RESPONSE_CODE_DETAILS%|%ROUTE_NAME%|%UPSTREAM_CLUSTER_RAW%\n";

const CHUNK_BYTES = 1 << 20;

export class AccessLog {
  readonly #file: string;
  readonly #lines = new Map<string, Logged>();
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  #offset = 0;
  #rest = "";

  constructor(file: string) {
    this.#file = file;
  }

  has(id: string): boolean {
    return this.#lines.has(id);
  }

  /** Takes the line of `x-case: id` out. */
  take(id: string): Logged | undefined {
    const found = this.#lines.get(id);
    this.#lines.delete(id);
    return found;
  }

  /** Reads what has been added to the file. */
  read(): void {
    if (!existsSync(this.#file)) return;
    const file = openSync(this.#file, "r");
    try {
      for (;;) {
        const size = readSync(file, this.#chunk, 0, CHUNK_BYTES, this.#offset);
        if (size === 0) return;
        this.#offset += size;
        this.#add(this.#chunk.toString("latin1", 0, size));
      }
    } finally {
      closeSync(file);
    }
  }

  #add(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const [id = "", flags = "", details = "", route = "", cluster = ""] = line.split("|");
      // A cluster's name has bars as well.
      const rest = line.slice(line.indexOf(cluster, id.length + flags.length + details.length + route.length + 4));
      if (id !== "-") this.#lines.set(id, { flags, details, route, cluster: rest });
    }
  }
}
