/**
 * What is asked of both meshes, through the caller's own proxy or at a service's entry.
 *
 * @module
 */
export interface Probe {
  /** A workload whose proxy is asked; undefined for plaintext at the entry of the URL's service. */
  readonly from: "client" | "stranger" | undefined;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

interface Extras {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const probe = (from: Probe["from"], method: string, url: string, { headers = {}, body }: Extras = {}): Probe => ({
  from,
  method,
  url: url.includes("://") ? url : `http://echo${url}`,
  headers,
  body,
});
const get = (url: string, headers: Readonly<Record<string, string>> = {}): Probe =>
  probe("client", "GET", url, { headers });
/** A gRPC call as far as its head goes. */
const grpc = (url: string, headers: Readonly<Record<string, string>>): Probe =>
  probe("client", "POST", url, { body: "call", headers: { "content-type": "application/grpc", ...headers } });
const others = (url: string, extras: Extras = {}): Probe => probe("stranger", "GET", url, extras);
const plain = (method: string, url: string, extras: Extras = {}): Probe => probe(undefined, method, url, extras);

const A = { origin: "https://a.example" };
const ASKS = { "access-control-request-method": "PUT", "access-control-request-headers": "x-one,x-nine" };
const preflight = (url: string, headers: Readonly<Record<string, string>>): Probe =>
  probe("client", "OPTIONS", url, { headers });

const CORS: readonly Probe[] = [
  get("/cors/one"),
  get("/cors/one", A),
  get("/cors/one", { origin: "" }),
  get("/cors/one", { origin: "https://b.anything" }),
  get("/cors/one", { origin: "https://x.c.example" }),
  get("/cors/one", { origin: "https://x.c.example.org" }),
  get("/cors/one", { origin: "null" }),
  preflight("/cors/one", { ...A, ...ASKS }),
  preflight("/cors/one", { ...A, ...ASKS, "access-control-request-private-network": "true" }),
  preflight("/cors/one", A),
  preflight("/cors/one", { ...A, "access-control-request-method": "" }),
  preflight("/cors/one", { origin: "https://evil.example", ...ASKS }),
  preflight("/cors/one", ASKS),
  get("/cors/one", { ...A, ...ASKS }),
  get("/cors/all", { origin: "https://any.example" }),
  preflight("/cors/all", { origin: "https://any.example", ...ASKS }),
  preflight("/cors/all", { origin: "https://any.example", "access-control-request-method": "LINK" }),
  preflight("/cors/strict", { ...A, ...ASKS }),
  preflight("/cors/strict", { origin: "https://evil.example", ...ASKS }),
  get("/cors/strict", { origin: "https://evil.example" }),
  get("/cors/strict", A),
  get("/cors/abort", A),
  get("/cors/nowhere", A),
  get("/cors/slow", { ...A, "x-wait": "900" }),
  get("/cors/split", A),
  get("/cors/direct", A),
  preflight("/cors/direct", { ...A, ...ASKS }),
  preflight("/cors/moved", { ...A, ...ASKS }),
];

export const PROBES: readonly Probe[] = [
  get("/plain"),
  get("/plain/a?b=c&d"),
  get("/any", { "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "https", "x-forwarded-client-cert": "By=lie" }),
  get("/any", { "x-envoy-retry-on": "5xx", "x-envoy-upstream-rq-timeout-ms": "1", "x-tulle-peer": "lie" }),
  get("/any", { "x-envoy-attempt-count": "99" }),
  get("/any", { "x-list": "a, b", cookie: "c=d", "accept-language": "en" }),
  get("/old/one?q=1"),
  get("/re/42"),
  get("/re/x"),
  get("/edits", { "x-remove": "r", "x-add": "before", "user-agent": "test" }),
  get("/operators", { "x-long": "abcdef" }),
  get("/unless"),
  get("/unless", { "x-kind": "a" }),
  get("/unless", { "x-kind": "bc" }),
  get("/unless", { "x-not": "" }),
  get("/query?v=2&any&n=10"),
  get("/query?any=&n=1&v=2&v=3"),
  get("/query?v=2&any=x&n=x"),
  get("/query"),
  get("/group/one/two?q=1"),
  get("/group/one"),
  get("/prefix/a/b?c=d"),
  get("/ports/a?b"),
  get("/own-port/a"),
  get("/default-port/a"),
  get("http://echo:80/default-port/a"),
  get("/direct"),
  probe("client", "HEAD", "/direct"),
  probe("client", "POST", "/direct", { body: "for nobody" }),
  get("/bare"),
  ...CORS,
  get("/moved/here?a=b"),
  get("/secure/x"),
  get("/abort"),
  get("/abort/grpc"),
  grpc("/abort/grpc", {}),
  get("/delay"),
  get("/slow"),
  get("/slow", { "x-wait": "900" }),
  get("/tries", { "x-wait": "900" }),
  grpc("/plain", {}),
  grpc("/plain", { "grpc-timeout": "5S" }),
  grpc("/plain", { "grpc-timeout": "5x" }),
  grpc("/plain", { "grpc-timeout": "100m", "x-wait": "900" }),
  grpc("/slow", { "x-wait": "900" }),
  grpc("/slow", { "grpc-timeout": "5S", "x-wait": "900" }),
  grpc("/slow", { "grpc-timeout": "100m", "x-wait": "900" }),
  grpc("/slow", { "grpc-timeout": "250m" }),
  probe("client", "POST", "/slow", { body: "b", headers: { "grpc-timeout": "100m" } }),
  get("/nowhere"),
  get("/unknown"),
  get("/unknown", { "end-user": "jason" }),
  get("/unknown", { "end-user": "Jason" }),
  probe("client", "PUT", "/unknown", { body: "what is put" }),
  probe("client", "POST", "/plain", { body: "x".repeat(70_000) }),
  probe("client", "HEAD", "/plain"),
  probe("client", "OPTIONS", "/plain"),
  probe("client", "DELETE", "/plain"),
  probe("client", "PATCH", "/plain", { body: "p" }),
  get("/mirrored/a?b"),
  probe("client", "POST", "/mirrored", { body: "m".repeat(70_000) }),
  get("/mirrored/private"),
  get("/deny/x"),
  get("/deny"),
  get("/deny%2Fx"),
  get("/plain/private"),
  get("/plain", { "x-role": "guest-7" }),
  get("/plain", { "x-role": "member" }),
  get("/old/forbidden"),
  others("/plain"),
  others("/any"),
  others("http://guarded/v1/a"),
  others("http://guarded/v1/a", { headers: { "x-token": "secret" } }),
  others("http://guarded/v1/a", { headers: { "x-token": "guess" } }),
  get("http://guarded/v1/a"),
  get("http://guarded/v2/a"),
  probe("client", "POST", "http://guarded/v1/a", { body: "b" }),
  get("http://open/a"),
  get("http://echo.default/plain"),
  get("http://echo.default.svc.cluster.local:80/plain"),
  get("http://ECHO/plain"),
  get("http://echo:81/plain"),
  get("http://nobody/plain"),
  get("http://nobody.example:8080/plain"),
  plain("GET", "http://open/a?b"),
  plain("GET", "http://open/a", { headers: { "x-forwarded-client-cert": "By=lie", "x-forwarded-for": "192.0.2.1" } }),
  plain("POST", "http://open/a", { body: "text" }),
  plain("GET", "http://echo/plain"),
  plain("GET", "http://guarded/v1/a", { headers: { "x-token": "secret" } }),
];
