/**
 * Comparisons about who sees what: delegates, exportTo, whose calls a rule is for, whose a DestinationRule.
 *
 * The client is `app: client, version: v1` of the namespace `default`, as the services are.
 *
 * @module
 */
import { type Ask, type Case, TARGET_PORT } from "./comparison.ts";
import { documentsOf } from "./rig/document.ts";

const ask = (path: string, headers: Readonly<Record<string, string>> = {}): Ask => ({
  port: 0,
  method: "GET",
  body: "",
  path,
  headers: Object.entries(headers),
});

const document = (kind: string, name: string, spec: string, namespace = "default"): string =>
  `---\napiVersion: networking.istio.io/v1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}\n`;

const SUBSETS =
  "subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}, {name: v3, labels: {version: v3}}]";
const FQDN = "HOST.default.svc.cluster.local";
const subsets = document("DestinationRule", "HOST", `{host: HOST, ${SUBSETS}}`);
const to = (subset: string): string => `route: [{destination: {host: ${FQDN}, subset: ${subset}}}]`;
const virtualService = (http: string, more = "", name = "HOST", namespace = "default"): string =>
  document("VirtualService", name, `{hosts: [${FQDN}], http: ${http}${more}}`, namespace);
const part = (http: string, more = "", namespace = "default"): string =>
  document("VirtualService", "HOST-part", `{http: ${http}${more}}`, namespace);

const compared = (what: string, texts: readonly string[], asks: readonly Ask[]): Case => ({
  what,
  documents: documentsOf([subsets, ...texts].join("")),
  asks,
});

/** With the same requests of a caller of another namespace and with other labels. */
const byBoth = (of: Case): Case => ({
  ...of,
  asks: [...of.asks, ...of.asks.map((it): Ask => ({ ...it, caller: "guest", host: it.host ?? FQDN }))],
});

const paths = ["/", "/a", "/a/b", "/a/b/c", "/b", "/x"].map((path) => ask(path));
const HEADERS = [
  ask("/a"),
  ask("/a", { x: "1" }),
  ask("/a", { x: "12" }),
  ask("/a", { y: "1" }),
  ask("/a", { x: "1", y: "1" }),
];
const DELEGATE = "delegate: {name: HOST-part}";
const rest = `{${to("v3")}}`;

/** A root's match and its delegate's, and requests about them. */
const delegated = (root: string, leaf: string, asks: readonly Ask[] = paths): Case =>
  compared(
    `a delegate's match ${leaf} under ${root}`,
    [
      virtualService(`[{name: root, match: [${root}], ${DELEGATE}}, ${rest}]`),
      part(`[{name: part, match: [${leaf}], ${to("v1")}}, {${to("v2")}}]`),
    ],
    asks,
  );

/** A service that rules reach by its name and by a wildcard. */
const OUTSIDE = document(
  "ServiceEntry",
  "HOST",
  `{hosts: [a.HOST.example], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP, targetPort: ${TARGET_PORT}}], endpoints: [{address: 127.0.10.3}]}`,
);

const CASES: readonly Case[] = [
  delegated("{uri: {prefix: /a}}", "{uri: {prefix: /a/b}}"),
  delegated("{uri: {prefix: /a}}", "{uri: {exact: /a}}"),
  delegated("{uri: {prefix: /a/b}}", "{uri: {prefix: /a}}"),
  delegated("{uri: {exact: /a}}", "{uri: {prefix: /a}}"),
  delegated("{uri: {exact: /a}}", "{uri: {exact: /a}}"),
  delegated("{uri: {regex: '/a.*'}}", "{uri: {prefix: /a}}"),
  delegated("{uri: {regex: '/a.*'}}", "{headers: {x: {exact: '1'}}}", HEADERS),
  delegated("{uri: {prefix: /a}}, {uri: {prefix: /b}}", "{uri: {prefix: /a/b}}, {uri: {exact: /b}}"),
  delegated("{uri: {prefix: /a}}, {uri: {prefix: /b}}", "{headers: {x: {exact: '1'}}}", [
    ...HEADERS,
    ask("/b", { x: "1" }),
  ]),
  delegated("{headers: {x: {prefix: '1'}}}", "{headers: {x: {exact: '12'}}}", HEADERS),
  delegated("{headers: {x: {exact: '1'}}}", "{headers: {y: {exact: '1'}}}", HEADERS),
  delegated("{headers: {x: {}}}", "{headers: {x: {exact: '1'}}}", HEADERS),
  delegated("{headers: {x: {exact: '1'}}}", "{withoutHeaders: {y: {}}}", HEADERS),
  delegated("{withoutHeaders: {y: {}}}", "{uri: {prefix: /a}}", HEADERS),
  delegated("{uri: {prefix: /A}, ignoreUriCase: true}", "{uri: {prefix: /a}}"),
  delegated("{uri: {prefix: /A}, ignoreUriCase: true}", "{uri: {prefix: /A/b}, ignoreUriCase: true}"),
  delegated("{method: {exact: GET}}", "{uri: {prefix: /a}}"),
  delegated("{method: {exact: POST}}", "{method: {exact: GET}}"),
  delegated("{sourceLabels: {app: client}}", "{uri: {prefix: /a}}"),
  delegated("{sourceLabels: {app: other}}", "{uri: {prefix: /a}}"),
  delegated("{sourceNamespace: default}", "{sourceNamespace: default, uri: {prefix: /a}}"),
  delegated("{sourceNamespace: default}", "{uri: {prefix: /a}}"),
  compared(
    "what a delegate does not say",
    [
      virtualService(
        `[{name: root, match: [{name: m, uri: {prefix: /a}}], ${DELEGATE}, timeout: 5s, headers: {request: {set: {x-root: "1"}}, response: {set: {x-back: root}}}, rewrite: {uri: /root}}, ${rest}]`,
      ),
      part(
        `[{name: one, match: [{name: n, uri: {prefix: /a/b}}], ${to("v1")}}, {headers: {response: {set: {x-back: part}}}, rewrite: {uri: /part}, ${to("v2")}}]`,
      ),
    ],
    paths,
  ),
  compared(
    "a delegate that answers, and one that redirects",
    [
      virtualService(
        `[{match: [{uri: {prefix: /a}}], ${DELEGATE}, headers: {response: {set: {x-back: root}}}}, ${rest}]`,
      ),
      part(`[{match: [{uri: {prefix: /a/b}}], directResponse: {status: 418}}, {redirect: {uri: /elsewhere}}]`),
    ],
    paths,
  ),
  compared(
    "a delegate of another namespace",
    [
      virtualService(`[{match: [{uri: {prefix: /a}}], delegate: {name: HOST-part, namespace: other}}, ${rest}]`),
      part(`[{${to("v1")}}]`, "", "other"),
    ],
    paths,
  ),
  compared(
    "a delegate that is not exported",
    [
      virtualService(`[{match: [{uri: {prefix: /a}}], delegate: {name: HOST-part, namespace: other}}, ${rest}]`),
      part(`[{${to("v1")}}]`, ", exportTo: ['.']", "other"),
    ],
    paths,
  ),
  compared(
    "a delegate that is exported to the root's namespace",
    [
      virtualService(`[{match: [{uri: {prefix: /a}}], delegate: {name: HOST-part, namespace: other}}, ${rest}]`),
      part(`[{${to("v1")}}]`, ", exportTo: [default]", "other"),
    ],
    paths,
  ),
  compared(
    "a delegate that is not there",
    [virtualService(`[{match: [{uri: {prefix: /a}}], ${DELEGATE}}, ${rest}]`)],
    paths,
  ),
  compared(
    "a delegate that has hosts",
    [
      virtualService(`[{match: [{uri: {prefix: /a}}], ${DELEGATE}}, ${rest}]`),
      document("VirtualService", "HOST-part", `{hosts: [HOST.example], http: [{${to("v1")}}]}`),
    ],
    paths,
  ),
  ...["['.']", "[default]", "['*']", "[other]"].flatMap((exportTo) => [
    compared(
      `exportTo ${exportTo} beside a rule that all see`,
      [
        virtualService(`[{${to("v1")}}]`, `, exportTo: ${exportTo}`, "HOST-zz"),
        virtualService(`[{${to("v2")}}]`, ", exportTo: ['.']", "HOST-own", "other"),
      ],
      [ask("/")],
    ),
  ]),
  compared(
    "a rule that another namespace exports to the caller's",
    [
      virtualService(`[{${to("v1")}}]`),
      virtualService(`[{${to("v2")}}]`, ", exportTo: [default]", "HOST-given", "other"),
    ],
    [ask("/")],
  ),
  compared(
    "a rule that another namespace keeps for itself",
    [virtualService(`[{${to("v1")}}]`), virtualService(`[{${to("v2")}}]`, ", exportTo: ['.']", "HOST-kept", "other")],
    [ask("/")],
  ),
  ...[
    "{sourceLabels: {app: client}}",
    "{sourceLabels: {app: client, version: v1}}",
    "{sourceLabels: {app: client, version: v2}}",
    "{sourceLabels: {app: other}, gateways: [mesh]}",
    "{sourceNamespace: default}",
    "{sourceNamespace: other}",
    "{sourceNamespace: other, gateways: [mesh]}",
    "{sourceNamespace: default, sourceLabels: {app: client}, uri: {prefix: /a}}",
  ].map((match) =>
    compared(
      `whose calls: ${match}`,
      [virtualService(`[{match: [${match}], ${to("v1")}}, ${rest}]`)],
      [ask("/"), ask("/a")],
    ),
  ),
  compared(
    "rules for others alone",
    [virtualService(`[{match: [{sourceLabels: {app: other}}], ${to("v1")}}]`)],
    [ask("/")],
  ),
  ...["{sourceLabels: {app: other}}", "{sourceNamespace: other}", "{port: 1}", "{sourceNamespace: default}"].map(
    (match) =>
      compared(
        `two rules for the host, the first for ${match}`,
        [virtualService(`[{match: [${match}], ${to("v1")}}]`), virtualService(`[{${to("v2")}}]`, "", "HOST-zz")],
        [ask("/")],
      ),
  ),
  ...["{sourceNamespace: other}", "{sourceNamespace: default}"].map((match) =>
    compared(
      `a rule for ${match} beside one for a wildcard`,
      [
        OUTSIDE,
        document("VirtualService", "HOST", `{hosts: [a.HOST.example], http: [{match: [${match}], ${to("v1")}}]}`),
        document("VirtualService", "HOST-zz", `{hosts: ["*.HOST.example"], http: [{${to("v2")}}]}`),
      ],
      [ask("/"), { ...ask("/"), host: "a.HOST.example" }],
    ),
  ),
  ...[
    ["{matchLabels: {app: client}}", "", ""],
    ["{matchLabels: {app: other}}", "", ""],
    ["{matchLabels: {app: guest}}", "", ""],
  ].map(([selector = ""]) => ({
    what: `a DestinationRule for ${selector}`,
    documents: documentsOf(
      [
        document(
          "DestinationRule",
          "HOST",
          `{host: HOST, workloadSelector: ${selector}, subsets: [{name: v1, labels: {version: v1}}]}`,
        ),
        document(
          "DestinationRule",
          "HOST-all",
          "{host: HOST, subsets: [{name: v1, labels: {version: v2}}, {name: v3, labels: {version: v3}}]}",
        ),
        virtualService(`[{match: [{uri: {prefix: /a}}], ${to("v1")}}, ${rest}]`),
      ].join(""),
    ),
    asks: [ask("/"), ask("/a")],
  })),
  ...["", ", exportTo: ['.']", ", exportTo: [default]", ", exportTo: [other]"].map((exportTo) => ({
    what: `a DestinationRule of the root namespace${exportTo}`,
    documents: documentsOf(
      [
        document("DestinationRule", "HOST-root", `{host: ${FQDN}, ${SUBSETS}${exportTo}}`, "istio-system"),
        virtualService(`[{${to("v1")}}]`),
      ].join(""),
    ),
    asks: [ask("/")],
  })),
  ...["", ", exportTo: [other]"].map((exportTo) => ({
    what: `DestinationRules of the root namespace and of the own${exportTo}`,
    documents: documentsOf(
      [
        document(
          "DestinationRule",
          "HOST-root",
          `{host: ${FQDN}, subsets: [{name: v1, labels: {version: v2}}]}`,
          "istio-system",
        ),
        document("DestinationRule", "HOST", `{host: HOST, ${SUBSETS}${exportTo}}`),
        virtualService(`[{${to("v1")}}]`),
      ].join(""),
    ),
    asks: [ask("/")],
  })),
];

export const VISIBILITY: readonly Case[] = CASES.map(byBoth);
