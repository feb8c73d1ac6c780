/**
 * The mesh of the comparison: an echo in two versions behind rules of all kinds, one that takes plaintext as well, and
 * two workloads that call.
 *
 * @module
 */
import { destinationRule, document, serviceOf, virtualService, workloadOf } from "../support/documents.ts";
import { APPS } from "../support/mesh-run.ts";

const ECHO = [process.execPath, `${APPS}/echo.ts`];
const V1 = "[{destination: {host: echo, subset: v1}}]";
const V2 = "[{destination: {host: echo, subset: v2}}]";

const RULES = `{hosts: [echo], http: [
  {name: rewrite, match: [{uri: {prefix: /old/}}], rewrite: {uri: /new/, authority: renamed.example}, route: ${V1}},
  {name: regex, match: [{uri: {regex: "/re/[0-9]+"}}], route: ${V1}},
  {name: edits, match: [{uri: {exact: /edits}}], route: ${V1}, headers: {
    request: {set: {x-set: "100%", host: edited.example}, add: {x-add: more}, remove: [x-remove, user-agent]},
    response: {set: {x-answer: "50%"}, add: {x-add: more}, remove: [x-internal]}}},
  {name: operators, match: [{uri: {exact: /operators}}], route: ${V1}, headers: {
    request: {set: {x-made: "%REQ(x-none?:path)% %REQ(x-long):3% %PROTOCOL% %ROUTE_NAME% %UPSTREAM_CLUSTER_RAW% %DOWNSTREAM_LOCAL_URI_SAN%"}},
    response: {set: {x-made: "%RESPONSE_CODE% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %UPSTREAM_PEER_URI_SAN%.", x-flags: "%RESPONSE_FLAGS%", x-details: "%RESPONSE_CODE_DETAILS%"}}}},
  {name: unless, match: [{uri: {prefix: /unless}, withoutHeaders: {x-not: {}, x-kind: {prefix: b}}}], route: ${V2}},
  {name: queried, match: [{uri: {prefix: /query}, queryParams: {v: {exact: "2"}, any: {}, n: {regex: "[0-9]+"}}}], route: ${V2}},
  {name: group, match: [{uri: {prefix: /group/}}], rewrite: {uriRegexRewrite: {match: "^/group/([^/]+)(/.*)?$", rewrite: "/by-\\\\1\\\\2"}}, route: ${V1}},
  {name: prefix, match: [{uri: {prefix: /prefix/}}], redirect: {prefixRewrite: /other/, redirectCode: 302}},
  {name: ports, match: [{uri: {prefix: /ports}}], redirect: {port: 8080, redirectCode: 303}},
  {name: own-port, match: [{uri: {prefix: /own-port}}], redirect: {scheme: https, derivePort: FROM_REQUEST_PORT, redirectCode: 307}},
  {name: default-port, match: [{uri: {prefix: /default-port}}], redirect: {scheme: https, port: 443}},
  {name: direct, match: [{uri: {prefix: /direct}}], directResponse: {status: 418, body: {string: "no coffee é"}}, headers: {response: {set: {x-answer: "%RESPONSE_CODE%"}}}},
  {name: bare, match: [{uri: {prefix: /bare}}], directResponse: {status: 204}},
  {name: cors, match: [{uri: {prefix: /cors/one}}], route: ${V1}, headers: {response: {set: {x-answer: of the rule}}}, corsPolicy: {
    allowOrigins: [{exact: "https://a.example"}, {prefix: "https://b."}, {regex: "https://[a-z]+\\\\.c\\\\.example"}],
    allowMethods: [GET, PUT], allowHeaders: [x-one, x-two], exposeHeaders: [x-three], maxAge: 1h, allowCredentials: true}},
  {name: cors-all, match: [{uri: {prefix: /cors/all}}], route: ${V1}, corsPolicy: {allowOrigins: [{exact: "*"}], allowMethods: ["*"],
    allowHeaders: ["*"], allowCredentials: false, maxAge: 0s, unmatchedPreflights: IGNORE}},
  {name: cors-strict, match: [{uri: {prefix: /cors/strict}}], route: ${V1}, corsPolicy: {allowOrigin: ["https://a.example"],
    allowMethods: [POST], exposeHeaders: ["*"], unmatchedPreflights: IGNORE}},
  {name: cors-abort, match: [{uri: {prefix: /cors/abort}}], fault: {abort: {httpStatus: 418, percentage: {value: 100}}}, route: ${V1},
    corsPolicy: {allowOrigins: [{exact: "https://a.example"}]}},
  {name: cors-nowhere, match: [{uri: {prefix: /cors/nowhere}}], route: [{destination: {host: echo, subset: v9}}],
    corsPolicy: {allowOrigins: [{exact: "https://a.example"}], allowCredentials: true}},
  {name: cors-slow, match: [{uri: {prefix: /cors/slow}}], timeout: 0.2s, route: ${V1}, corsPolicy: {allowOrigins: [{exact: "https://a.example"}]}},
  {name: cors-split, match: [{uri: {prefix: /cors/split}}], route: [{destination: {host: echo, subset: v1}, weight: 1}, {destination: {host: echo, subset: v1}, weight: 1}],
    corsPolicy: {allowOrigins: [{exact: "https://a.example"}]}},
  {name: cors-direct, match: [{uri: {prefix: /cors/direct}}], directResponse: {status: 200, body: {string: own}},
    corsPolicy: {allowOrigins: [{exact: "https://a.example"}]}},
  {name: cors-moved, match: [{uri: {prefix: /cors/moved}}], redirect: {uri: /there}, corsPolicy: {allowOrigins: [{exact: "https://a.example"}]}},
  {name: moved, match: [{uri: {prefix: /moved/}}], redirect: {uri: /there, authority: elsewhere.example, redirectCode: 308}},
  {name: secure, match: [{uri: {prefix: /secure}}], redirect: {scheme: https, port: 8443}},
  {name: abort-grpc, match: [{uri: {prefix: /abort/grpc}}], fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}, route: ${V1}},
  {name: abort, match: [{uri: {prefix: /abort}}], fault: {abort: {httpStatus: 418, percentage: {value: 100}}}, route: ${V1}},
  {name: delay, match: [{uri: {prefix: /delay}}], fault: {delay: {fixedDelay: 0.15s, percentage: {value: 100}}}, route: ${V1}},
  {name: slow, match: [{uri: {prefix: /slow}}], timeout: 0.3s, route: ${V1}},
  {name: tries, match: [{uri: {prefix: /tries}}], timeout: 2s, retries: {attempts: 2, perTryTimeout: 0.2s, retryOn: "5xx,reset"}, route: ${V1}},
  {name: mirrored, match: [{uri: {prefix: /mirrored}}], route: ${V1}, mirror: {host: echo, subset: v2}},
  {name: tester, match: [{headers: {end-user: {exact: jason}}}], route: ${V2}},
  {name: put, match: [{method: {exact: PUT}}], route: ${V2}},
  {name: no-subset, match: [{uri: {prefix: /nowhere}}], route: [{destination: {host: echo, subset: v9}}]},
  {name: split, match: [{uri: {prefix: /split}}], route: [
    {destination: {host: echo, subset: v1}, weight: 75},
    {destination: {host: echo, subset: v2}, weight: 25, headers: {response: {set: {x-canary: "1"}}}}]},
  {name: rest, match: [{uri: {prefix: /plain}}, {uri: {prefix: /deny}}, {uri: {prefix: /any}}, {uri: {prefix: /unless}}, {uri: {prefix: /query}}], route: ${V1}}]}`;

const SECURITY = "security.istio.io/v1";

const deny = (name: string, rule: string): string =>
  document(
    SECURITY,
    "AuthorizationPolicy",
    `{name: ${name}}`,
    `{selector: {matchLabels: {app: echo}}, action: DENY, rules: [${rule}]}`,
  );

const mtls = (metadata: string, spec: string): string => document(SECURITY, "PeerAuthentication", metadata, spec);

export const DOCUMENTS = [
  serviceOf("echo", ECHO, { VERSION: "v1" }),
  workloadOf("echo-v2", "echo", ECHO, { VERSION: "v2" }).replace("version: v1", "version: v2"),
  serviceOf("open", ECHO, { VERSION: "open" }),
  serviceOf("guarded", ECHO, { VERSION: "guarded" }),
  serviceOf("client", ECHO, { VERSION: "client" }),
  serviceOf("stranger", ECHO, { VERSION: "stranger" }),
  destinationRule(
    "echo",
    "{host: echo, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}, {name: v9, labels: {version: v9}}]}",
  ),
  virtualService("echo", RULES),
  mtls("{name: all, namespace: istio-system}", "{mtls: {mode: STRICT}}"),
  mtls("{name: open}", "{selector: {matchLabels: {app: open}}, mtls: {mode: PERMISSIVE}}"),
  deny("by-path", '{to: [{operation: {paths: ["/deny/*", "*/private"]}}]}'),
  deny("by-method", "{to: [{operation: {methods: [DELETE]}}]}"),
  deny("by-header", '{when: [{key: "request.headers[x-role]", values: ["guest*"]}]}'),
  deny("by-host", "{to: [{operation: {hosts: [renamed.example], paths: [/new/forbidden]}}]}"),
  deny("by-caller", '{from: [{source: {principals: ["*/sa/stranger"]}}], to: [{operation: {notPaths: [/any]}}]}'),
  document(
    SECURITY,
    "AuthorizationPolicy",
    "{name: guarded}",
    `{selector: {matchLabels: {app: guarded}}, action: ALLOW, rules: [
      {from: [{source: {principals: [cluster.local/ns/default/sa/client]}}], to: [{operation: {methods: [GET], paths: ["/v1/*"]}}]},
      {from: [{source: {namespaces: [default]}}], when: [{key: "request.headers[x-token]", values: [secret]}]}]}`,
  ),
].join("");
