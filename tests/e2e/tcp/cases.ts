/**
 * What clients do to the listeners of the bootstrap.
 *
 * @module
 */
import { writeProxyHeader } from "../../../src/wire/proxy-protocol.ts";
import { clientHello } from "../../support/client-hello.ts";
import type { ListenerName } from "./bootstrap.ts";
import type { Step } from "./client.ts";

export interface TcpCase {
  readonly what: string;
  readonly listener: ListenerName;
  readonly steps: readonly Step[];
}

const send = (text: string): Step => ({ send: text });
const waitMs = (ms: number): Step => ({ waitMs: ms });
const bytes = (count: number): Step => ({ bytes: count });
const header = (version: 1 | 2, source = "192.0.2.7", destination = "192.0.2.8", port = 8443): string =>
  Buffer.from(writeProxyHeader(version, { address: source, port: 4711 }, { address: destination, port })).toString(
    "latin1",
  );

/** A header of version 2 whose bytes after the signature are these. */
const binary = (...rest: readonly number[]): string => `\r\n\r\n\0\r\nQUIT\n${Buffer.from(rest).toString("latin1")}`;
const V4 = [192, 0, 2, 7, 192, 0, 2, 8, 0x12, 0x67, 0x20, 0xfb];

export async function tcpCases(): Promise<readonly TcpCase[]> {
  const LARGE = "x".repeat(300_000);
  const cases: TcpCase[] = [];
  const add = (listener: ListenerName, what: string, ...steps: readonly Step[]): void =>
    void cases.push({ listener, what, steps });

  add("echo", "a question and its answer", send("hello"), bytes(5), "end");
  add("echo", "a client that says nothing and ends", "end");
  add("echo", "a client that sends and ends at once", send("early"), "end");
  add("echo", "much, and an end at once", send(LARGE), "end", bytes(LARGE.length));
  add("echo", "a client that resets", send("hello"), bytes(5), "reset");
  add("echo", "a client that stays", send("hello"), bytes(5));
  add("greets", "a server that speaks first", bytes(13), send("EHLO"), bytes(17), "end");
  add("answersAtEnd", "an answer to the end", send("question"), "end", bytes(7));
  add("answersAtEnd", "an answer to much", send(LARGE), "end", bytes(12));
  add("endsFirst", "a server that ends first, and a client that goes on", bytes(3), send("more"), waitMs(100), "end");
  add("endsFirst", "a server that ends first, and a client that does not", bytes(3));
  add("connects", "a way through a proxy", send("hello"), bytes(10), "end");
  add("connects", "a way that the client leaves", send("hello"), bytes(10), "reset");
  add("forbids", "a proxy that opens no way", send("hello"), waitMs(200));
  add("resets", "a server that resets", send("hello"), waitMs(200));
  add("silent", "a server that says nothing", send("hello"), waitMs(100), "end");
  // Whoever says something may be reset or see the end, as his bytes come early or late.
  add("dead", "nobody there");
  add("deadTwice", "nobody there, twice");
  add("empty", "no endpoint");
  add("nowhere", "no cluster");
  add("full", "room for one", send("hello"), waitMs(100), "end");
  add("idle", "nothing said for too long", send("hello"), waitMs(3200));
  add("limited", "too long a life", send("hello"), waitMs(3200));
  add("denied", "authorization", send("hello"), waitMs(100));
  add("weighted", "the only one of weighted clusters", send("hello"), bytes(5), "end");
  add("hashed", "a hash policy", send("hello"), bytes(5), "end");
  await addPassThrough(add);
  await addDetection(add);
  addProxyProtocol(add);
  add("toProxyV1", "a line goes first", send("hello"), bytes(5), "end");
  add("toProxyV2", "a binary header goes first", send("hello"), bytes(5), "end");
  add("toProxyV2", "a header for a client that ends at once", "end");
  add("toProxyTls", "a header, and TLS behind it", send("hello"), bytes(5), "end");
  add("proxyToProxy", "a header in and one out", send(`${header(1)}hello`), bytes(5), "end");
  add("endsTls", "TLS ended", { tls: { servername: "app", alpn: [] } }, send("hello"), bytes(5), "end");
  add(
    "endsTls",
    "TLS ended, with a protocol",
    { tls: { servername: "app", alpn: ["h2", "istio"] } },
    send("hello"),
    bytes(5),
    "end",
  );
  add(
    "endsTls",
    "TLS ended, with a protocol that is not known",
    { tls: { servername: "app", alpn: ["h9"] } },
    send("hello"),
    bytes(5),
    "end",
  );
  add("endsTls", "plaintext where TLS must be", send("hello world"), waitMs(100));
  return cases;
}

type Add = (listener: ListenerName, what: string, ...steps: readonly Step[]) => void;

async function addPassThrough(add: Add): Promise<void> {
  for (const name of [
    "www.example.com",
    "WWW.Example.com",
    "a.example.com",
    "a.b.example.com",
    "a.www.example.com",
    "example.com",
    "other.org",
    "mesh.example.com",
  ]) {
    const hello = await clientHello(name);
    add("passThrough", `TLS for ${name}`, send(hello), bytes(hello.length), "end");
  }
  const mesh = await clientHello("mesh.example.com", ["h2", "istio"]);
  add("passThrough", "TLS of the mesh", send(mesh), bytes(mesh.length), "end");
  add(
    "passThrough",
    "a hello in pieces",
    send(mesh.slice(0, 3)),
    waitMs(50),
    send(mesh.slice(3, 60)),
    waitMs(50),
    send(mesh.slice(60)),
    bytes(mesh.length),
    "end",
  );
  add("passThrough", "no TLS", send("hello"), bytes(18), "end");
  add("passThrough", "half a hello and an end", send(mesh.slice(0, 60)), "end", waitMs(100));
  const byName = await clientHello("by.sni.example.com");
  add("bySni", "the cluster of a server name", send(byName), bytes(byName.length), "end");
  const unknown = await clientHello("who.example.com");
  add("bySni", "a server name without a cluster", send(unknown), waitMs(100));
  add("bySni", "no server name", send("hello"), bytes(18), "end");
}

async function addDetection(add: Add): Promise<void> {
  const hello = await clientHello("app");
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (const listener of ["detecting", "detectingOrClosing", "detectingWithoutPort"] as const) {
    add(listener, "HTTP/1.1", send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), waitMs(50), "end");
    add(listener, "HTTP/1.0", send("GET / HTTP/1.0\r\n\r\n"), waitMs(50), "end");
    add(listener, "HTTP/2", send(preface), waitMs(50), "end");
    add(listener, "HTTP/2 in pieces", send(preface.slice(0, 7)), waitMs(50), send(preface.slice(7)), waitMs(50), "end");
    add(listener, "a request line in pieces", send("PO"), waitMs(50), send("ST / HTTP/1.1\r\n"), waitMs(50), "end");
    add(listener, "TLS", send(hello), waitMs(50), "end");
    add(listener, "another protocol", send("\0\0\0\x04ping"), waitMs(50), "end");
    add(listener, "a line that is no request", send("hello\r\n"), waitMs(50), "end");
    add(listener, "a client that waits for the server", waitMs(1500), "end");
    add(listener, "a client that begins and then waits", send("GE"), waitMs(1500), "end");
    add(listener, "a client that ends without a word", "end", waitMs(100));
  }
}

function addProxyProtocol(add: Add): void {
  const v6 = header(2, "2001:db8::7", "2001:db8::8");
  for (const listener of ["fromProxy", "fromProxyOrNot", "fromProxyV2"] as const) {
    const one = (what: string, text: string): void => add(listener, what, send(text), bytes(5), "end");
    one("a line", `${header(1)}hello`);
    one("a line of IPv6", `${header(1, "2001:db8::7", "2001:db8::8")}hello`);
    one("a line that knows nothing", "PROXY UNKNOWN\r\nhello");
    one("a binary header", `${header(2)}hello`);
    one("a binary header of IPv6", `${v6}hello`);
    one("a local one", `${binary(0x20, 0, 0, 0)}hello`);
    one("a local one with addresses", `${binary(0x20, 0x11, 0, 12, ...V4)}hello`);
    one("TLVs", `${binary(0x21, 0x11, 0, 17, ...V4, 1, 0, 2, 104, 50)}hello`);
    one("a TLV that is too long", `${binary(0x21, 0x11, 0, 17, ...V4, 1, 0, 9, 104, 50)}hello`);
    one("unix sockets", `${binary(0x21, 0x31, 0, 216, ...Array.from({ length: 216 }, () => 65))}hello`);
    one("no family", `${binary(0x21, 0x00, 0, 0)}hello`);
    one("version 3", `${binary(0x31, 0x11, 0, 12, ...V4)}hello`);
    one("another command", `${binary(0x22, 0x11, 0, 12, ...V4)}hello`);
    one("addresses that are too short", `${binary(0x21, 0x11, 0, 11, ...V4)}hello`);
    one("no header", "hello, who is there?");
    one("a line of another family", "PROXY TCP5 192.0.2.7 192.0.2.8 1 2\r\nhello");
    one("a line with a bad address", "PROXY TCP4 192.0.2.256 192.0.2.8 1 2\r\nhello");
    one("a line with a bad port", "PROXY TCP4 192.0.2.7 192.0.2.8 1 65536\r\nhello");
    one("a line of nobody", "PROXY TCP4 0.0.0.0 192.0.2.8 1 2\r\nhello");
    one("a line of a group", "PROXY TCP4 224.0.0.1 192.0.2.8 1 2\r\nhello");
    one("a line that does not end", `PROXY UNKNOWN ${"x".repeat(120)}`);
    add(
      listener,
      "a header in pieces",
      send(v6.slice(0, 9)),
      waitMs(40),
      send(v6.slice(9, 30)),
      waitMs(40),
      send(`${v6.slice(30)}hello`),
      bytes(5),
      "end",
    );
    add(listener, "half a header and an end", send(header(1).slice(0, 20)), "end", waitMs(100));
  }
  add(
    "fromProxy",
    "whom the rules refuse, by what the header says",
    send(`${header(1, "10.9.9.9")}hello`),
    bytes(5),
    "end",
  );
  const request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  add("fromProxyHttp", "whom x-forwarded-for names", send(`${header(1)}${request}`), waitMs(150), "end");
  add("fromProxyHttp", "whom the rules refuse", send(`${header(1, "10.9.9.9")}${request}`), waitMs(150), "end");
  const tls: Step = { tls: { servername: "app", alpn: [] } };
  add("fromProxyThenTls", "TLS behind a header", send(header(2)), tls, send("hello"), bytes(5), "end");
  add(
    "fromProxyThenTls",
    "another port than the chain's",
    send(header(2, undefined, undefined, 1)),
    send("hello"),
    waitMs(200),
    "end",
  );
  add("toProxyHttp", "a line before a request", send(request), waitMs(150));
}
