/**
 * AuthorizationPolicies of Istio's tests to the model, more leniently than `config/` reads documents: what the model does not carry
 * is left out and named, and header names need not be those that a person may write.
 *
 * @module
 */
import { parseAllDocuments } from "yaml";
import type { Place } from "../../src/base/problem.ts";
import type { StringMatch } from "../../src/model/match.ts";
import type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationPolicy,
  AuthorizationRule,
  AuthorizationSource,
} from "../../src/model/security.ts";
import { starPattern } from "../../src/translate/string-matcher.ts";

export interface ReadPolicies {
  readonly policies: readonly AuthorizationPolicy[];
  /** Fields that the model does not carry and that stand beside others. */
  readonly leftOut: readonly string[];
  /** Why the whole cannot be carried. */
  readonly refused: string | undefined;
}

type Lists = Readonly<Record<string, readonly string[]>>;
interface Rule {
  readonly from?: readonly { readonly source: Lists }[];
  readonly to?: readonly { readonly operation: Lists }[];
  readonly when?: readonly {
    readonly key: string;
    readonly values?: readonly string[];
    readonly notValues?: readonly string[];
  }[];
}
interface PolicyDocument {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly action?: string;
    readonly rules?: readonly Rule[];
  };
}

const TOKENS = /^(requestPrincipals|notRequestPrincipals|request\.auth\..*|experimental\..*)$/;
const CARRIED =
  /^(principals|notPrincipals|namespaces|notNamespaces|ipBlocks|notIpBlocks|remoteIpBlocks|notRemoteIpBlocks|trustDomains|notTrustDomains)$/;
const nowhere: Place = { file: "case.yaml", line: 1, column: 1 };

export function readPolicies(text: string): ReadPolicies {
  const documents = parseAllDocuments(text).flatMap((d) => (d.contents === null ? [] : [d.toJS() as PolicyDocument]));
  const rules = documents.flatMap((d) => d.spec?.rules ?? []);
  const used = [
    ...rules.flatMap((r) => (r.from ?? []).flatMap((f) => Object.keys(f.source))),
    ...rules.flatMap((r) => (r.when ?? []).map((w) => w.key)),
  ];
  const action = documents.map((d) => d.spec?.action ?? "ALLOW").find((a) => a !== "ALLOW" && a !== "DENY");
  const field = rules
    .flatMap((r) => (r.from ?? []).flatMap((f) => Object.keys(f.source)))
    .find((name) => !CARRIED.test(name) && !TOKENS.test(name));
  const refused = action === undefined ? field : `action ${action}`;
  return {
    policies: documents.map(policy),
    leftOut: used.filter((name) => TOKENS.test(name)),
    refused: refused && `${refused} is not carried`,
  };
}

const policy = ({ metadata, spec }: PolicyDocument): AuthorizationPolicy => ({
  origin: {
    kind: "AuthorizationPolicy",
    namespace: metadata.namespace,
    name: metadata.name,
    place: nowhere,
    createdAtMs: undefined,
  },
  selector: spec?.selector?.matchLabels,
  action: spec?.action === "DENY" ? "DENY" : "ALLOW",
  serviceAccount: undefined,
  dryRun: metadata.annotations?.["istio.io/dry-run"] === "true",
  rules: (spec?.rules ?? []).map(rule),
});

const rule = ({ from = [], to = [], when = [] }: Rule): AuthorizationRule => ({
  place: nowhere,
  from: from.map(({ source: s }) => source(s)),
  to: to.map(({ operation: o }) => operation(o)),
  when: when.filter((w) => !TOKENS.test(w.key)).map(condition),
});

const matches = (list: readonly string[] = []): readonly StringMatch[] => list.map(starPattern);

const source = (s: Lists): AuthorizationSource => ({
  principals: matches(s["principals"]),
  notPrincipals: matches(s["notPrincipals"]),
  namespaces: matches(s["namespaces"]),
  notNamespaces: matches(s["notNamespaces"]),
  ipBlocks: s["ipBlocks"] ?? [],
  notIpBlocks: s["notIpBlocks"] ?? [],
  remoteIpBlocks: s["remoteIpBlocks"] ?? [],
  notRemoteIpBlocks: s["notRemoteIpBlocks"] ?? [],
  trustDomains: matches(s["trustDomains"]),
  notTrustDomains: matches(s["notTrustDomains"]),
});

const operation = (o: Lists): AuthorizationOperation => ({
  hosts: matches(o["hosts"]),
  notHosts: matches(o["notHosts"]),
  ports: (o["ports"] ?? []).map(Number),
  notPorts: (o["notPorts"] ?? []).map(Number),
  methods: matches(o["methods"]),
  notMethods: matches(o["notMethods"]),
  paths: matches(o["paths"]),
  notPaths: matches(o["notPaths"]),
  headers: {},
});

const condition = (w: NonNullable<Rule["when"]>[number]): AuthorizationCondition => ({
  key: w.key,
  values: w.values ?? [],
  notValues: w.notValues ?? [],
});
