/**
 * What is sent and to where: the bytes of the request, made once.
 *
 * @module
 */
import { isHost } from "../../wire/http1/request-head.ts";

export interface RequestPlan {
  /** `http://host:port/path?query`. */
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly bodyBytes: number;
  /** A forward proxy, `http://host:port`: it is dialed in place of the URL's host and gets the URL in absolute form. */
  readonly proxy: string | undefined;
}

export interface Target {
  readonly address: string;
  readonly port: number;
  readonly request: Uint8Array;
  /** No body follows the head of an answer. */
  readonly isHead: boolean;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/;
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** @throws {RangeError} What is wrong with the plan, in words for the person who wrote it. */
export function targetOf(plan: RequestPlan): Target {
  const url = httpUrl(plan.url, "the URL");
  const dialed = plan.proxy === undefined ? url : httpUrl(plan.proxy, "the proxy");
  const path = `${url.pathname}${url.search}`;
  if (!TOKEN.test(plan.method)) throw new RangeError(`${JSON.stringify(plan.method)} is not a method`);
  if (!(plan.bodyBytes >= 0 && plan.bodyBytes <= MAX_BODY_BYTES))
    throw new RangeError(`a body may have 0 to ${MAX_BODY_BYTES} bytes, found ${plan.bodyBytes}`);
  const lines = [`${plan.method} ${plan.proxy === undefined ? path : `http://${url.host}${path}`} HTTP/1.1`];
  if (!plan.headers.some(([name]) => name.toLowerCase() === "host")) lines.push(`host: ${url.host}`);
  for (const [name, value] of plan.headers) lines.push(headerLine(name, value));
  if (plan.bodyBytes > 0) lines.push(`content-length: ${plan.bodyBytes}`);
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  return {
    // An IPv6 address stands in brackets in a URL and without them to a dialer.
    address: dialed.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: dialed.port === "" ? 80 : Number(dialed.port),
    request: Buffer.concat([head, Buffer.alloc(plan.bodyBytes, "x")]),
    isHead: plan.method === "HEAD",
  };
}

function httpUrl(text: string, what: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" || !isHost(url.host))
    throw new RangeError(`${what} must be like http://127.0.0.1:9080/path, found ${JSON.stringify(text)}`);
  if (url.username !== "" || url.password !== "")
    throw new RangeError(`${what} must not have a user or a password in it`);
  return url;
}

const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "connection"]);

function headerLine(name: string, value: string): string {
  if (!TOKEN.test(name)) throw new RangeError(`${JSON.stringify(name)} is not the name of a header`);
  if (CONTROL.test(value)) throw new RangeError(`the header ${name} has a character that may not stand in a value`);
  if (FRAMING.has(name.toLowerCase()))
    throw new RangeError(`the header ${name} is written by the load generator itself`);
  return `${name}: ${value}`;
}
