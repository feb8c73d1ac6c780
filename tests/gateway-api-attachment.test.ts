/**
 * Which routes are attached where: parents, hosts, namespaces, grants, backends, rivals, precedence.
 */
import { describe, expect, test } from "bun:test";
import { attachGatewayApi } from "../src/model/gateway-api/attachment/attach.ts";
import { backendTlsAt } from "../src/model/gateway-api/attachment/backend-tls.ts";
import { rankedGrpcMatches, rankedHttpMatches } from "../src/model/gateway-api/attachment/ranked.ts";
import { servesGateway } from "../src/model/gateway-api/workloads.ts";
import { errors, load } from "./support/documents.ts";
import { serverKeyPair } from "./support/server-certificates.ts";

// === helpers ===

const document = (kind: string, name: string, spec: string, namespace = "shop", more = ""): string =>
  `---\napiVersion: gateway.networking.k8s.io/v1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: ${namespace}${more}}\nspec: {${spec}}\n`;

const gateway = (listeners: string, more = ""): string =>
  document("Gateway", "edge", `gatewayClassName: tulle, listeners: [${listeners}]${more}`);
const HTTP = "{name: http, port: 80, protocol: HTTP}";

const toB = "backendRefs: [{name: b, port: 80}]";
const route = (name: string, spec = "", namespace = "shop", kind = "HTTPRoute", more = ""): string =>
  document(kind, name, `parentRefs: [{name: edge, namespace: shop}], ${spec || `rules: [{${toB}}]`}`, namespace, more);

const service = (name: string, namespace = "shop", ports = "{name: http, port: 80}"): string =>
  `---\napiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {ports: [${ports}]}\n`;

/** For every workload of the namespace, the gateway too. */
const allowNothing = (dryRun: boolean): string =>
  `---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: none, namespace: shop, annotations: {istio.io/dry-run: "${dryRun}"}}\nspec: {}\n`;

const namespace = (name: string, labels: string): string =>
  `---\napiVersion: v1\nkind: Namespace\nmetadata: {name: ${name}, labels: {${labels}}}\n`;

const SERVER = serverKeyPair(["a.example.com"]);

const secret = (name: string, ns: string): string =>
  `---\n${JSON.stringify({ apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata: { name, namespace: ns }, stringData: { "tls.crt": SERVER.certChainPem, "tls.key": SERVER.privateKeyPem } })}\n`;

const configMap = (name: string, pem: string): string =>
  `---\n${JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "shop" }, data: { "ca.crt": pem } })}\n`;

function attached(...texts: readonly string[]) {
  const text = texts.join("");
  expect(errors(text)).toEqual([]);
  return attachGatewayApi(load(text).mesh);
}

type Attachment = ReturnType<typeof attached>;

/** `listener: route at host, …` of every listener that has routes. */
const at = ({ gateways }: Attachment): string[] =>
  gateways
    .flatMap((g) => g.listeners)
    .filter((l) => l.routes.length > 0)
    .map((l) => {
      const routes = l.routes.map((r) => `${r.route.document.meta.name} at ${r.hostnames.join(" ")}`);
      return `${l.listener.name}: ${routes.join(", ")}`;
    });

/** `route: reason` of every parent that a route is not attached to. */
const refused = ({ routes }: Attachment): string[] =>
  routes.flatMap(({ route: { document: d }, parents }) =>
    parents.flatMap((p) => (p.fault === undefined ? [] : [`${d.meta.name}: ${p.fault.reason}`])),
  );

const listenerFaults = ({ gateways }: Attachment): string[] =>
  gateways
    .flatMap((g) => g.listeners)
    .flatMap((l) => l.faults.map((f) => `${l.listener.name} ${f.condition} ${f.reason}${l.serves ? " serves" : ""}`));

const backends = ({ routes }: Attachment): string[] =>
  routes.flatMap((r) =>
    r.route.rules.flatMap((rule) =>
      rule.backends.map(({ target }) => (target.t === "service" ? target.service.hostname : target.reason)),
    ),
  );

// === tests ===

describe("a route is attached", () => {
  test("of UDP to listeners of UDP, and leads to ports of UDP", () => {
    const listeners = gateway("{name: u, port: 53, protocol: UDP}, {name: t, port: 53, protocol: TCP}");
    const dns = service("b", "shop", "{name: dns, port: 80, protocol: UDP}");
    const udp = (name: string, spec = ""): string => route(name, spec, "shop", "UDPRoute");
    const found = attached(listeners, dns, udp("r"), route("t", `rules: [{${toB}}]`, "shop", "TCPRoute"));
    expect(at(found)).toEqual(["u: r at *", "t: t at *"]);
    expect(backends(found)).toEqual(["BackendNotFound", "b.shop.svc.cluster.local"]);
    const inside = document("UDPRoute", "r", `parentRefs: [{group: "", kind: Service, name: b}], rules: [{${toB}}]`);
    expect(refused(attached(dns, inside))).toEqual(["r: UnsupportedValue"]);
    expect(refused(attached(gateway(HTTP), udp("r")))).toEqual(["r: NotAllowedByListeners"]);
  });

  test("to the listeners that its parent reference means", () => {
    const listeners = "{name: a, port: 80, protocol: HTTP}, {name: b, port: 81, protocol: HTTP}";
    const to = (ref: string): string =>
      document("HTTPRoute", "r", `parentRefs: [{name: edge${ref}}], rules: [{${toB}}]`);
    expect(at(attached(gateway(listeners), to("")))).toEqual(["a: r at *", "b: r at *"]);
    expect(at(attached(gateway(listeners), to(", sectionName: b")))).toEqual(["b: r at *"]);
    expect(at(attached(gateway(listeners), to(", port: 80")))).toEqual(["a: r at *"]);
    expect(refused(attached(gateway(listeners), to(", port: 80, sectionName: b")))).toEqual(["r: NoMatchingParent"]);
    expect(attached(gateway(listeners), to("s")).routes).toEqual([]);
  });

  test.each([
    ["a.com", "[a.com, b.com]", "a.com"],
    ["*.a.com", "[x.a.com, a.com]", "x.a.com"],
    ["x.a.com", '["*.a.com"]', "x.a.com"],
    ["*.b.a.com", '["*.a.com"]', "*.b.a.com"],
    ["*.a.com", '["*.b.a.com", c.com]', "*.b.a.com"],
    ["a.com", "[]", "a.com"],
    ["a.com", "[b.com]", undefined],
    ["*.a.com", "[a.com]", undefined],
  ])("where the listener's host %s meets %s", (hostname, hostnames, expected) => {
    const found = attached(
      gateway(`{name: l, port: 80, protocol: HTTP, hostname: "${hostname}"}`),
      route("r", `hostnames: ${hostnames}, rules: [{${toB}}]`),
    );
    expect(at(found)).toEqual(expected === undefined ? [] : [`l: r at ${expected}`]);
    expect(refused(found)).toEqual(expected === undefined ? ["r: NoMatchingListenerHostname"] : []);
  });

  test.each([
    ["{from: Same}", ["shop"]],
    ["{from: All}", ["shop", "blue", "plain"]],
    ["{from: Selector, selector: {matchLabels: {team: blue}}}", ["blue"]],
    ["{from: Selector, selector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}", ["shop", "plain"]],
    [
      "{from: Selector, selector: {matchExpressions: [{key: team, operator: NotIn, values: [red]}]}}",
      ["shop", "blue", "plain"],
    ],
    ["{from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: plain}}}", ["plain"]],
  ])("from the namespaces that a listener lets in: %s", (from, expected) => {
    const found = attached(
      gateway(`{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: ${from}}}`),
      namespace("blue", "team: blue"),
      ...["shop", "blue", "plain"].map((ns) => route(`of-${ns}`, "", ns)),
    );
    const names = found.gateways[0]?.listeners[0]?.routes.map((r) => r.route.document.meta.namespace) ?? [];
    expect(names.toSorted()).toEqual(expected.toSorted());
    expect(refused(found)).toHaveLength(3 - expected.length);
    for (const r of refused(found)) expect(r).toEndWith(": NotAllowedByListeners");
  });

  test("by its kind", () => {
    const tcp = (name: string): string => route(name, `rules: [{${toB}}]`, "shop", "TCPRoute");
    const found = attached(gateway(`${HTTP}, {name: tcp, port: 90, protocol: TCP}`), tcp("t"), route("h"));
    expect(at(found)).toEqual(["http: h at *", "tcp: t at *"]);
    const only = gateway("{name: l, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: GRPCRoute}]}}");
    expect(refused(attached(only, tcp("t"), route("h")))).toEqual([
      "h: NotAllowedByListeners",
      "t: NotAllowedByListeners",
    ]);
  });

  test("to nothing of another's class, and to Gateways of a class with our controller", () => {
    const classOf = (controller: string): string =>
      document("GatewayClass", "own", `controllerName: ${controller}`, "default");
    const own = gateway(HTTP).replace("gatewayClassName: tulle", "gatewayClassName: own");
    expect(attached(own, route("r")).routes).toEqual([]);
    expect(attached(own, classOf("example.com/other"), route("r")).gateways).toEqual([]);
    const found = attached(own, classOf("tulle.dev/gateway-controller"), route("r"));
    expect(at(found)).toEqual(["http: r at *"]);
    expect(found.classes.map((c) => c.meta.name)).toEqual(["own"]);
  });

  test("the older first, then by name", () => {
    const made = (name: string, time: string): string =>
      route(name, "", "shop", "HTTPRoute", `, creationTimestamp: "2026-01-01T00:00:0${time}Z"`);
    const found = attached(gateway(HTTP), made("c", "1"), made("b", "2"), made("a", "2"));
    expect(at(found)).toEqual(["http: c at *, a at *, b at *"]);
  });
});

describe("gateway workloads", () => {
  test.each([
    ["ingress", true],
    ["ingress.shop", true],
    ["ingress.shop.svc", true],
    ["ingress.shop.svc.cluster.local", true],
    ["other", false],
    ["ingress.other", false],
  ])("serve the Gateways that name their Service: %s", (address, serves) => {
    const workload =
      "---\napiVersion: tulle.dev/v1\nkind: Workload\nmetadata: {name: in, namespace: shop, labels: {app: in}}\nspec: {serviceAccount: in, role: gateway}\n";
    const named =
      "---\napiVersion: v1\nkind: Service\nmetadata: {name: ingress, namespace: shop}\nspec: {selector: {app: in}, ports: [{name: http, port: 80}]}\n";
    const edge = gateway(HTTP, `, addresses: [{type: Hostname, value: ${address}}]`);
    const { mesh } = load(edge + workload + named);
    const [only] = mesh.gatewayApi.gateways;
    expect(mesh.workloads).toHaveLength(1);
    expect(mesh.workloads.map((w) => only !== undefined && servesGateway(mesh.services, w, only))).toEqual([serves]);
  });
});

describe("backends", () => {
  const rule = (ref: string): string => route("r", `rules: [{backendRefs: [{${ref}}]}]`);
  test.each([
    ["", ["far.other.svc.cluster.local"]],
    // What its callers may do with a Service, the world may not.
    [", {name: edge, namespace: shop}", ["RefNotPermitted"]],
  ])("a parent of its own, with%s: %s", (more, expected) => {
    const parents = `parentRefs: [{group: '', kind: Service, name: far, namespace: other}${more}]`;
    const { routes } = attached(
      gateway(HTTP),
      service("far", "other"),
      document("HTTPRoute", "r", `${parents}, rules: [{backendRefs: [{name: far, port: 80, namespace: other}]}]`),
    );
    const targets = routes.flatMap(({ route: { rules } }) => rules.flatMap(({ backends }) => backends));
    expect(targets.map(({ target: t }) => (t.t === "service" ? t.service.hostname : t.reason))).toEqual([...expected]);
  });

  test.each([
    ["name: b, port: 80", "b.shop.svc.cluster.local"],
    ["name: c, port: 80", "BackendNotFound"],
    ["name: b, port: 81", "BackendNotFound"],
    ["name: b, kind: Bucket, group: example.com", "InvalidKind"],
    ["name: far, port: 80, namespace: other", "RefNotPermitted"],
    ["name: far, kind: InferencePool, group: inference.networking.k8s.io, namespace: other", "RefNotPermitted"],
    ["name: b, kind: InferencePool, group: inference.networking.k8s.io", "InvalidKind"],
    ["name: granted, port: 80, namespace: other", "granted.other.svc.cluster.local"],
    [
      "kind: Hostname, group: networking.istio.io, name: b.shop.svc.cluster.local, port: 80",
      "b.shop.svc.cluster.local",
    ],
    [
      "kind: Hostname, group: networking.istio.io, name: far.other.svc.cluster.local, port: 80",
      "far.other.svc.cluster.local",
    ],
    ["kind: Hostname, group: networking.istio.io, name: own.other.svc.cluster.local, port: 80", "BackendNotFound"],
  ])("%s: %s", (ref, expected) => {
    const grant = document(
      "ReferenceGrant",
      "g",
      "from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}], to: [{group: '', kind: Service, name: granted}]",
      "other",
    );
    const found = attached(
      gateway(HTTP),
      service("b"),
      service("far", "other"),
      service("granted", "other"),
      service("own", "other").replace("name: own,", "name: own, annotations: {networking.istio.io/exportTo: '.'},"),
      grant,
      rule(ref),
    );
    expect(backends(found)).toEqual([expected]);
    expect(at(found)).toEqual(["http: r at *"]);
  });

  test("a grant for another kind of route, or another namespace, permits nothing", () => {
    const grant = (from: string): string =>
      document("ReferenceGrant", "g", `from: [${from}], to: [{group: '', kind: Service}]`, "other");
    const of = (from: string) =>
      backends(
        attached(gateway(HTTP), service("b", "other"), grant(from), rule("name: b, port: 80, namespace: other")),
      );
    expect(of("{group: gateway.networking.k8s.io, kind: GRPCRoute, namespace: shop}")).toEqual(["RefNotPermitted"]);
    expect(of("{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: else}")).toEqual(["RefNotPermitted"]);
    expect(of("{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}")).toEqual([
      "b.other.svc.cluster.local",
    ]);
  });
});

describe("listeners", () => {
  const https = (tls: string): string => gateway(`{name: l, port: 443, protocol: HTTPS, tls: {${tls}}}`);
  const refs = (ref: string): string => https(`certificateRefs: [${ref}]`);
  test.each([
    [refs("{name: cert}"), []],
    [refs("{name: none}"), ["l ResolvedRefs InvalidCertificateRef"]],
    [refs("{name: cert}, {name: none}"), ["l ResolvedRefs InvalidCertificateRef serves"]],
    [refs("{name: cert, kind: Bucket, group: g}"), ["l ResolvedRefs InvalidCertificateRef"]],
    [refs("{name: far, namespace: other}"), ["l ResolvedRefs RefNotPermitted"]],
    [gateway("{name: l, port: 443, protocol: HTTPS}"), ["l Accepted UnsupportedProtocol"]],
    [https("certificateRefs: [{name: cert}], options: {example.com/o: a}"), ["l Accepted UnsupportedValue"]],
    [
      https("certificateRefs: [{name: cert}], options: {gateway.istio.io/tls-terminate-mode: MUTUAL}"),
      ["l Accepted NoValidCACertificate"],
    ],
    [gateway("{name: l, port: 443, protocol: TLS, tls: {mode: Passthrough}}"), []],
    [gateway("{name: l, port: 53, protocol: example.com/QUIC}"), ["l Accepted UnsupportedProtocol"]],
    [gateway("{name: l, port: 53, protocol: UDP}, {name: m, port: 53, protocol: TCP}"), []],
    [
      gateway("{name: l, port: 53, protocol: UDP, allowedRoutes: {kinds: [{kind: UDPRoute}, {kind: TCPRoute}]}}"),
      ["l ResolvedRefs InvalidRouteKinds serves"],
    ],
    [`${gateway("{name: l, port: 53, protocol: UDP}")}${allowNothing(false)}`, ["l Accepted UnsupportedValue"]],
    [`${gateway("{name: l, port: 53, protocol: UDP}")}${allowNothing(true)}`, []],
    [
      gateway("{name: l, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: HTTPRoute}, {kind: TLSRoute}]}}"),
      ["l ResolvedRefs InvalidRouteKinds serves"],
    ],
    [
      gateway(
        "{name: a, port: 80, protocol: HTTP}, {name: b, port: 80, protocol: TCP}, {name: c, port: 81, protocol: TCP}",
      ),
      ["a Conflicted ProtocolConflict", "b Conflicted ProtocolConflict"],
    ],
    [
      gateway(
        "{name: a, port: 80, protocol: TLS, tls: {mode: Passthrough}}, {name: b, port: 80, protocol: TLS, hostname: a.com, tls: {mode: Passthrough}}",
      ),
      [],
    ],
  ])("%s", (text, faults) => {
    expect(listenerFaults(attached(text, secret("cert", "shop"), secret("far", "other")))).toEqual([...faults]);
  });

  test("whom the Gateway asks for a certificate, its own option lets in without, and no ListenerSet's", () => {
    const from = ", allowedListeners: {namespaces: {from: All}}";
    const tls = `${from}, tls: {frontend: {default: {validation: {caCertificateRefs: [{group: '', kind: ConfigMap, name: roots}]}}}}`;
    const listener = (name: string): string =>
      `{name: ${name}, hostname: ${name}.com, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}], options: {gateway.istio.io/tls-terminate-mode: OPTIONAL_MUTUAL}}}`;
    const found = attached(
      gateway(listener("own"), tls),
      document(
        "ListenerSet",
        "set",
        `parentRef: {name: edge, namespace: shop}, listeners: [${listener("set")}]`,
        "team",
      ),
      secret("cert", "shop"),
      secret("cert", "team"),
      configMap("roots", SERVER.certChainPem),
    );
    const modes = found.gateways[0]?.listeners.map((l) => l.clientValidation?.mode);
    expect(modes).toEqual(["AllowMissing", "AllowValidOnly"]);
  });

  test("whom the Gateway checks no ListenerSet checks against the mesh's roots instead", () => {
    const tls =
      ", allowedListeners: {namespaces: {from: All}}, tls: {frontend: {default: {validation: {caCertificateRefs: [{group: '', kind: ConfigMap, name: roots}]}}}}";
    const listener = (name: string): string =>
      `{name: ${name}, hostname: ${name}.com, port: 443, protocol: HTTPS, tls: {options: {gateway.istio.io/tls-terminate-mode: ISTIO_MUTUAL}}}`;
    const found = attached(
      gateway(listener("own"), tls),
      document(
        "ListenerSet",
        "set",
        `parentRef: {name: edge, namespace: shop}, listeners: [${listener("set")}, {name: plain, hostname: plain.com, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}]`,
        "team",
      ),
      secret("cert", "team"),
      configMap("roots", SERVER.certChainPem),
    );
    const listeners = found.gateways[0]?.listeners ?? [];
    expect(listeners.map(({ listener: { name }, serves }) => [name, serves])).toEqual([
      ["own", true],
      ["set", false],
      ["plain", true],
    ]);
    expect(listeners[1]?.faults.map(({ reason }) => reason)).toEqual(["UnsupportedValue"]);
  });

  test("who asks for a certificate by the option MUTUAL gets one, whatever the Gateway lets pass", () => {
    const tls =
      ", tls: {frontend: {default: {validation: {mode: AllowInsecureFallback, caCertificateRefs: [{group: '', kind: ConfigMap, name: roots}]}}}}";
    const listener = (name: string, options: string): string =>
      `{name: ${name}, hostname: ${name}.com, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]${options}}}`;
    const found = attached(
      gateway(
        `${listener("strict", ", options: {gateway.istio.io/tls-terminate-mode: MUTUAL}")}, ${listener("plain", "")}`,
        tls,
      ),
      secret("cert", "shop"),
      configMap("roots", SERVER.certChainPem),
    );
    const modes = found.gateways[0]?.listeners.map((l) => l.clientValidation?.mode);
    expect(modes).toEqual(["AllowValidOnly", "AllowInsecureFallback"]);
  });

  test.each([
    ["{group: '', kind: ConfigMap, name: roots}", []],
    ["{group: '', kind: ConfigMap, name: none}", ["InvalidCACertificateRef", "NoValidCACertificate"]],
    ["{group: '', kind: ConfigMap, name: bad}", ["InvalidCACertificateRef", "NoValidCACertificate"]],
    ["{group: '', kind: Service, name: roots}", ["InvalidCACertificateKind", "NoValidCACertificate"]],
    ["{group: '', kind: ConfigMap, name: roots, namespace: else}", ["RefNotPermitted", "NoValidCACertificate"]],
    [
      "{group: '', kind: ConfigMap, name: roots}, {group: '', kind: ConfigMap, name: none}",
      ["InvalidCACertificateRef"],
    ],
  ])("check their clients by roots: %s", (ref, reasons) => {
    const tls = `, tls: {frontend: {default: {validation: {caCertificateRefs: [${ref}]}}}}`;
    const listeners = `${HTTP}, {name: l, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert}]}}`;
    const found = attached(
      gateway(listeners, tls),
      secret("cert", "shop"),
      configMap("roots", SERVER.certChainPem),
      configMap("bad", "no certificate"),
    );
    const [http, secure] = found.gateways[0]?.listeners ?? [];
    expect(http).toMatchObject({ faults: [], clientValidation: undefined, serves: true });
    expect(secure?.faults.map((f) => f.reason)).toEqual([...reasons] as never);
    expect(secure?.serves).toBe(!reasons.includes("NoValidCACertificate" as never));
  });

  test("of sets come after the Gateway's own, the older first, and give way", () => {
    const set = (name: string, hostname: string, time: string, ns = "shop"): string =>
      document(
        "ListenerSet",
        name,
        `parentRef: {name: edge, namespace: shop}, listeners: [{name: l, port: 80, protocol: HTTP, hostname: ${hostname}}]`,
        ns,
        `, creationTimestamp: "2026-01-01T00:00:0${time}Z"`,
      );
    const to = document(
      "HTTPRoute",
      "r",
      `parentRefs: [{kind: ListenerSet, name: old}, {name: edge}], rules: [{${toB}}]`,
    );
    const found = attached(
      gateway(
        "{name: own, port: 80, protocol: HTTP, hostname: a.com}",
        ", allowedListeners: {namespaces: {from: Same}}",
      ),
      set("young", "b.com", "2"),
      set("old", "b.com", "1"),
      set("rival", "a.com", "3"),
      set("stranger", "c.com", "0", "else"),
      to,
    );
    const names = found.gateways[0]?.listeners.map((l) => [l.owner.meta.name, l.serves, l.routes.length]);
    expect(names).toEqual([
      ["edge", true, 1],
      ["old", true, 1],
      ["young", false, 0],
      ["rival", false, 0],
    ]);
    expect(found.listenerSets.map((s) => [s.listenerSet.meta.name, s.fault?.reason, s.listeners.length])).toEqual([
      ["stranger", "NotAllowed", 0],
      ["old", undefined, 1],
      ["young", undefined, 1],
      ["rival", undefined, 1],
    ]);
    expect(listenerFaults(found)).toEqual(["l Conflicted HostnameConflict", "l Conflicted HostnameConflict"]);
  });
});

describe("the mesh", () => {
  const to = (name: string, ref: string, ns = "shop"): string =>
    document("HTTPRoute", name, `parentRefs: [{group: "", kind: Service, ${ref}}], rules: [{${toB}}]`, ns);
  const both = service("b", "shop", "{name: http, port: 80}, {name: admin, port: 90}");
  const said = ({ services }: Attachment): string[] =>
    services.map((s) => {
      const names = (
        routes: readonly { readonly route: { readonly document: { readonly meta: { readonly name: string } } } }[],
      ) => routes.map((r) => r.route.document.meta.name).join(" ");
      const consumers = [...s.consumers].map(([ns, routes]) => `${ns}: ${names(routes)}`);
      return [`${s.port.number}`, names(s.producers), ...consumers].join(" | ");
    });

  test("has routes by the port that is called", () => {
    expect(said(attached(both, to("r", "name: b")))).toEqual(["80 | r", "90 | r"]);
    expect(said(attached(both, to("r", "name: b, port: 90")))).toEqual(["90 | r"]);
    expect(said(attached(both, to("r", "name: b, sectionName: admin")))).toEqual(["90 | r"]);
    expect(refused(attached(both, to("r", "name: b, port: 91")))).toEqual(["r: NoMatchingParent"]);
    expect(refused(attached(both, to("r", "name: c")))).toEqual(["r: NoMatchingParent"]);
  });

  test("has routes of the callers' namespace apart", () => {
    const found = attached(service("b"), to("p", "name: b"), to("c", "name: b, namespace: shop", "caller"));
    expect(said(found)).toEqual(["80 | p | caller: c"]);
  });
});

describe("matches are ranked", () => {
  const order = (matches: string, kind = "HTTPRoute"): string[] => {
    const found = attached(gateway(HTTP), route("r", `rules: [{matches: [${matches}]}]`, "shop", kind));
    const routes = found.gateways[0]?.listeners[0]?.routes ?? [];
    return kind === "HTTPRoute"
      ? rankedHttpMatches(routes).map(
          ({ match: m }) =>
            `${m.path.t} ${m.path.value} ${m.method ?? ""}${Object.keys(m.headers).length}${Object.keys(m.queryParams).length}`,
        )
      : rankedGrpcMatches(routes).map(({ match: { method: m } }) => `${m.service}/${m.method}`);
  };

  test("by path, method, headers and query", () => {
    const q = "queryParams: [{name: q, value: a}]";
    const h = "headers: [{name: h, value: a}]";
    const long = "path: {value: /a/b}";
    expect(
      order(
        `{path: {type: RegularExpression, value: /aaaaaaaa}}, {path: {value: /a}}, {${long}, ${q}}, {${long}, ${h}}, {${long}, method: GET}, {path: {type: Exact, value: /}}`,
      ),
    ).toEqual([
      "Exact / 00",
      "PathPrefix /a/b GET00",
      "PathPrefix /a/b 10",
      "PathPrefix /a/b 01",
      "PathPrefix /a 00",
      "RegularExpression /aaaaaaaa 00",
    ]);
  });

  test("by service and method", () => {
    expect(
      order("{method: {method: M}}, {method: {service: a.B}}, {method: {service: a.B, method: M}}", "GRPCRoute"),
    ).toEqual(["a.B/M", "a.B/undefined", "undefined/M"]);
  });
});

describe("TLS to backends", () => {
  const policy = (name: string, target: string, ca = "roots"): string =>
    document(
      "BackendTLSPolicy",
      name,
      `targetRefs: [{group: "", kind: Service, ${target}}], validation: {hostname: b.com, caCertificateRefs: [{group: "", kind: ConfigMap, name: ${ca}}]}`,
    );
  const world =
    service("b", "shop", "{name: http, port: 80}, {name: https, port: 443}") + configMap("roots", SERVER.certChainPem);

  test("a policy for the port comes before one for the Service, and the older before the younger", () => {
    const found = attached(
      world,
      policy("whole", "name: b"),
      policy("port", "name: b, sectionName: https"),
      policy("zz", "name: b"),
    );
    const [b] = load(world).mesh.services;
    const own = found.backendTls[0]?.targets[0]?.services[0];
    expect(own?.hostname).toBe(b?.hostname ?? "");
    if (own === undefined) return;
    expect(own.ports.map((p) => backendTlsAt(found.backendTls, own, p)?.policy.meta.name)).toEqual(["whole", "port"]);
    expect(found.backendTls.map((o) => o.targets[0]?.fault?.reason)).toEqual([undefined, undefined, "Conflicted"]);
  });

  test.each([
    ["name: none", "roots", "TargetNotFound", false],
    ["name: b, sectionName: none", "roots", "TargetNotFound", false],
    ["name: b", "none", undefined, true],
  ] as const)("%s with the roots %s", (target, ca, reason, noValidCa) => {
    const [outcome] = attached(world, policy("p", target, ca)).backendTls;
    expect(outcome?.targets[0]?.fault?.reason).toBe(reason);
    expect(outcome?.noValidCa).toBe(noValidCa);
  });
});
