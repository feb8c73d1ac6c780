/**
 * The lines of a log file, and those that are written to it later.
 *
 * @module
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";

/** How much is read at a time. */
const CHUNK_BYTES = 65_536;

export class FollowedFile {
  readonly path: string;
  readonly name: string;
  #offset = 0;
  #inode = 0;
  #decoder = new StringDecoder("utf8");
  /** Begun and not ended yet. */
  #rest = "";

  constructor(path: string, name: string) {
    this.path = path;
    this.name = name;
  }

  /**
   * Whole lines since the last call; from the start when the file is another one or has become shorter. None where there is
   * no file.
   *
   * @param tail Only the last so many of them.
   */
  *read(tail?: number): Generator<string> {
    if (tail === undefined) return yield* this.#lines();
    const last: string[] = [];
    for (const line of this.#lines()) {
      last.push(line);
      if (last.length > tail) last.shift();
    }
    yield* last;
  }

  *#lines(): Generator<string> {
    const fd = opened(this.path);
    if (fd === undefined) return;
    try {
      const { size, ino } = fstatSync(fd);
      if (ino !== this.#inode || size < this.#offset) this.#restart(ino);
      const chunk = new Uint8Array(CHUNK_BYTES);
      for (let n = readSync(fd, chunk, 0, CHUNK_BYTES, this.#offset); n > 0; ) {
        this.#offset += n;
        yield* this.#split(this.#decoder.write(Buffer.from(chunk.buffer, 0, n)));
        n = readSync(fd, chunk, 0, CHUNK_BYTES, this.#offset);
      }
    } finally {
      closeSync(fd);
    }
  }

  *#split(text: string): Generator<string> {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    yield* lines;
  }

  #restart(inode: number): void {
    this.#inode = inode;
    this.#offset = 0;
    this.#rest = "";
    this.#decoder = new StringDecoder("utf8");
  }
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
