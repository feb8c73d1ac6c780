/**
 * Requests by chance: each a mixture of methods, targets, hosts, headers, framings and ways to send them.
 *
 * @module
 */
import type { Random } from "../../../src/base/random.ts";
import { LISTENERS } from "./bootstrap.ts";
import type { WireCase } from "./wire-client.ts";

const METHODS = ["GET", "GET", "GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "TRACE"];
const HOSTS = [
  ...Array<string>(12).fill("main.example"),
  "MAIN.example",
  "main.example:8080",
  "exact.example",
  "exact.example:8080",
  "exact.example:8081",
  "a.example",
  "a.deep.example",
  "first.anything",
  "nobody.test",
  "bare.example",
  "secure.example",
  "x.forbidden",
  "main.example.",
  "127.0.0.1:99",
  "[::1]:80",
];
const PATHS = [
  "/",
  "/match/exact",
  "/match/exact/",
  "/match/FOLDED",
  "/match/part",
  "/match/part/x",
  "/match/parts",
  "/match/re/abc",
  "/match/re/abc/12",
  "/match/re/abd",
  "/match/some/x",
  "/match/absent",
  "/match/not",
  "/match/empty",
  "/match/grpc",
  "/match/joined",
  "/rewrite/prefix/a/b",
  "/rewrite/gone",
  "/rewrite/gone/a",
  "/rewrite/regex/x",
  "/rewrite/host",
  "/rewrite/from-header",
  "/rewrite/host-path/name.example/rest",
  "/redirect/https/x",
  "/redirect/host/x",
  "/redirect/path/x",
  "/redirect/prefix/x",
  "/redirect/regex/x/y",
  "/redirect/strip/x",
  "/direct/body",
  "/direct/empty",
  "/direct/edited",
  "/edits",
  "/edits/more",
  "/weighted",
  "/cluster-header",
  "/unknown",
  "/missing",
  "/empty",
  "/dead",
  "/retry/dead",
  "/retry/5xx",
  "/retry/codes",
  "/fault/abort",
  "/fault/grpc",
  "/fault/delay",
  "/fault/both",
  "/denied",
  "/denied/x",
  "/denied/but-open",
  "/rbac/x",
  "/rbac/token",
  "/rbac/net",
  "/rbac/re/42",
  "/rbac/re/42x",
  "/allow",
  "/only",
  "/a/../denied",
  "/a/./b",
  "//a//b",
  "/a%2Fb",
  "/a%2fdenied/..%2f",
  "/a%5Cb",
  "/%64enied",
  "/a;v=1/b",
  "/a%00b",
  "/a%zz",
  "/ü",
  "/a\\b",
];
const QUERIES = ["", "", "", "?a=1", "?a=2&a=1", "?debug", "?debug=&x", "?", "?a=%31", "?x=/../y", "?a=1&b"];
const HEADERS = [
  "X-Kind: one",
  "X-Kind: two",
  "x-kind: three",
  "X-Kind:",
  "X-Kind: one\r\nX-Kind: two",
  "X-Number: 7",
  "X-Number: -5",
  "X-Number: 10",
  "X-Number: seven",
  "X-Role: Guest-1",
  "X-Role: member\r\nX-Role: guest",
  "X-Number: 50\r\nX-Number: 7",
  "X-Token: t",
  "X-Cluster: backend",
  "X-Cluster: nowhere",
  "X-Cluster: other",
  "X-New-Host: fresh.example",
  "X-Added: before",
  "X-Absent: mine",
  "X-Over: mine",
  "X-Only-Over: mine",
  "X-Gone: x",
  "User-Agent: tests/1",
  "Accept-Encoding: gzip",
  "Cookie: a=1\r\nCookie: b=2",
  "X-Under_Score: x",
  "X-Forwarded-For: 10.0.0.9",
  "X-Forwarded-Proto: https",
  "X-Forwarded-Host: from.example",
  "X-Request-Id: 6f6c4b5c-9d35-4e3c-8b0a-0123456789ab",
  "X-Envoy-Upstream-Rq-Timeout-Ms: 900",
  "X-Envoy-Max-Retries: 0",
  "X-Envoy-Retry-On: 5xx",
  "X-Envoy-Decorator-Operation: x",
  "X-Envoy-Original-Path: /lie",
  "X-Envoy-Internal: true",
  "X-Envoy-External-Address: 1.2.3.4",
  "X-Forwarded-Client-Cert: By=x",
  "Content-Type: application/grpc",
  "Via: 1.1 before",
  "Connection: keep-alive",
  "Connection: close",
  "Connection: x-kind, keep-alive",
  "Keep-Alive: timeout=5",
  "Proxy-Connection: keep-alive",
  "Proxy-Connection: close",
  "TE: trailers",
  "TE: gzip",
  "Trailer: x-trailer",
  "Expect: something",
  "Max-Forwards: 3",
  "Date: yesterday",
  "Server: me",
  "X-Spaces:   a  b \t",
  "X-Bytes: \xe9\xff",
  "Accept: */*\r\nAccept: text/html",
];
const SCRIPTS = [
  ...Array<string>(8).fill(""),
  "as=chunked",
  "as=close",
  "as=none",
  "as=trailers",
  "status=204",
  "status=304",
  "status=404",
  "status=418;fail=1",
  "status=503;fail=1",
  "status=503;fail=2",
  "status=500",
  "status=409",
  "reset",
  "reset;fail=1",
  "as=broken",
  "as=partial",
  "head=X-Secret:s;head=x-backend:second",
  "head=Connection:x-drop;head=X-Drop:d",
  "head=Server:theirs",
  "head=Set-Cookie:c=d;head=Set-Cookie:e=f",
  "head=X-Envoy-Upstream-Service-Time:9",
  "head=Keep-Alive:timeout=5",
  "head=Connection:close",
  "head=x-envoy-retry-on:5xx;status=302;head=location:/x",
  "status=600",
];
const BODY = "what the client sends";

type Pick = <T>(from: readonly T[]) => T;

/** @param id Of the case; the same number gives the same request from the same generator. */
export function generatedCase(random: Random, id: string): WireCase {
  const pick: Pick = (from) => from[Math.floor(random() * from.length)] as (typeof from)[number];
  const count = random() < 0.12 ? 2 + Math.floor(random() * 2) : 1;
  const requests = Array.from({ length: count }, (_, i) => generatedRequest(random, pick, id, i));
  const parts = count > 1 ? [requests.map(({ parts: own }) => own.join("")).join("")] : (requests[0]?.parts ?? []);
  return {
    id,
    what: `generated ${id}`,
    listener: pick(Object.keys(LISTENERS)),
    parts,
    methods: requests.map(({ method }) => method),
  };
}

function generatedRequest(random: Random, pick: Pick, id: string, index: number): { method: string; parts: string[] } {
  const method = pick(METHODS);
  const host = pick(HOSTS);
  const target = pick(PATHS) + pick(QUERIES);
  const version = random() < 0.06 ? "HTTP/1.0" : "HTTP/1.1";
  const form = random() < 0.08 ? `http://${pick(HOSTS)}${target}` : target;
  const script = pick(SCRIPTS);
  const lines = [`${method} ${form} ${version}`, `${pick(["Host", "host", "HOST"])}: ${host}`, `X-Case: ${id}`];
  if (script !== "") lines.push(`x-do: ${script}`);
  const extra = Math.floor(random() * 4);
  for (let i = 0; i < extra; i++) lines.push(pick(HEADERS));
  const body = random() < (["POST", "PUT", "PATCH"].includes(method) ? 0.8 : 0.08);
  if (!body) return { method, parts: [`${lines.join("\r\n")}\r\n\r\n`] };
  const chunked = version === "HTTP/1.1" && random() < 0.45;
  lines.push(chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${BODY.length}`);
  const later = random();
  if (later < 0.2 && index === 0) lines.push("Expect: 100-continue");
  const payload = chunked ? `5\r\n${BODY.slice(0, 5)}\r\n10;x=y\r\n${BODY.slice(5)}\r\n0\r\n\r\n` : BODY;
  const head = `${lines.join("\r\n")}\r\n\r\n`;
  if (later < 0.4) return { method, parts: [head, payload] };
  return { method, parts: [head + payload] };
}
