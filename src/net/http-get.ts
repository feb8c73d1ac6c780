/**
 * Asks an admin endpoint of this machine. Not for traffic.
 *
 * `fetch` is not used: it obeys `http_proxy`, which people set to try a mesh, and would send the question into it.
 *
 * @module
 */
import { request } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface HttpGetOptions {
  readonly method?: "GET" | "POST";
  /** For all of it. @default 5000 */
  readonly timeoutMs?: number;
  /** @default 67_108_864 */
  readonly maxBytes?: number;
}

/** Rejects with an error that names the URL when there is no answer, or when it is too long or too late. */
export function httpGet(url: string, options: HttpGetOptions = {}): Promise<HttpAnswer> {
  const { method = "GET", timeoutMs = 5000, maxBytes = 64 << 20 } = options;
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`no answer from ${url}: ${why}`));
    const asked = request(url, { method, agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes <= maxBytes) return;
        fail(`it is longer than ${maxBytes} bytes`);
        response.destroy();
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      response.on("error", (error) => fail(error.message));
    });
    asked.on("error", (error) => fail(error.name === "AbortError" ? `none within ${timeoutMs} ms` : codeOf(error)));
    asked.end();
  });
}

const codeOf = (error: Error): string => ("code" in error ? String(error.code) : error.message);
