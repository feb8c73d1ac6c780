/**
 * What the specification of the Gateway API says and its conformance tests, as far as they are here, do not ask: on the same real
 * processes.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { type Expected, type RequestCase, SUITE_FOLDER, type SuiteName } from "../suites/gateway-api.ts";
import { ensureEnvoy } from "../support/envoy.ts";
import { ConformanceLab } from "./gateway-api/lab.ts";
import { runTest } from "./gateway-api/run-test.ts";

type Asked = Omit<RequestCase, "id" | "protocol" | "expected"> & Partial<Pick<RequestCase, "protocol">>;

const INFRA = "gateway-conformance-infra";
const MESH = "gateway-conformance-mesh";
const SAME = `${INFRA}/same-namespace`;

/** Meta of a document. */
const meta = (name: string, namespace = INFRA): string => `metadata: {name: ${name}, namespace: ${namespace}}`;
const GROUP = "gateway.networking.k8s.io";

const httpRoute = (name: string, spec: string, namespace = INFRA): string =>
  `{apiVersion: ${GROUP}/v1, kind: HTTPRoute, ${meta(name, namespace)}, spec: {${spec}}}`;

const get = (path: string, host?: string): Asked => ({
  gatewayListener: { gateway: SAME, port: 80 },
  request: { path, method: "GET", ...(host === undefined ? {} : { host }) },
});

const from = (pod: string, host: string, namespace = MESH): Asked => ({
  client: { selector: `app=echo,version=${pod}`, namespace },
  request: { host, path: "/", method: "GET" },
});

const served = (backend: string, path?: string): Expected => ({
  statusCodes: [200],
  backend,
  ...(path === undefined ? {} : { backendRequest: { path } }),
});
const status = (...statusCodes: readonly number[]): Expected => ({ statusCodes });

interface Scene {
  readonly name: string;
  readonly yaml: readonly string[];
  readonly asks: readonly (readonly [Asked, Expected])[];
}

const V1 = "{name: infra-backend-v1, port: 8080}";
const V2 = "{name: infra-backend-v2, port: 8080}";
const V3 = "{name: infra-backend-v3, port: 8080}";

const isolated = (name: string): string =>
  httpRoute(
    name,
    `parentRefs: [{name: isolation, sectionName: ${name}}],
  rules: [{matches: [{path: {value: /${name}}}], backendRefs: [${V1}]}]`,
  );

const AT_ISOLATION = (host: string, path: string): Asked => ({
  gatewayListener: { gateway: `${INFRA}/isolation`, port: 80 },
  request: { host, path, method: "GET" },
});

const LISTENERS = { any: undefined, wild: "*.example.com", narrow: "*.foo.example.com", exact: "abc.foo.example.com" };
const HOSTS = { any: "bar.com", wild: "bar.example.com", narrow: "bar.foo.example.com", exact: "abc.foo.example.com" };

/** Requests by prefix, what it is replaced by, and what must come of it: the table of `HTTPPathModifier`. */
const PREFIXES: readonly (readonly [request: string, prefix: string, replacement: string, becomes: string])[] = [
  ["/foo/bar", "/foo", "/xyz", "/xyz/bar"],
  ["/foo/bar", "/foo", "/xyz/", "/xyz/bar"],
  ["/foo/bar", "/foo/", "/xyz", "/xyz/bar"],
  ["/foo", "/foo", "/xyz", "/xyz"],
  ["/foo/", "/foo", "/xyz", "/xyz/"],
  ["/foo/bar", "/foo", "", "/bar"],
  ["/foo/", "/foo", "", "/"],
  ["/foo", "/foo", "", "/"],
  ["/foo/", "/foo", "/", "/"],
  ["/foo", "/foo", "/", "/"],
  ["/foo/bar?x=/foo", "/foo", "/", "/bar?x=/foo"],
  ["/foo", "/", "/xyz", "/xyz/foo"],
];

const GATEWAY_SCENES: Scene[] = [
  {
    name: "the listener with the closest host serves a request, and no other",
    yaml: [
      `{apiVersion: ${GROUP}/v1, kind: Gateway, ${meta("isolation")}, spec: {gatewayClassName: tulle, listeners: [${Object.entries(
        LISTENERS,
      ).map(
        ([name, host]) =>
          `{name: ${name}, port: 80, protocol: HTTP${host === undefined ? "" : `, hostname: "${host}"`}}`,
      )}]}}`,
      ...Object.keys(LISTENERS).map(isolated),
      httpRoute(
        "stray",
        `parentRefs: [{name: isolation, sectionName: any}], hostnames: [${HOSTS.exact}],
          rules: [{matches: [{path: {value: /stray}}], backendRefs: [${V1}]}]`,
      ),
    ],
    asks: [
      ...Object.entries(HOSTS).flatMap(([own, host]) =>
        Object.keys(LISTENERS).map(
          (name) => [AT_ISOLATION(host, `/${name}`), name === own ? served("infra-backend-v1") : status(404)] as const,
        ),
      ),
      [AT_ISOLATION(HOSTS.exact, "/stray"), status(404)],
    ],
  },
  {
    name: "the closer host of a route decides before its matches",
    yaml: [
      httpRoute(
        "wide",
        `parentRefs: [{name: same-namespace}], hostnames: ["*.example.com"],
        rules: [{matches: [{path: {type: Exact, value: /both}}, {path: {value: /wide}}], backendRefs: [${V1}]}]`,
      ),
      httpRoute(
        "close",
        `parentRefs: [{name: same-namespace}], hostnames: [a.example.com],
        rules: [{matches: [{path: {value: /both}}], backendRefs: [${V2}]}]`,
      ),
    ],
    asks: [
      [get("/both", "a.example.com"), served("infra-backend-v2")],
      [get("/wide", "a.example.com"), served("infra-backend-v1")],
      [get("/both", "b.example.com"), served("infra-backend-v1")],
      [get("/both", "example.com"), status(404)],
    ],
  },
  ...PREFIXES.map(
    ([request, prefix, replacement, becomes]): Scene => ({
      name: `${request} with ${prefix} replaced by "${replacement}" is ${becomes}`,
      yaml: [
        httpRoute(
          "prefix",
          `parentRefs: [{name: same-namespace}], rules: [{matches: [{path: {value: ${prefix}}}], backendRefs: [${V1}],
        filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: "${replacement}"}}}]}]`,
        ),
      ],
      asks: [[get(request), served("infra-backend-v1", becomes)]],
    }),
  ),
  {
    name: "a prefix is of whole elements",
    yaml: [
      httpRoute(
        "elements",
        `parentRefs: [{name: same-namespace}], rules: [{matches: [{path: {value: /abc/}}], backendRefs: [${V1}]}]`,
      ),
    ],
    asks: [
      [get("/abc"), served("infra-backend-v1")],
      [get("/abc/d"), served("infra-backend-v1")],
      [get("/abcd"), status(404)],
    ],
  },
  {
    name: "the share of an invalid backend gets 500, and so do all calls where every weight is 0",
    yaml: [
      httpRoute(
        "half",
        `parentRefs: [{name: same-namespace}], rules: [
        {matches: [{path: {value: /half}}], backendRefs: [${V1}, {name: nobody, port: 8080}]},
        {matches: [{path: {value: /none}}], backendRefs: [{name: infra-backend-v1, port: 8080, weight: 0}]}]`,
      ),
    ],
    asks: [
      [
        get("/half"),
        { distribution: { "infra-backend-v1": 0.5, "(500)": 0.5 }, totalRequests: 500, tolerance: 0.08, attempts: 3 },
      ],
      [get("/none"), status(500)],
    ],
  },
  {
    name: "a GRPCRoute without a backend that can be called says UNAVAILABLE",
    yaml: [
      `{apiVersion: ${GROUP}/v1, kind: GRPCRoute, ${meta("lost")}, spec: {parentRefs: [{name: same-namespace}],
        rules: [{matches: [{method: {service: a.B, method: C}}], backendRefs: [{name: nobody, port: 8080}]}]}}`,
    ],
    asks: [
      [{ ...get("/"), protocol: "grpc", request: { service: "a.B", method: "C" } }, { grpcStatus: "Unavailable" }],
      [{ ...get("/"), protocol: "grpc", request: { service: "a.B", method: "D" } }, { grpcStatus: "Unimplemented" }],
    ],
  },
  {
    name: "a GRPCRoute speaks HTTP/2 to a port that names no protocol",
    yaml: [
      `{apiVersion: ${GROUP}/v1, kind: GRPCRoute, ${meta("unnamed")}, spec: {parentRefs: [{name: same-namespace}],
        rules: [{backendRefs: [{name: grpc-unnamed, port: 8080}]}]}}`,
      `{apiVersion: v1, kind: Service, ${meta("grpc-unnamed")}, spec: {selector: {app: grpc-infra-backend-v1}, ports: [{port: 8080, targetPort: 3000}]}}`,
    ],
    asks: [
      [
        { ...get("/"), protocol: "grpc", request: { service: "a.B", method: "C" } },
        { grpcStatus: "OK", backend: "grpc-infra-backend-v1" },
      ],
    ],
  },
  {
    name: "each of several backends has its own rewrite and its own edits",
    yaml: [
      httpRoute(
        "own",
        `parentRefs: [{name: same-namespace}], rules: [{backendRefs: [${["v1", "v2", "v3"].map(
          (v) => `{name: infra-backend-${v}, port: 8080, filters: [
          {type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /rewritten}}},
          {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: Backend, value: infra-backend-${v}}]}}]}`,
        )}]}]`,
      ),
    ],
    asks: [
      [
        { ...get("/x"), count: 60 },
        { ...status(200), backendRequest: { path: "/rewritten" }, podNameStartsWithBackendRequestHeader: "Backend" },
      ],
      [
        get("/x"),
        {
          distribution: { "infra-backend-v1": 1 / 3, "infra-backend-v2": 1 / 3, "infra-backend-v3": 1 / 3 },
          totalRequests: 500,
          tolerance: 0.08,
          attempts: 3,
        },
      ],
    ],
  },
  {
    name: "retries on the statuses that are listed, as often as is said, within the time of the request",
    yaml: [
      httpRoute(
        "again",
        `parentRefs: [{name: same-namespace}], rules: [
        {matches: [{path: {value: /retry}}], backendRefs: [${V3}], retry: {codes: [503], attempts: 2, backoff: 10ms}},
        {matches: [{path: {value: /slow}}], backendRefs: [${V1}], timeouts: {request: 100ms}}]`,
      ),
    ],
    asks: [
      [get("/retry/a?responseCode=503&succeedAfter=2"), served("infra-backend-v3")],
      [get("/retry/b?responseCode=503&succeedAfter=3"), status(503)],
      [get("/retry/c?responseCode=500&succeedAfter=1"), status(500)],
      [get("/slow?delay=1s"), status(504)],
    ],
  },
  {
    name: "a BackendTLSPolicy whose roots are others', or not there, lets no call through",
    yaml: [
      httpRoute(
        "tls",
        `parentRefs: [{name: same-namespace}], rules: [
        {matches: [{path: {value: /right}}], backendRefs: [{name: tls-backend, port: 443}]},
        {matches: [{path: {value: /wrong}}], backendRefs: [{name: tls-backend-2, port: 443}]},
        {matches: [{path: {value: /lost}}], backendRefs: [{name: tls-backend-3, port: 443}]}]`,
      ),
      `{apiVersion: v1, kind: Service, ${meta("tls-backend-3")}, spec: {selector: {app: tls-backend}, ports: [{port: 443, targetPort: 8443}]}}`,
      ...[
        ["tls-backend", "tls-checks-ca-certificate"],
        ["tls-backend-2", "mismatch-ca-certificate"],
        ["tls-backend-3", "nobody"],
      ].map(
        ([service, roots]) => `{apiVersion: ${GROUP}/v1, kind: BackendTLSPolicy, ${meta(`${service}`)}, spec: {
          targetRefs: [{group: "", kind: Service, name: ${service}}],
          validation: {hostname: abc.example.com, caCertificateRefs: [{group: "", kind: ConfigMap, name: ${roots}}]}}}`,
      ),
    ],
    asks: [
      [get("/right"), served("tls-backend")],
      [get("/wrong"), status(503)],
      [get("/lost"), status(500, 503)],
    ],
  },
];

/** TLS at the Gateway of the scene below; what it shows is checked. */
const secured = (serverName: string, path = "/"): Asked => ({
  gatewayListener: { gateway: `${INFRA}/shared`, port: 443 },
  scheme: "https",
  tls: { serverName, serverCA: `@secret(${INFRA}/tls-validity-checks-certificate).tls.crt` },
  request: { host: serverName, path, method: "GET" },
});

const LISTENER = (name: string, hostname: string): string =>
  `{name: ${name}, port: 443, protocol: HTTPS, hostname: ${hostname}, tls: {certificateRefs: [{name: tls-validity-checks-certificate}]}}`;

GATEWAY_SCENES.push(
  {
    name: "a Gateway, a ListenerSet and TLS that is passed through share a port",
    yaml: [
      `{apiVersion: ${GROUP}/v1, kind: Gateway, ${meta("shared")}, spec: {gatewayClassName: tulle, allowedListeners: {namespaces: {from: Same}},
        listeners: [${LISTENER("https", "a.example.org")},
          {name: passed, port: 443, protocol: TLS, hostname: abc.example.com, tls: {mode: Passthrough}}]}}`,
      `{apiVersion: ${GROUP}/v1, kind: ListenerSet, ${meta("more")}, spec: {parentRef: {name: shared, kind: Gateway, group: ${GROUP}},
        listeners: [${LISTENER("https", "b.example.org")}]}}`,
      httpRoute("at-gateway", `parentRefs: [{name: shared}], rules: [{backendRefs: [${V1}]}]`),
      httpRoute(
        "at-set",
        `parentRefs: [{kind: ListenerSet, group: ${GROUP}, name: more}], rules: [{backendRefs: [${V2}]}]`,
      ),
      `{apiVersion: ${GROUP}/v1, kind: TLSRoute, ${meta("through")}, spec: {parentRefs: [{name: shared, sectionName: passed}],
        hostnames: [abc.example.com], rules: [{backendRefs: [{name: tls-backend, port: 443}]}]}}`,
    ],
    asks: [
      [secured("a.example.org"), served("infra-backend-v1")],
      [secured("b.example.org"), served("infra-backend-v2")],
      [{ ...secured("a.example.org"), request: { host: "b.example.org", path: "/", method: "GET" } }, status(421)],
      [secured("c.example.org"), { error: "connection rejected" }],
      [{ ...secured("abc.example.com"), tls: { serverName: "abc.example.com" } }, served("tls-backend")],
    ],
  },
  {
    name: "the time of a backend is that of each try, and a try that takes too long is a failure",
    yaml: [
      httpRoute(
        "times",
        `parentRefs: [{name: same-namespace}], rules: [
        {matches: [{path: {value: /once}}], backendRefs: [${V1}], timeouts: {backendRequest: 100ms}},
        {matches: [{path: {value: /never}}], backendRefs: [${V1}], timeouts: {request: 0s, backendRequest: 0s}},
        {matches: [{path: {value: /both}}], backendRefs: [${V1}], timeouts: {request: 150ms, backendRequest: 100ms}, retry: {attempts: 5, backoff: 1ms}}]`,
      ),
    ],
    asks: [
      [get("/once?delay=1s"), status(504)],
      [get("/never?delay=300ms"), served("infra-backend-v1")],
      [get("/both?delay=1s"), status(504)],
    ],
  },
);

const MESH_SCENES: readonly Scene[] = [
  {
    name: "a call to the address of a pod meets no route",
    yaml: [
      httpRoute(
        "past",
        `parentRefs: [{group: "", kind: Service, name: echo-v2}], rules: [{backendRefs: [{name: echo-v2, port: 80}],
          filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-met, value: "yes"}]}}]}]`,
        MESH,
      ),
    ],
    asks: [
      [from("v1", "echo-v2"), { ...served("echo-v2"), responseHeaders: { "x-met": "yes" } }],
      [from("v1", `@podIP(${MESH}/app=echo,version=v2)`), { ...served("echo-v2"), absentResponseHeaders: ["x-met"] }],
    ],
  },
  {
    name: "routes of the caller's namespace stand instead of the producer's",
    yaml: [
      httpRoute(
        "ours",
        `parentRefs: [{group: "", kind: Service, name: echo-v1}], rules: [{backendRefs: [{name: echo-v1, port: 80}],
        filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-producer, value: "yes"}]}}]}]`,
        MESH,
      ),
      httpRoute(
        "theirs",
        `parentRefs: [{group: "", kind: Service, name: echo-v1, namespace: ${MESH}}],
        rules: [{matches: [{path: {value: /}}], backendRefs: [{name: echo-v1, namespace: ${MESH}, port: 80}],
        filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-consumer, value: "yes"}]}}]}]`,
        `${MESH}-consumer`,
      ),
    ],
    asks: [
      [
        from("v1", "echo-v1"),
        { ...served("echo-v1"), responseHeaders: { "x-producer": "yes" }, absentResponseHeaders: ["x-consumer"] },
      ],
      [
        from("v1", `echo-v1.${MESH}`, `${MESH}-consumer`),
        { ...served("echo-v1"), responseHeaders: { "x-consumer": "yes" }, absentResponseHeaders: ["x-producer"] },
      ],
    ],
  },
  {
    name: "a TCPRoute sends connections on",
    yaml: [
      `{apiVersion: ${GROUP}/v1alpha2, kind: TCPRoute, ${meta("bytes", MESH)}, spec: {
        parentRefs: [{group: "", kind: Service, name: echo, port: 9090}], rules: [{backendRefs: [{name: echo-v2, port: 9090}]}]}}`,
    ],
    asks: [[{ ...from("v1", "echo:9090"), protocol: "tcp", count: 20 }, { backend: "echo-v2" }]],
  },
  {
    name: "a TLSRoute chooses by the name that is asked for, and leaves others out",
    yaml: [
      `{apiVersion: ${GROUP}/v1, kind: TLSRoute, ${meta("names", MESH)}, spec: {hostnames: [abc.example.com],
        parentRefs: [{group: "", kind: Service, name: echo, port: 443}], rules: [{backendRefs: [{name: echo-v2, port: 443}]}]}}`,
    ],
    asks: [
      [
        { ...from("v1", "echo:443"), scheme: "https", tls: { serverName: "abc.example.com" }, count: 20 },
        served("echo-v2"),
      ],
      [
        { ...from("v1", "echo:443"), scheme: "https", tls: { serverName: "other.example.com" } },
        { error: "connection rejected" },
      ],
    ],
  },
];

const SHOWING = `${INFRA}/showing`;

/** The Gateway shows a certificate to backends over TLS, and to no others. */
const showing: Scene = {
  name: "a Gateway shows its certificate to a backend",
  yaml: [
    `{apiVersion: ${GROUP}/v1, kind: Gateway, ${meta("showing")}, spec: {gatewayClassName: tulle,
      tls: {backend: {clientCertificateRef: {name: tls-checks-client-certificate}}}, listeners: [{name: http, port: 80, protocol: HTTP}]}}`,
    httpRoute("shown", "parentRefs: [{name: showing}], rules: [{backendRefs: [{name: tls-backend, port: 443}]}]"),
    `{apiVersion: ${GROUP}/v1, kind: BackendTLSPolicy, ${meta("shown")}, spec: {
      targetRefs: [{group: "", kind: Service, name: tls-backend}],
      validation: {hostname: abc.example.com, caCertificateRefs: [{group: "", kind: ConfigMap, name: tls-checks-ca-certificate}]}}}`,
  ],
  asks: [
    [
      { gatewayListener: { gateway: SHOWING, port: 80 }, request: { path: "/shown", method: "GET" } },
      served("tls-backend"),
    ],
  ],
};

const binary = await ensureEnvoy();

describe.skipIf(!existsSync(SUITE_FOLDER))("the Gateway API beside its conformance tests", () => {
  describe("gateway", () => scenes("gateway", GATEWAY_SCENES));
  describe("mesh", () => scenes("mesh", MESH_SCENES));
  // The judge of the resources: where it does otherwise, they do not say what was meant.
  describe.skipIf(binary === undefined)("a real Envoy", () => {
    describe("gateway", () => scenes("gateway", GATEWAY_SCENES, binary));
    describe("mesh", () => scenes("mesh", MESH_SCENES, binary));
  });
});

function scenes(suite: SuiteName, all: readonly Scene[], envoy?: string): void {
  let lab: ConformanceLab | undefined;
  beforeAll(async () => void (lab = await ConformanceLab.start(suite, envoy)), 30_000);
  afterAll(async () => lab?.stop(), 30_000);

  if (suite === "gateway")
    test(showing.name, async () => {
      await play(lab as ConformanceLab, suite, showing);
      const { certificates, seen } = lab as ConformanceLab;
      const shown = certificates.pair(`${INFRA}/tls-checks-client-certificate`).certChainPem;
      expect(seen.at(-1)?.client).toBe(new X509Certificate(shown).raw.toString("base64"));
    });

  test.each(all.map((scene) => [scene.name, scene] as const))(
    "%s",
    async (_, scene) => play(lab as ConformanceLab, suite, scene),
    60_000,
  );
}

async function play(lab: ConformanceLab, suite: SuiteName, { name, yaml, asks }: Scene): Promise<void> {
  const cases = asks.map(([asked, expected], id): RequestCase => ({ protocol: "http", ...asked, id, expected }));
  const found = await runTest(lab, {
    name,
    suite,
    features: [],
    manifests: [{ path: "", yaml: yaml.join("\n---\n") }],
    cases,
    steps: cases.map(({ id }) => ({ type: "request", case: id }) as const),
  });
  expect(found).toEqual([]);
}
