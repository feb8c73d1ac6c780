/**
 * DestinationRule, PeerAuthentication and AuthorizationPolicy become the model, with Istio's defaults and traps.
 */
import { describe, expect, test } from "bun:test";
import { errors, load, warnings } from "./support/documents.ts";
import type { HashKey, HashTableKind } from "../src/model/destination-rule.ts";

// === helpers ===

const policy = (kind: string, spec: string, metadata = ""): string =>
  `apiVersion: security.istio.io/v1\nkind: ${kind}\nmetadata: {name: p, namespace: shop${metadata}}\nspec: ${spec}\n`;

const destinationRule = (trafficPolicy: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d, namespace: shop}\nspec: {host: reviews, trafficPolicy: ${trafficPolicy}}\n`;

// === tests ===

describe("DestinationRule", () => {
  test("all that the model carries", () => {
    const text = `apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: d, namespace: shop}
spec:
  host: reviews
  subsets:
  - {name: v1, labels: {version: v1}}
  - name: v2
    labels: {version: v2}
    trafficPolicy: {loadBalancer: {simple: RANDOM}}
  trafficPolicy:
    connectionPool:
      tcp: {maxConnections: 5, connectTimeout: 250ms, idleTimeout: 0s}
      http: {http1MaxPendingRequests: 6, http2MaxRequests: 7, maxRequestsPerConnection: 0, maxRetries: 8, idleTimeout: 9s, h2UpgradePolicy: UPGRADE, useClientProtocol: true, maxConcurrentStreams: 4, http2KeepAlive: {interval: 5s, timeout: 1s}}
    outlierDetection: {consecutive5xxErrors: 0, interval: 1s, baseEjectionTime: 2s, maxEjectionPercent: 50, minHealthPercent: 20}
    tls: {mode: MUTUAL, clientCertificate: a, privateKey: b, caCertificates: c, sni: s, subjectAltNames: [n]}
    portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: ROUND_ROBIN}}]
`;
    const loaded = load(text);
    expect(loaded.problems).toEqual([]);
    expect(loaded.mesh.destinationRules[0]).toMatchObject({
      host: "reviews.shop.svc.cluster.local",
      subsets: [
        { name: "v1", labels: { version: "v1" } },
        { name: "v2", trafficPolicy: { loadBalancer: { balancer: "RANDOM" } } },
      ],
      trafficPolicy: {
        loadBalancer: undefined,
        connectionPool: {
          maxConnections: 5,
          connectTimeoutMs: 250,
          tcpIdleTimeoutMs: 0,
          http1MaxPendingRequests: 6,
          http2MaxRequests: 7,
          maxRequestsPerConnection: 0,
          maxRetries: 8,
          httpIdleTimeoutMs: 9000,
          h2UpgradePolicy: "UPGRADE",
          useClientProtocol: true,
          maxConcurrentStreams: 4,
          http2KeepAlive: { intervalMs: 5000, timeoutMs: 1000 },
        },
        outlierDetection: {
          consecutive5xxErrors: 0,
          intervalMs: 1000,
          baseEjectionTimeMs: 2000,
          maxEjectionPercent: 50,
          minHealthPercent: 20,
        },
        tls: {
          mode: "MUTUAL",
          clientCertificate: "a",
          privateKey: "b",
          caCertificates: "c",
          sni: "s",
          subjectAltNames: ["n"],
        },
        portLevel: [{ port: 80, policy: { loadBalancer: { balancer: "ROUND_ROBIN" }, tls: undefined } }],
      },
    });
  });

  test("consistent hashing, by each key", () => {
    const hashed = (key: string) => {
      const { mesh, problems } = load(destinationRule(`{loadBalancer: {consistentHash: ${key}}}`));
      return [
        mesh.destinationRules[0]?.trafficPolicy.loadBalancer?.balancer,
        problems.map((p) => p.severity).join(),
      ] as const;
    };
    const ring = { t: "ringHash", minimumRingSize: undefined } as const;
    const by = (key: HashKey | undefined, table: HashTableKind = ring) =>
      ({ t: "consistentHash", key, table }) as const;
    expect(hashed("{httpHeaderName: X-User, ringHash: {minimumRingSize: 7}}")).toEqual([
      by({ t: "header", name: "X-User" }, { t: "ringHash", minimumRingSize: 7 }),
      "",
    ]);
    expect(hashed("{httpQueryParameterName: q, maglev: {tableSize: 101}}")).toEqual([
      by({ t: "query", name: "q" }, { t: "maglev", tableSize: 101 }),
      "",
    ]);
    expect(
      hashed("{httpCookie: {name: c, path: /, ttl: 0s, attributes: [{name: Secure}, {name: SameSite, value: Lax}]}}"),
    ).toEqual([
      by({
        t: "cookie",
        name: "c",
        path: "/",
        ttlMs: 0,
        attributes: [
          { name: "Secure", value: undefined },
          { name: "SameSite", value: "Lax" },
        ],
      }),
      "",
    ]);
    expect(hashed("{useSourceIp: true, minimumRingSize: 9}")).toEqual([
      by({ t: "sourceIp" }, { t: "ringHash", minimumRingSize: 9 }),
      "warning",
    ]);
    expect(hashed("{useSourceIp: false}")).toEqual([by(undefined), "warning"]);
    expect(hashed("{}")).toEqual([by(undefined), "warning"]);
  });

  test("Istio's zeros that mean not set", () => {
    const loaded = load(
      destinationRule("{connectionPool: {tcp: {maxConnections: 0}}, outlierDetection: {maxEjectionPercent: 0}}"),
    );
    expect(loaded.problems.map((p) => p.severity)).toEqual(["warning", "warning"]);
    expect(loaded.mesh.destinationRules[0]?.trafficPolicy).toMatchObject({
      connectionPool: { maxConnections: undefined },
      outlierDetection: { maxEjectionPercent: undefined },
    });
  });

  test.each([
    ["{}", "must have at least one of"],
    ["{loadBalancer: {simple: ROUNDROBIN}}", 'did you mean "ROUND_ROBIN"?'],
    [
      "{loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}}",
      "one of simple, consistentHash, found both",
    ],
    ["{loadBalancer: {consistentHash: {useSourceIp: yes}}}", "must be true or false"],
    [
      "{loadBalancer: {consistentHash: {useSourceIp: true, httpHeaderName: a}}}",
      "found httpHeaderName and useSourceIp",
    ],
    ["{loadBalancer: {consistentHash: {httpHeaderName: 'a b'}}}", "must be the name of a header"],
    ["{loadBalancer: {consistentHash: {httpQueryParameterName: ''}}}", "must not be empty"],
    ["{loadBalancer: {consistentHash: {httpCookie: {ttl: 0s}}}}", 'field "name" is missing'],
    ["{loadBalancer: {consistentHash: {httpCookie: {name: a, path: '/;x'}}}}", "text without semicolons"],
    ["{loadBalancer: {consistentHash: {httpHeaderName: a, maglev: {tableSize: 1024}}}}", "prime number"],
    ["{loadBalancer: {consistentHash: {httpHeaderName: a, maglev: {}, ringHash: {}}}}", "one of ringHash, maglev"],
    ["{loadBalancer: {consistentHash: {httpHeaderName: a, ringHash: {minimumRingSize: 8388609}}}}", "8388608"],
    ["{loadBalancer: {zoneAwareLbSetting: {}, localityLbSetting: {}}}", "cannot stand beside localityLbSetting"],
    ["{loadBalancer: {zoneAwareLbSetting: {minClusterSize: 0}}}", "must be a whole number from 1"],
    ["{loadBalancer: {zoneAwareLbSetting: {distribute: []}}}", "unknown field"],
    ["{loadBalancer: {zoneAwareLbSetting: {failover: [{from: a, to: a}]}}}", "must lead to another region"],
    [
      "{loadBalancer: {zoneAwareLbSetting: {failoverPriority: [topology.kubernetes.io/zone]}}}",
      "regions and zones go in their order by themselves",
    ],
    ["{loadBalancer: {warmup: {}}}", 'field "duration" is missing'],
    ["{loadBalancer: {simple: RANDOM, warmup: {duration: 5s}}}", "for ROUND_ROBIN and LEAST_REQUEST alone"],
    ["{loadBalancer: {warmup: {duration: 5s, aggression: 0.5}}}", "must be a number from 1"],
    ["{loadBalancer: {localityLbSetting: {failover: [{from: a, to: a}]}}}", "must lead to another region"],
    ["{loadBalancer: {localityLbSetting: {failover: [{from: a/b, to: c}]}}}", "must be a region"],
    ["{loadBalancer: {localityLbSetting: {failoverPriority: ['a=b=c']}}}", "must be a label, or label=value"],
    ["{loadBalancer: {localityLbSetting: {distribute: [], failover: []}}}", "cannot stand beside distribute"],
    ["{loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {b: 90}}]}}}", "must sum to 100, found 90"],
    [
      "{loadBalancer: {localityLbSetting: {distribute: [{from: a/*/c, to: {b: 100}}]}}}",
      'only the last part may be "*"',
    ],
    ["{loadBalancer: {localityLbSetting: {distribute: [{from: a//c, to: {b: 100}}]}}}", "must be region, region/zone"],
    ["{connectionPool: {}}", "must have at least one of tcp, http"],
    ["{connectionPool: {http: {h2UpgradePolicy: ALWAYS}}}", "must be one of DEFAULT, DO_NOT_UPGRADE, UPGRADE"],
    ["{connectionPool: {http: {http2KeepAlive: {interval: 5s}}}}", 'field "timeout" is missing'],
    ["{connectionPool: {tcp: {tcpKeepalive: {time: 500ms}}}}", "must be 1s or more"],
    ["{connectionPool: {tcp: {maxConnectionDuration: 0s}}}", "must be a duration of 1ms or more"],
    ["{proxyProtocol: {version: V3}}", "must be one of V1, V2"],
    ["{portLevelSettings: [{port: {number: 1}, proxyProtocol: {}}]}", 'unknown field "proxyProtocol"'],
    ["{tunnel: {targetHost: a b, targetPort: 1}}", "a host name or an IP address"],
    ["{tunnel: {targetHost: a}}", "targetPort"],
    ["{tunnel: {targetHost: a, targetPort: 0}}", "targetPort: must be a whole number from 1 to 65535, found number 0"],
    ["{tunnel: {targetHost: a, targetPort: 65536}}", "targetPort: must be a whole number from 1 to 65535"],
    ["{tunnel: {protocol: POST, targetHost: a, targetPort: 1}}", "a tunnel by POST is not supported yet"],
    ["{outlierDetection: {outlierDetectionHttpErrorCodes: [600]}}", "must be a whole number from 100 to 599"],
    ["{outlierDetection: {consecutiveLocalOriginFailures: 5}}", "needs splitExternalLocalOriginErrors"],
    ["{outlierDetection: {maxEjectionPercent: 101}}", "must be a whole number from 0 to 100"],
    ["{tls: {mode: MUTUAL}}", "needs clientCertificate and privateKey"],
    ["{tls: {mode: ISTIO_MUTUAL, caCertificates: a}}", "takes no files"],
    ["{tls: {mode: SIMPLE, credentialName: a, caCertificates: b}}", "cannot stand beside files"],
    ["{tls: {mode: MUTUAL, credentialName: a, caCrl: b}}", "cannot stand beside files"],
    ["{tls: {mode: SIMPLE, credentialName: other/a}}", "of another namespace is not supported"],
    ["{tls: {mode: SIMPLE, credentialName: a, insecureSkipVerify: true}}", "cannot stand beside"],
    ["{tls: {mode: SIMPLE, caCrl: a, insecureSkipVerify: true}}", "nothing would check them"],
    ["{tls: {mode: ISTIO_MUTUAL, caCrl: a}}", "takes no files"],
    ["{tls: {mode: SIMPLE, caCertificates: a, insecureSkipVerify: true}}", "cannot stand beside"],
    ["{portLevelSettings: [{port: {number: 80}}]}", "must have at least one of"],
    ["{portLevelSettings: [{loadBalancer: {simple: RANDOM}}]}", 'field "port" is missing'],
    ["{retryBudget: {percent: 101}}", "trafficPolicy.retryBudget.percent: must be a number from 0 to 100"],
    ["{retryBudget: {minRetryConcurrency: -1}}", "retryBudget.minRetryConcurrency: must be a whole number from 0"],
    ["{retryBudget: {budgetInterval: soon}}", "retryBudget.budgetInterval: must be a duration"],
    ["{portLevelSettings: [{port: {number: 1}, retryBudget: {}}]}", 'unknown field "retryBudget"'],
  ])("trafficPolicy %s is refused", (text, message) => {
    expect(errors(destinationRule(text)).join()).toContain(message);
  });

  test("PASSTHROUGH is taken, and it is said what it comes to where nothing is captured", () => {
    const text = destinationRule("{loadBalancer: {simple: PASSTHROUGH}}");
    expect(errors(text)).toEqual([]);
    expect(warnings(text).join()).toContain("which no proxy is told here");
    expect(load(text).mesh.destinationRules[0]?.trafficPolicy.loadBalancer?.balancer).toBe("PASSTHROUGH");
  });
});

describe("Mesh", () => {
  const mesh = (spec: string): string => `apiVersion: tulle.dev/v1\nkind: Mesh\nmetadata: {name: m}\nspec: {${spec}}\n`;

  test.each([
    ["defaultInboundHttpRetryPolicy: {attempts: 2, retryIgnorePreviousHosts: true}", "has no meaning for the one"],
    ["defaultInboundHttpRetryPolicy: {attempts: 2, retryRemoteLocalities: true}", "has no meaning for the one"],
    ["defaultInboundHttpRetryPolicy: {retryOn: reset}", "has no effect without attempts"],
    ["zoneAwareLbSetting: {failoverPriority: [topology.istio.io/subzone]}", "go in their order by themselves"],
  ])("%s is refused", (spec, message) => {
    expect(errors(mesh(spec)).join()).toContain(message);
  });

  test("zones are looked at where both ways stand, and a rule's word goes before either", () => {
    const both = "localityLbSetting: {failover: [{from: a, to: b}]}, zoneAwareLbSetting: {minClusterSize: 2}";
    expect(load(mesh(both)).mesh.settings.localityLbSetting).toMatchObject({
      enabled: true,
      failover: [],
      zoneAware: { minClusterSize: 2 },
    });
  });
});

describe("PeerAuthentication", () => {
  test("modes by workload and port", () => {
    const loaded = load(
      policy(
        "PeerAuthentication",
        "{selector: {matchLabels: {app: a}}, mtls: {mode: UNSET}, portLevelMtls: {8080: {mode: DISABLE}, '81': {}}}",
      ),
    );
    expect(loaded.problems).toEqual([]);
    const [read] = loaded.mesh.peerAuthentications;
    expect(read?.selector).toEqual({ app: "a" });
    expect(read?.mode).toBeUndefined();
    expect([...(read?.portModes ?? [])]).toEqual([
      [8080, "DISABLE"],
      [81, undefined],
    ]);
  });

  test("without a spec it inherits", () => {
    const loaded = load("apiVersion: security.istio.io/v1beta1\nkind: PeerAuthentication\nmetadata: {name: default}\n");
    expect(loaded.problems).toEqual([]);
    expect(loaded.mesh.peerAuthentications[0]).toMatchObject({ selector: undefined, mode: undefined });
  });

  test.each([
    ["{portLevelMtls: {80: {mode: STRICT}}}", "needs a selector with labels"],
    ["{selector: {matchLabels: {app: a}}, portLevelMtls: {}}", "must have at least one port"],
    ["{selector: {matchLabels: {app: a}}, portLevelMtls: {http: {}}}", "the key must be a workload's port"],
    ["{selector: {matchLabels: {app: a}}, portLevelMtls: {65536: {}}}", "the key must be a workload's port"],
    ["{mtls: {mode: strict}}", 'did you mean "STRICT"?'],
    ["{selector: {matchLabels: {app: '*'}}}", "a selector has no wildcards"],
    ["{selector: {app: a}}", 'unknown field "app"'],
  ])("%s is refused", (spec, message) => {
    expect(errors(policy("PeerAuthentication", spec)).join()).toContain(message);
  });
});

describe("AuthorizationPolicy", () => {
  test("all that the model carries", () => {
    const spec = `{action: DENY, selector: {matchLabels: {app: a}}, rules: [{
      from: [{source: {principals: [cluster.local/ns/a/sa/b, 'x*', '*y', '*'], notNamespaces: [n], ipBlocks: [10.0.0.0/8, '::1']}}],
      to: [{operation: {methods: [GET], paths: [/a*], ports: ['8080'], notHosts: ['*.b']}}],
      when: [{key: 'request.headers[x-a]', values: [b]}, {key: source.ip, notValues: [10.0.0.1]}]}]}`;
    const loaded = load(policy("AuthorizationPolicy", spec, ", annotations: {istio.io/dry-run: 'true'}"));
    expect(loaded.problems).toEqual([]);
    expect(loaded.mesh.authorizationPolicies[0]).toMatchObject({
      action: "DENY",
      dryRun: true,
      selector: { app: "a" },
      rules: [
        {
          from: [
            {
              principals: [
                { t: "exact", value: "cluster.local/ns/a/sa/b" },
                { t: "prefix", value: "x" },
                { t: "suffix", value: "y" },
                { t: "present" },
              ],
              notNamespaces: [{ t: "exact", value: "n" }],
              ipBlocks: ["10.0.0.0/8", "::1"],
              namespaces: [],
            },
          ],
          to: [
            {
              methods: [{ t: "exact", value: "GET" }],
              paths: [{ t: "prefix", value: "/a" }],
              ports: [8080],
              notHosts: [{ t: "suffix", value: ".b" }],
            },
          ],
          when: [
            { key: "request.headers[x-a]", values: ["b"], notValues: [] },
            { key: "source.ip", values: [], notValues: ["10.0.0.1"] },
          ],
        },
      ],
    });
  });

  test("an ALLOW policy without rules allows nothing, and says so by having none", () => {
    for (const spec of ["{}", "{rules: []}", "{action: ALLOW}"]) {
      const loaded = load(policy("AuthorizationPolicy", spec));
      expect(loaded.problems).toEqual([]);
      expect(loaded.mesh.authorizationPolicies[0]).toMatchObject({ action: "ALLOW", rules: [] });
    }
    expect(load(policy("AuthorizationPolicy", "{rules: [{}]}")).mesh.authorizationPolicies[0]?.rules).toHaveLength(1);
  });

  test("service accounts are the ends of principals", () => {
    const loaded = load(policy("AuthorizationPolicy", "{rules: [{from: [{source: {serviceAccounts: [shop/web]}}]}]}"));
    expect(loaded.mesh.authorizationPolicies[0]?.rules[0]?.from[0]?.principals).toEqual([
      { t: "suffix", value: "/ns/shop/sa/web" },
    ]);
  });

  test("a service account without a namespace is of the policy's own, and an empty list asks nothing", () => {
    const loaded = load(
      policy("AuthorizationPolicy", "{rules: [{from: [{source: {serviceAccounts: [web], ipBlocks: []}}]}]}"),
    );
    expect(loaded.mesh.authorizationPolicies[0]?.rules[0]?.from[0]).toMatchObject({
      principals: [{ t: "suffix", value: "/ns/shop/sa/web" }],
      ipBlocks: [],
    });
    expect(loaded.problems.map((p) => p.message)).toEqual(["is empty, so it asks nothing"]);
  });

  test.each([
    ["{action: CUSTOM, rules: [{}]}", "not supported yet"],
    ["{action: DENY}", "needs rules"],
    ["{rules: [{from: []}]}", "must have at least one item"],
    ["{rules: [{from: [{}]}]}", 'field "source" is missing'],
    ["{rules: [{from: [{source: {}}]}]}", "source must ask for something"],
    ["{rules: [{from: [{source: {principals: []}}]}]}", "source must ask for something"],
    ["{rules: [{from: [{source: {principals: ['']}}]}]}", "must not be empty"],
    ["{rules: [{from: [{source: {principals: ['*a*']}}]}]}", '"*" may stand at the front or at the end'],
    ["{rules: [{from: [{source: {principals: ['spiffe://a/ns/b/sa/c']}}]}]}", "without spiffe://"],
    ["{rules: [{from: [{source: {serviceAccounts: [a/b], namespaces: [a]}}]}]}", "cannot stand beside namespaces"],
    ["{rules: [{from: [{source: {serviceAccounts: [a/b/c]}}]}]}", "namespace/name of a service account"],
    ["{rules: [{from: [{source: {serviceAccounts: ['a/*']}}]}]}", "without wildcards"],
    ["{rules: [{from: [{source: {requestPrincipals: ['*']}}]}]}", "not supported yet"],
    ["{rules: [{from: [{source: {ipBlocks: [10.0.0.0/33]}}]}]}", "must be an IP address or a range"],
    ["{rules: [{to: [{operation: {ports: [80]}}]}]}", "(put it in quotes)"],
    ["{rules: [{to: [{operation: {ports: ['http']}}]}]}", "a port as text"],
    ["{rules: [{to: [{operation: {paths: ['/a/{*}']}}]}]}", "not supported yet"],
    ["{rules: [{when: [{key: source.ip}]}]}", "at least one of values, notValues"],
    ["{rules: [{when: [{key: source.namespaces, values: [a]}]}]}", 'did you mean "source.namespace"?'],
    ["{rules: [{when: [{key: 'request.auth.claims[a]', values: [a]}]}]}", "not supported yet"],
    ["{rules: [{when: [{key: destination.port, values: ['0']}]}]}", "a port as text"],
    ["{targetRefs: []}", "not supported yet"],
  ])("%s is refused", (spec, message) => {
    expect(errors(policy("AuthorizationPolicy", spec)).join()).toContain(message);
  });

  test("a dry run that is not said plainly is refused", () => {
    expect(errors(policy("AuthorizationPolicy", "{}", ", annotations: {istio.io/dry-run: yes}")).join()).toContain(
      'must be "true" or "false", found "yes"',
    );
  });
});
