import { expect, test } from "bun:test";
import { TestCa } from "../../../tests/support/certificates.ts";
import {
  chain,
  cluster,
  listener,
  manager,
  type ManagerOptions,
  route,
  routes,
} from "../../../tests/support/proxy-resources.ts";
import { ProxyRig } from "../../../tests/support/proxy-rig.ts";
import { answer, bodyOf, GET, get, headerOf, OK, scene, statusOf } from "../../../tests/support/proxy-scene.ts";
import type { ClientTls } from "../../net/socket.ts";
import { plainStats } from "../../telemetry/plain-stats.ts";
import { Cluster } from "../../xds/proto/cluster.ts";
import type { HeaderValueOption, TransportSocket } from "../../xds/proto/core-base.ts";
import { Listener } from "../../xds/proto/listener.ts";
import { DownstreamTlsContext, UpstreamTlsContext } from "../../xds/proto/tls.ts";
import { pack } from "../../xds/types/any.ts";

type Action = NonNullable<HeaderValueOption["appendAction"]>;
const add = (key: string, value: string, appendAction: Action = "APPEND_IF_EXISTS_OR_ADD"): HeaderValueOption => ({
  header: { key, value },
  appendAction,
});

test("headers of one connection only are not passed on, either way", async () => {
  const { rig, backend } = await scene();
  const hop =
    "Connection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nX-Hop: 1\r\nX-End: 2\r\n";
  backend.answer = () => `HTTP/1.1 200 OK\r\n${hop}content-length: 0\r\n\r\n`;
  const client = await rig.client();
  const text = await rig.exchange(client, `GET / HTTP/1.1\r\nHost: app\r\n${hop}\r\n`);
  for (const head of [text, backend.last.text]) {
    for (const name of ["connection", "keep-alive", "proxy-connection", "x-hop"])
      expect([name, headerOf(head, name)]).toEqual([name, []]);
    expect(headerOf(head, "x-end")).toEqual(["2"]);
  }
  await rig.finish();
});

test("edits of requests and answers, from the route outwards", async () => {
  const { rig, backend } = await scene({
    route: {
      requestHeadersToAdd: [
        add("X-Set", "route", "OVERWRITE_IF_EXISTS_OR_ADD"),
        add("X-Append", "route"),
        add("X-Only", "route", "OVERWRITE_IF_EXISTS"),
      ],
      requestHeadersToRemove: ["x-gone"],
      responseHeadersToAdd: [add("x-served-by", "%UPSTREAM_CLUSTER%"), add("x-path", "%REQ(:path)%")],
    },
    host: {
      requestHeadersToAdd: [
        add("x-append", "host"),
        add("x-absent", "host", "ADD_IF_ABSENT"),
        add("x-there", "host", "ADD_IF_ABSENT"),
      ],
      responseHeadersToRemove: ["x-powered-by", "x-envoy-upstream-service-time"],
    },
  });
  backend.answer = () => answer("ok", "200 OK", "X-Powered-By: us");
  const client = await rig.client();
  const text = await rig.exchange(
    client,
    get("/p?q", "x-set: a", "X-Set: b", "x-append: client", "X-Gone: 1", "x-there: client"),
  );
  const sent = backend.last.text;
  expect(headerOf(sent, "x-set")).toEqual(["route"]);
  expect(headerOf(sent, "x-append")).toEqual(["client", "route", "host"]);
  expect(headerOf(sent, "x-gone")).toEqual([]);
  expect(headerOf(sent, "x-absent")).toEqual(["host"]);
  expect(headerOf(sent, "x-there")).toEqual(["client"]);
  expect(headerOf(sent, "x-only")).toEqual([]);
  expect(headerOf(text, "x-served-by")).toEqual(["app"]);
  expect(headerOf(text, "x-path")).toEqual(["/p?q"]);
  expect(headerOf(text, "x-powered-by")).toEqual([]);
  expect(headerOf(text, "x-envoy-upstream-service-time")).toEqual([]);
  // The next request of the connection starts anew.
  backend.last.take();
  await rig.exchange(client, GET);
  expect(headerOf(backend.last.text, "x-there")).toEqual(["host"]);
  await rig.finish();
});

test("path and host are rewritten, and what they were is told", async () => {
  const { rig, backend } = await scene({
    action: { prefixRewrite: "/v2/", hostRewriteLiteral: "other.example" },
    route: { match: { prefix: "/api/" } },
  });
  backend.answer = () => OK;
  const client = await rig.client();
  await rig.exchange(client, get("/api/users?x=1"));
  expect(backend.last.text).toStartWith("GET /v2/users?x=1 HTTP/1.1\r\nhost: other.example\r\n");
  expect(headerOf(backend.last.text, "x-envoy-original-path")).toEqual(["/api/users?x=1"]);
  await rig.finish();
});

test("a request in absolute form goes on as a path to its host", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => OK;
  const client = await rig.client();
  await rig.exchange(client, "GET http://reviews:9080/a?b HTTP/1.1\r\nHost: other\r\n\r\n");
  expect(backend.last.text).toStartWith("GET /a?b HTTP/1.1\r\nhost: reviews:9080\r\n");
  expect(headerOf(backend.last.text, "host")).toHaveLength(1);
  await rig.finish();
});

test("OPTIONS of the whole server is decided as its root is, and goes on as it came", async () => {
  const { rig, backend } = await scene({ action: { prefixRewrite: "/new/" } });
  backend.answer = () => OK;
  const client = await rig.client();
  await rig.exchange(client, "OPTIONS * HTTP/1.1\r\nHost: app\r\n\r\n");
  expect(backend.last.text).toStartWith("OPTIONS * HTTP/1.1\r\nhost: app\r\n");
  expect(statusOf(await rig.exchange(client, "GET * HTTP/1.1\r\nHost: app\r\n\r\n"))).toBe(400);
  await rig.finish();
});

test("a request id and a trace are made where there are none, and left alone where there are", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => OK;
  const client = await rig.client();
  await rig.exchange(client, GET);
  const [id] = headerOf(backend.last.text, "x-request-id");
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const [made] = headerOf(backend.last.take(), "traceparent");
  expect(made).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0\d$/);
  await rig.exchange(client, GET);
  expect(headerOf(backend.last.text, "x-request-id")).not.toEqual([id as string]);
  expect(headerOf(backend.last.take(), "traceparent")).not.toEqual([made as string]);
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await rig.exchange(client, get("/", "X-Request-Id: mine", `Traceparent: ${trace}`, "Tracestate: a=b"));
  expect(headerOf(backend.last.text, "x-request-id")).toEqual(["mine"]);
  expect(headerOf(backend.last.text, "traceparent")).toEqual([trace]);
  expect(headerOf(backend.last.take(), "tracestate")).toEqual(["a=b"]);
  await rig.exchange(client, get("/", "X-Request-Id:"));
  expect(headerOf(backend.last.text.slice(backend.last.text.lastIndexOf("GET ")), "x-request-id")).toEqual([
    expect.stringMatching(/^[0-9a-f-]{36}$/),
  ]);
  await rig.finish();
});

test("a trace that cannot be read is begun anew, its state dropped", async () => {
  const { rig, backend } = await scene({ manager: { logFormat: "%TRACE_ID%\n" } });
  backend.answer = () => OK;
  const client = await rig.client();
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  for (const lines of [
    ["traceparent: nonsense"],
    ["traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01"],
    [`traceparent: ${trace}`, `traceparent: ${trace}`],
  ]) {
    await rig.exchange(client, get("/", ...lines, "tracestate: a=b"));
    const sent = backend.last.take();
    const [made, more] = headerOf(sent, "traceparent");
    expect(more).toBeUndefined();
    expect(made).toMatch(/^00-[0-9a-f]{32}-/);
    expect(made).not.toBe(trace);
    expect(headerOf(sent, "tracestate")).toEqual([]);
    expect(await rig.logged()).toEqual([made?.slice(3, 35) as string]);
  }
  await rig.finish();
});

test("what the proxy says of itself in an answer", async () => {
  const { rig, backend } = await scene({ manager: { serverName: "tulle" } });
  const client = await rig.client();
  client.send(GET);
  await rig.turn();
  await rig.advance(50);
  backend.last.send(answer("ok", "200 OK", "Server: nginx", "x-envoy-upstream-service-time: 999"));
  await rig.turn();
  const text = client.take();
  expect(headerOf(text, "server")).toEqual(["tulle"]);
  expect(headerOf(text, "date")).toEqual(["Thu, 01 Jan 2026 00:00:01 GMT"]);
  expect(headerOf(text, "x-envoy-upstream-service-time")).toEqual(["50"]);
  await rig.finish();
});

const ca = new TestCa("cluster.local", Date.UTC(2026, 0, 1));
const svidOf = (account: string, namespace = "default") =>
  ca.svid(`spiffe://cluster.local/ns/${namespace}/sa/${account}`);
const server = svidOf("app");
const caller = svidOf("caller");

const asCaller: ClientTls = {
  certChainPem: caller.certChainPem,
  privateKeyPem: caller.privateKeyPem,
  trustedCaPem: ca.bundlePem,
  sni: undefined,
  alpn: [],
  refusePeer: () => undefined,
};

const keyPair = ({ certChainPem, privateKeyPem }: typeof server) => ({
  certificateChain: { inlineString: certChainPem },
  privateKey: { inlineString: privateKeyPem },
});
const trust = { trustedCa: { inlineString: ca.bundlePem } };
const serverTls: TransportSocket = {
  name: "tls",
  typedConfig: pack(DownstreamTlsContext, {
    commonTlsContext: { tlsCertificates: [keyPair(server)], validationContext: trust },
  }),
};
const upstreamTls: TransportSocket = {
  name: "tls",
  typedConfig: pack(UpstreamTlsContext, {
    commonTlsContext: { tlsCertificates: [keyPair(caller)], validationContext: trust },
  }),
};

/** An inbound listener with TLS, which asks for a certificate and takes who has none. */
async function inbound(options: ManagerOptions = {}) {
  const rig = new ProxyRig({ self: { workload: "app-v1", namespace: "default" } });
  const backend = await rig.backend(() => OK);
  await rig.apply(Cluster, cluster("inbound|80||", [backend.port]));
  const http = chain(manager({ routeConfig: routes([route("inbound|80||")]), ...options }));
  await rig.apply(Listener, listener([{ ...http, transportSocket: serverTls }], { trafficDirection: "INBOUND" }));
  return { rig, backend };
}

const CAME = "By=spiffe://x;URI=spiffe://y";

test("x-forwarded-client-cert in each mode, with and without a certificate", async () => {
  const cases: readonly (readonly [
    ManagerOptions["forwardClientCertDetails"],
    withCert: RegExp | string | undefined,
    without: string | undefined,
  ])[] = [
    ["SANITIZE", undefined, undefined],
    ["FORWARD_ONLY", CAME, undefined],
    [
      "APPEND_FORWARD",
      /^By=spiffe:\/\/x;URI=spiffe:\/\/y,By=spiffe:\/\/cluster.local\/ns\/default\/sa\/app;Hash=[0-9a-f]{64};Subject="";URI=spiffe:\/\/cluster.local\/ns\/default\/sa\/caller$/,
      undefined,
    ],
    [
      "SANITIZE_SET",
      /^By=spiffe:\/\/cluster.local\/ns\/default\/sa\/app;Hash=[0-9a-f]{64};Subject="";URI=spiffe:\/\/cluster.local\/ns\/default\/sa\/caller$/,
      undefined,
    ],
    ["ALWAYS_FORWARD_ONLY", CAME, CAME],
  ];
  for (const [mode, withCert, without] of cases) {
    const { rig, backend } = await inbound({
      forwardClientCertDetails: mode,
      setCurrentClientCertDetails: { subject: true, uri: true },
    });
    for (const [tls, expected] of [
      [asCaller, withCert],
      [{ ...asCaller, certChainPem: undefined }, without],
    ] as const) {
      const client = await rig.client("in", tls);
      await rig.exchange(client, get("/", `x-forwarded-client-cert: ${CAME}`));
      const [found, more] = headerOf(backend.last.take(), "x-forwarded-client-cert");
      expect(more).toBeUndefined();
      if (expected instanceof RegExp) expect(found).toMatch(expected);
      else expect([mode, found]).toEqual([mode, expected]);
      client.socket.destroy();
      await rig.turn();
    }
    await rig.finish();
  }
});

test("who a peer is, is believed once a connection, and where its certificate agrees", async () => {
  const requests = (rig: ProxyRig): string[] =>
    plainStats(rig.registry)
      .split("\n")
      .filter((line) => line.startsWith("istio_requests_total"));
  const { rig, backend } = await inbound();
  const client = await rig.client("in", asCaller);
  await rig.exchange(client, get("/", "x-tulle-peer: caller-v2;default;caller;v2;c1;caller;v2"));
  expect(headerOf(backend.last.take(), "x-tulle-peer")).toEqual([]);
  await rig.exchange(client, get("/", "x-tulle-peer: somebody-else;default;x;x;x;x;x"));
  expect(headerOf(backend.last.take(), "x-tulle-peer")).toEqual([]);
  const [line, more] = requests(rig);
  expect(more).toBeUndefined();
  expect(line).toContain('source_workload="caller-v2"');
  expect(line).toContain('source_principal="spiffe://cluster.local/ns/default/sa/caller"');
  expect(line).toContain('connection_security_policy="mutual_tls"');
  expect(line).toContain('reporter="destination"');
  expect(line).toContain('destination_workload="app-v1"');
  expect(line).toEndWith(": 2");
  await rig.finish();

  const liar = await inbound();
  const lying = await liar.rig.client("in", asCaller);
  await liar.rig.exchange(lying, get("/", "x-tulle-peer: admin;kube-system;admin;v1;c;a;v"));
  expect(requests(liar.rig)[0]).not.toContain("admin");
  expect(requests(liar.rig)[0]).toContain('source_workload_namespace="default"');
  await liar.rig.finish();

  const plain = await scene({ listener: { trafficDirection: "INBOUND" } });
  plain.backend.answer = () => OK;
  await plain.rig.exchange(await plain.rig.client(), get("/", "x-tulle-peer: admin;default;admin;v1;c;a;v"));
  expect(headerOf(plain.backend.last.text, "x-tulle-peer")).toEqual([]);
  expect(requests(plain.rig)[0]).not.toContain("admin");
  await plain.rig.finish();
});

test("a peer of the mesh is told who calls, on the first request of a connection; nobody else is", async () => {
  const rig = new ProxyRig({ self: { workload: "caller-v1", namespace: "default", canonicalService: "caller" } });
  const seen: string[][] = [];
  const app = (text: string): string => {
    seen.push(headerOf(text, "x-tulle-peer"));
    return OK;
  };
  const backend = await rig.backend(app);
  await rig.apply(Cluster, cluster("app", [backend.port], { transportSocket: upstreamTls }));
  await rig.apply(
    Listener,
    listener([chain(manager({ routeConfig: routes([route("app")]) }))], { trafficDirection: "OUTBOUND" }),
  );
  // The backend ends TLS as a sidecar would.
  backend.listener.close();
  const secure = await rig.net.network.listen(
    {
      address: "127.0.0.1",
      port: backend.port,
      tls: () => ({
        certChainPem: server.certChainPem,
        privateKeyPem: server.privateKeyPem,
        trustedCaPem: ca.bundlePem,
        requireClientCertificate: true,
        alpn: [],
        refusePeer: undefined,
      }),
    },
    (socket) => backend.accept(socket),
  );
  const client = await rig.client();
  await rig.exchange(client, get("/", "x-tulle-peer: forged;default;x;x;x;x;x"));
  await rig.exchange(client, GET);
  expect(seen).toEqual([["caller-v1;default;caller;;;;"], []]);
  secure.close();
  await rig.finish();

  const plain = await scene({
    self: { workload: "caller-v1", namespace: "default" },
    listener: { trafficDirection: "OUTBOUND" },
  });
  plain.backend.answer = app;
  await plain.rig.exchange(await plain.rig.client(), GET);
  expect(seen.at(-1)).toEqual([]);
  await plain.rig.finish();
});

test("what is told of a request: access log and metrics", async () => {
  const logFormat =
    "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL% %RESPONSE_CODE% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% %REQ(:AUTHORITY)% %UPSTREAM_HOST% %UPSTREAM_CLUSTER% %ROUTE_NAME%\n";
  const name = "outbound|9080|v1|reviews.default.svc.cluster.local";
  const rig = new ProxyRig({ self: { workload: "page-v1", namespace: "default" } });
  const backend = await rig.backend();
  const reviews = cluster(name, [backend.port]);
  const [locality] = reviews.loadAssignment?.endpoints ?? [];
  const lbEndpoints = (locality?.lbEndpoints ?? []).map((endpoint) => ({
    ...endpoint,
    metadata: { filterMetadata: { istio: { workload: "reviews-v1;default;reviews;v1;Kubernetes" } } },
  }));
  await rig.apply(Cluster, { ...reviews, loadAssignment: { clusterName: name, endpoints: [{ lbEndpoints }] } });
  const action = route(name, { prefixRewrite: "/new/" }, { name: "to-reviews", match: { prefix: "/old/" } });
  await rig.apply(
    Listener,
    listener([chain(manager({ routeConfig: routes([action]), logFormat }))], { trafficDirection: "OUTBOUND" }),
  );
  const client = await rig.client();
  client.send(`PUT /old/x HTTP/1.1\r\nHost: reviews:9080\r\nContent-Length: 3\r\n\r\nabc`);
  await rig.turn();
  await rig.advance(20);
  backend.last.send("HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\n");
  await rig.turn();
  await rig.advance(20);
  backend.last.send("done");
  await rig.turn();
  expect(bodyOf(client.take())).toBe("done");
  expect(await rig.logged()).toEqual([
    `PUT /old/x HTTP/1.1 201 3 4 40 20 reviews:9080 127.0.0.1:${backend.port} ${name} to-reviews`,
  ]);
  const [line] = plainStats(rig.registry)
    .split("\n")
    .filter((l) => l.startsWith("istio_requests_total"));
  for (const label of [
    'reporter="source"',
    'source_workload="page-v1"',
    'destination_workload="reviews-v1"',
    'destination_service_name="reviews"',
    'response_code="201"',
    'response_flags="-"',
    'request_protocol="http"',
  ])
    expect(line).toContain(label);
  await rig.finish();
});

test("the host of the endpoint, where the route says so", async () => {
  const rig = new ProxyRig();
  const backend = await rig.backend(() => OK);
  const made = cluster("app", [backend.port]);
  const endpoint = { ...made.loadAssignment?.endpoints?.[0]?.lbEndpoints?.[0]?.endpoint, hostname: "db.internal" };
  await rig.apply(Cluster, {
    ...made,
    loadAssignment: { clusterName: "app", endpoints: [{ lbEndpoints: [{ endpoint }] }] },
  });
  const routeConfig = routes([route("app", { autoHostRewrite: true, appendXForwardedHost: true })]);
  await rig.apply(Listener, listener([chain(manager({ routeConfig }))]));
  const client = await rig.client();
  expect(statusOf(await rig.exchange(client, GET))).toBe(200);
  expect(headerOf(backend.last.text, "host")).toEqual(["db.internal"]);
  expect(headerOf(backend.last.text, "x-forwarded-host")).toEqual(["app"]);
  await rig.finish();
});

test("a request without a body says so where its method may have one", async () => {
  const { rig, backend } = await scene();
  backend.answer = () => OK;
  const client = await rig.client();
  const lengthOf = async (method: string, lines = ""): Promise<readonly string[]> => {
    await rig.exchange(client, `${method} / HTTP/1.1\r\nHost: app\r\n${lines}\r\n`);
    const lengths = headerOf(backend.last.text, "content-length");
    backend.last.take();
    return lengths;
  };
  for (const method of ["POST", "PUT", "PATCH", "OPTIONS"])
    expect([method, await lengthOf(method)]).toEqual([method, ["0"]]);
  for (const method of ["GET", "DELETE"]) expect([method, await lengthOf(method)]).toEqual([method, []]);
  expect(await lengthOf("POST", "Content-Length: 0\r\n")).toEqual(["0"]);
  await rig.finish();
});

test("of several lines of a cluster_header the first one counts", async () => {
  const { rig, backend } = await scene({ action: { cluster: undefined, clusterHeader: "x-cluster" } });
  backend.answer = () => OK;
  const client = await rig.client();
  const answered = await rig.exchange(client, get("/", "x-cluster: app", "x-cluster: other"));
  expect(statusOf(answered)).toBe(200);
  await rig.finish();
});
