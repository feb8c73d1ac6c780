/**
 * Sends bytes as they are and reads the answers, with a reader of its own that shares no mistake with the proxy.
 *
 * @module
 */
import { connect, type Socket } from "node:net";
import { partOfChunks, readChunks } from "./scripted-backend.ts";

export interface WireCase {
  /** On every request as `x-case`, and the part of the address that the client calls from. */
  readonly id: string;
  /** A name for a person. */
  readonly what: string;
  readonly listener: string;
  /** Latin-1. Each part after the first waits for an answer, if only `100 Continue`, or for a moment. */
  readonly parts: readonly string[];
  /** Of each request, for answers to HEAD. */
  readonly methods: readonly string[];
  /** What is odd about it, by which a difference can be explained. */
  readonly traits?: readonly string[];
  /** How the client leaves once its last part is out: it half-closes, or it resets. Without: it waits for its answers. */
  readonly leaves?: "half" | "reset";
}

export interface WireAnswer {
  readonly line: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly trailers: string;
  /** The body, or the head, ended before its time. */
  readonly cut: boolean;
}

export interface WireResult {
  readonly answers: readonly WireAnswer[];
  /** The proxy closed the connection behind the last answer. */
  readonly closed: boolean;
  /** Bytes that are no answer. */
  readonly rest: string;
}

const LIMIT_MS = 8000;
/** After a `connection: close`, or the last answer: how long the end may take. */
const CLOSE_MS = 5000;
const QUIET_MS = 60;
const PART_MS = 150;

/** @param from The client's address, in 127.0.0.0/8. */
export function talk(port: number, from: string, { leaves, methods, parts }: WireCase): Promise<WireResult> {
  return new Promise((resolve) => {
    let text = "";
    let closed = false;
    const waiting = parts.slice(1);
    const socket: Socket = connect({ port, host: "127.0.0.1", localAddress: from, allowHalfOpen: true });
    let timer = setTimeout(finish, LIMIT_MS);
    let partTimer: ReturnType<typeof setTimeout> | undefined;

    function finish(): void {
      clearTimeout(timer);
      clearTimeout(partTimer);
      socket.destroy();
      resolve({ ...readAnswers(text, methods, closed), closed });
    }
    function sendPart(): void {
      const part = waiting.shift();
      if (part === undefined) return;
      socket.write(part, "latin1");
      if (waiting.length > 0) partTimer = setTimeout(sendPart, PART_MS);
      else leave();
    }
    function leave(): void {
      if (leaves === "half") socket.end();
      // Not before what was sent had a chance to be read: a reset takes unread bytes with it.
      if (leaves === "reset") partTimer = setTimeout(() => socket.resetAndDestroy(), PART_MS);
    }
    function look(): void {
      const { answers } = readAnswers(text, methods, false);
      if (waiting.length > 0 && answers.length > 0) {
        clearTimeout(partTimer);
        sendPart();
      }
      const last = answers.filter(({ line, cut }) => !line.startsWith("HTTP/1.1 1") && !cut);
      if (last.length < methods.length) return;
      const closes = last.at(-1)?.headers.some(([name, value]) => name === "connection" && value === "close");
      clearTimeout(timer);
      timer = setTimeout(finish, closes === true ? CLOSE_MS : QUIET_MS);
    }
    socket.on("connect", () => {
      socket.write(parts[0] ?? "", "latin1");
      if (waiting.length > 0) partTimer = setTimeout(sendPart, PART_MS);
      else leave();
    });
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      look();
    });
    socket.on("error", () => {});
    socket.on("end", () => {
      closed = true;
      finish();
    });
    socket.on("close", () => {
      closed = true;
      finish();
    });
  });
}

function readAnswers(text: string, methods: readonly string[], closed: boolean): Omit<WireResult, "closed"> {
  const answers: WireAnswer[] = [];
  let rest = text;
  let answered = 0;
  while (rest !== "") {
    const found = readAnswer(rest, methods[answered] ?? "GET", closed);
    if (found === undefined) break;
    const { size, ...answer } = found;
    answers.push(answer);
    if (!answer.line.startsWith("HTTP/1.1 1")) answered++;
    rest = rest.slice(size);
  }
  return { answers, rest };
}

function readAnswer(text: string, method: string, closed: boolean): (WireAnswer & { size: number }) | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [line = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = lines.map((it) => [it.slice(0, it.indexOf(":")), it.slice(it.indexOf(":") + 1).trim()] as const);
  const value = (name: string): string | undefined => headers.find(([key]) => key.toLowerCase() === name)?.[1];
  const start = end + 4;
  const status = line.split(" ")[1] ?? "";
  const none = { line, headers, body: "", trailers: "", cut: false, size: start };
  if (method === "HEAD" || status.startsWith("1") || status === "204" || status === "304") return none;
  if (value("transfer-encoding") !== undefined) {
    const chunks = readChunks(text, start);
    if (chunks !== undefined) return { ...none, ...chunks };
    return closed ? { ...none, body: partOfChunks(text, start), cut: true, size: text.length } : undefined;
  }
  const length = value("content-length");
  if (length === undefined) {
    return { ...none, body: text.slice(start), cut: !closed, size: text.length };
  }
  const size = start + Number(length);
  if (text.length >= size) return { ...none, body: text.slice(start, size), size };
  return closed ? { ...none, body: text.slice(start), cut: true, size: text.length } : undefined;
}
