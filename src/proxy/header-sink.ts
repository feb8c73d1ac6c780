/**
 * Where the headers of a message are written: HTTP/1.1 text, or a field block of HTTP/2.
 *
 * @module
 */
import type { Head } from "../wire/http1/head.ts";

export interface HeaderSink {
  /** One field. What may not stand in a header cannot get out. */
  header(name: string, value: string): void;
  /** The lines of `head` that `drop` lets through. */
  lines(head: Head, drop: (line: number) => boolean): void;
}
