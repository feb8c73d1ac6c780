/**
 * A backend that does what a request's `x-do` header tells it, and remembers what reached it byte for byte. Its reader of
 * HTTP/1.1 is its own, so that it shares no mistake with the proxy.
 *
 * `x-do` is a list of words divided by `;`:
 * `status=503` the status; `fail=2` the first two attempts of the case end with the status, later ones with 200;
 * `reset` the connection is closed in place of such an answer; `delay=50` milliseconds before it;
 * `as=length|chunked|close|none|trailers|partial|broken` the framing of the body; `head=name:value` another header;
 * `raw=name` one of {@link RAW_ANSWERS} in place of all that; `interim=103,102` interim answers before it;
 * `early` the answer, or the reset, comes with the request's head, and the body is read behind it.
 *
 * @module
 */
import { createServer, type Server, type Socket } from "node:net";
import { RAW_ANSWERS } from "./raw-answers.ts";

export interface SeenRequest {
  readonly line: string;
  /** Name as it came and value, in order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly framing: "none" | "length" | "chunked";
  readonly trailers: string;
}

const BODY = "hello from the backend";

export class ScriptedBackend {
  readonly #server: Server;
  readonly #seen = new Map<string, SeenRequest[]>();
  /** Bodies that came without a framing, and so stood in front of somebody else's request. */
  strays = 0;

  private constructor() {
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async start(): Promise<ScriptedBackend> {
    const backend = new ScriptedBackend();
    await new Promise<void>((resolve) => backend.#server.listen(0, "127.0.0.1", resolve));
    return backend;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** What came with `x-case: id`, in order. */
  seen(id: string): readonly SeenRequest[] {
    return this.#seen.get(id) ?? [];
  }

  stop(): void {
    this.#server.close();
  }

  #accept(socket: Socket): void {
    let text = "";
    let busy = false;
    let isEarly = false;
    socket.on("error", () => socket.destroy());
    const next = (): void => {
      if (busy) return;
      const stray = STRAY.exec(text)?.[0].length ?? 0;
      if (stray > 0) this.strays++;
      text = text.slice(stray);
      const early = isEarly ? undefined : earlyRequest(text);
      if (early !== undefined) {
        isEarly = true;
        this.#answer(early, socket, () => {});
      }
      const request = readRequest(text);
      if (request === undefined) return;
      text = text.slice(request.size);
      const isAnswered = isEarly;
      isEarly = false;
      if (isAnswered) return next();
      busy = true;
      this.#answer(request, socket, () => {
        busy = false;
        next();
      });
    };
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      next();
    });
  }

  #answer(request: SeenRequest, socket: Socket, done: () => void): void {
    const id = valueOf(request, "x-case") ?? "";
    const seen = this.#seen.get(id) ?? [];
    seen.push(request);
    this.#seen.set(id, seen);
    const script = scriptOf(valueOf(request, "x-do") ?? "", seen.length);
    const answer = (): void => {
      if (script.reset) return void socket.destroy();
      socket.write(interimsOf(script) + answerTo(request, script), "latin1");
      if (endsWith(request, script)) socket.end();
      else done();
    };
    if (script.delayMs === 0) answer();
    else setTimeout(answer, script.delayMs);
  }
}

interface Script {
  readonly status: number;
  readonly reset: boolean;
  readonly delayMs: number;
  readonly as: string;
  readonly head: readonly string[];
  readonly interim: readonly string[];
  readonly raw: string | undefined;
}

function scriptOf(text: string, attempt: number): Script {
  const words = text.split(";").map((word) => word.split("="));
  const value = (name: string): string | undefined => words.find(([key]) => key === name)?.[1];
  const failing = attempt <= Number(value("fail") ?? Number.POSITIVE_INFINITY);
  return {
    status: failing ? Number(value("status") ?? 200) : 200,
    reset: failing && words.some(([key]) => key === "reset"),
    delayMs: failing ? Number(value("delay") ?? 0) || 0 : 0,
    as: value("as") ?? "length",
    interim: value("interim")?.split(",") ?? [],
    raw: value("raw"),
    head: words.filter(([key]) => key === "head").map(([, header = ""]) => header.replace(":", ": ")),
  };
}

/** What the backend would send to a request's first attempt, and whether it then closes. */
export function scriptedAnswer(request: SeenRequest): { readonly text: string; readonly closes: boolean } {
  const script = scriptOf(valueOf(request, "x-do") ?? "", 1);
  if (script.reset) return { text: "", closes: true };
  return { text: interimsOf(script) + answerTo(request, script), closes: endsWith(request, script) };
}

/** A whole answer to HEAD does not end the connection: whoever wants to use it again would meet its end half the time. */
const endsWith = ({ line }: SeenRequest, { as, raw }: Script): boolean =>
  (raw !== undefined && RAW_ANSWERS[raw]?.closes === true) ||
  as === "close" ||
  as === "broken" ||
  (as === "partial" && !line.startsWith("HEAD "));

const interimsOf = ({ interim }: Script): string =>
  interim.map((status) => `HTTP/1.1 ${status} Wait\r\nX-Interim: ${status}\r\n\r\n`).join("");

function answerTo(request: SeenRequest, { as, head, raw, status }: Script): string {
  if (raw !== undefined) return RAW_ANSWERS[raw]?.text ?? "";
  if (as === "broken") return "HTTP/1.1 2000 Maybe\r\nnot a header\r\n\r\n";
  const isHead = request.line.startsWith("HEAD ");
  const bodiless = status === 204 || status === 304;
  const lines = [`HTTP/1.1 ${status} Whatever`, "X-Backend: yes", ...head];
  const fields = bodiless || as === "none" ? noBody(bodiless) : FRAMING[as === "partial" ? "length" : as];
  const body = isHead || bodiless || as === "none" ? "" : bodyAs(as);
  return `${[...lines, ...(fields ?? [])].join("\r\n")}\r\n\r\n${body}`;
}

const noBody = (bodiless: boolean): readonly string[] => (bodiless ? [] : ["Content-Length: 0"]);

const FRAMING: Readonly<Record<string, readonly string[]>> = {
  length: [`Content-Length: ${BODY.length}`],
  chunked: ["Transfer-Encoding: chunked"],
  trailers: ["Transfer-Encoding: chunked", "Trailer: x-trailer"],
  close: ["Connection: close"],
};

function bodyAs(as: string): string {
  const half = BODY.slice(0, 11);
  const chunks = `b\r\n${half}\r\n${(BODY.length - 11).toString(16)}\r\n${BODY.slice(11)}\r\n0\r\n`;
  if (as === "chunked") return `${chunks}\r\n`;
  if (as === "trailers") return `${chunks}X-Trailer: last\r\n\r\n`;
  return as === "partial" ? half : BODY;
}

export const valueOf = ({ headers }: Pick<SeenRequest, "headers">, name: string): string | undefined =>
  headers.find(([key]) => key.toLowerCase() === name)?.[1];

interface Sized extends SeenRequest {
  readonly size: number;
}

/** The head at the start of `text`, when its script wants an answer to that. */
function earlyRequest(text: string): SeenRequest | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0 || !/\r\nx-do: [^\r]*\bearly\b/i.test(text.slice(0, end))) return undefined;
  const [line = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = lines.map((it) => [it.slice(0, it.indexOf(":")), it.slice(it.indexOf(":") + 1).trim()] as const);
  return { line, headers, body: "", framing: "none", trailers: "" };
}

/** The request at the start of `text`; undefined until it is whole. */
export function readRequest(text: string): Sized | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [line = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = lines.map((it) => [it.slice(0, it.indexOf(":")), it.slice(it.indexOf(":") + 1).trim()] as const);
  const start = end + 4;
  const head = { line, headers };
  if (valueOf(head, "transfer-encoding") !== undefined) {
    const body = readChunks(text, start);
    return body === undefined ? undefined : { ...head, framing: "chunked", ...body };
  }
  const length = valueOf(head, "content-length");
  const size = start + Number(length ?? 0);
  if (text.length < size) return undefined;
  const framing = length === undefined ? "none" : "length";
  return { ...head, framing, body: text.slice(start, size), trailers: "", size };
}

/** Bodies of the cases are in lower case, methods are not. */
const STRAY = /^[a-z ]+(?=[A-Z])/;

/** Chunks from `start` on, as one body. */
export function readChunks(
  text: string,
  start: number,
): { readonly body: string; readonly trailers: string; readonly size: number } | undefined {
  let body = "";
  for (let at = start; ; ) {
    const eol = text.indexOf("\r\n", at);
    if (eol < 0) return undefined;
    const length = Number.parseInt(text.slice(at, eol), 16);
    at = eol + 2;
    if (length === 0) {
      const end = text.startsWith("\r\n", at) ? at : text.indexOf("\r\n\r\n", at) + 2;
      if (end < at) return text.startsWith("\r\n", at) ? { body, trailers: "", size: at + 2 } : undefined;
      return { body, trailers: text.slice(at, end), size: end + 2 };
    }
    if (text.length < at + length + 2) return undefined;
    body += text.slice(at, at + length);
    at += length + 2;
  }
}

/** The data of chunks that break off. */
export function partOfChunks(text: string, start: number): string {
  let body = "";
  for (let at = start; ; ) {
    const eol = text.indexOf("\r\n", at);
    const length = Number.parseInt(text.slice(at, eol), 16);
    if (eol < 0 || Number.isNaN(length) || length === 0) return body;
    body += text.slice(eol + 2, eol + 2 + length);
    at = eol + 4 + length;
  }
}
