/**
 * `expect` of a case: what shall become of its request. Each field that is written is an expectation of its own.
 *
 * @module
 */
import type { Expectation, ExpectedDestination, ExpectedFault, ExpectedRetries, Want } from "../model/config-test.ts";
import { OUTCOMES, TLS_KINDS } from "../model/config-test.ts";
import type { MeshSettings } from "../model/mesh.ts";
import { headerValue, isHeaderName, qualifiedHost } from "./names.ts";
import type { Fields, Node, Read } from "./node.ts";
import {
  anyText,
  choice,
  duration,
  durationOrZero,
  integer,
  MAX_INT32,
  number,
  port,
  someOf,
  text,
} from "./read-values.ts";
import { quote } from "./tree.ts";

const FIELDS = [
  "outcome",
  "status",
  "body",
  "redirect",
  "matchedRule",
  "destinations",
  "host",
  "port",
  "subset",
  "cluster",
  "workloads",
  "request",
  "response",
  "timeout",
  "retries",
  "fault",
  "mirrors",
  "policy",
  "tls",
] as const;

const REQUEST_FIELDS = ["path", "authority", "headers", "withoutHeaders"] as const;
const RESPONSE_FIELDS = ["headers", "withoutHeaders"] as const;

/** Fields of `expect`, as columns of a table name them; a header's name follows `headers.`. */
export const EXPECT_COLUMNS: readonly string[] = [
  ...FIELDS.filter((name) => name !== "request" && name !== "response"),
  ...REQUEST_FIELDS.map((name) => `request.${name}`),
  ...RESPONSE_FIELDS.map((name) => `response.${name}`),
].map((name) => `expect.${name}`);

/** Where names without a namespace are. */
interface Around {
  readonly namespace: string;
  readonly settings: MeshSettings;
}

export function expectations(around: Around): Read<readonly Expectation[]> {
  return (node) => {
    const fields = node.fields({ known: FIELDS });
    const found = [
      ...FIELDS.flatMap((name) => {
        const at = fields.at(name);
        return at === undefined || name === "request" || name === "response"
          ? []
          : [one(at, name, WANTS[name], around)];
      }),
      ...(fields.optional("request", seenRequest) ?? []),
      ...(fields.optional("response", seenResponse) ?? []),
    ];
    if (node.tree.t === "map" && node.tree.entries.size === 0) node.fail("must expect something");
    return found;
  };
}

type WantReader = (around: Around) => Read<Want>;

const one = (node: Node, field: string, want: WantReader, around: Around): Expectation => ({
  place: node.place,
  field: `expect.${field}`,
  want: want(around)(node),
});

const texts: Read<readonly string[]> = someOf(text);
const hostOf = ({ namespace, settings }: Around): Read<string> =>
  qualifiedHost(namespace, settings, { wildcard: false, address: false });

/** `name`, of the test's own namespace, or `namespace/name`. */
const namespaced =
  ({ namespace }: Around): Read<string> =>
  (node) => {
    const name = text(node);
    return name.includes("/") ? name : `${namespace}/${name}`;
  };

const WANTS: Readonly<Record<Exclude<(typeof FIELDS)[number], "request" | "response">, WantReader>> = {
  outcome: () => (n) => ({ t: "outcome", value: choice(OUTCOMES)(n) }),
  status: () => (n) => ({ t: "status", value: integer(100, 599)(n) }),
  body: () => (n) => ({ t: "body", value: anyText(n) }),
  redirect: () => (n) => ({ t: "redirect", value: text(n) }),
  matchedRule: () => (n) => ({ t: "matchedRule", value: text(n) }),
  destinations: (around) => (n) => ({ t: "destinations", values: someOf(destination(around))(n) }),
  host: (around) => (n) => ({ t: "host", value: hostOf(around)(n) }),
  port: () => (n) => ({ t: "port", value: port(n) }),
  subset: () => (n) => ({ t: "subset", value: anyText(n) }),
  cluster: () => (n) => ({ t: "cluster", value: text(n) }),
  workloads: () => (n) => ({ t: "workloads", values: texts(n) }),
  timeout: () => (n) => ({ t: "timeout", ms: durationOrZero(n) }),
  retries: () => (n) => ({ t: "retries", value: retries(n) }),
  fault: () => (n) => ({ t: "fault", value: fault(n) }),
  mirrors: (around) => (n) => ({ t: "mirrors", values: n.items().map(mirror(around)) }),
  policy: (around) => (n) => ({ t: "policy", value: namespaced(around)(n) }),
  tls: () => (n) => ({ t: "tls", value: choice(TLS_KINDS)(n) }),
};

const percent = number(0, 100);

const destination =
  (around: Around): Read<ExpectedDestination> =>
  (node) => {
    const fields = node.fields({ known: ["host", "subset", "port", "weight"] });
    return {
      host: fields.required("host", hostOf(around), ""),
      subset: fields.optional("subset", text),
      port: fields.optional("port", port),
      percent: fields.optional("weight", percent),
    };
  };

const mirror =
  (around: Around): Read<ExpectedDestination> =>
  (node) => {
    const fields = node.fields({ known: ["host", "subset", "percentage"] });
    return {
      host: fields.required("host", hostOf(around), ""),
      subset: fields.optional("subset", text),
      port: undefined,
      percent: fields.optional("percentage", percent),
    };
  };

function retries(node: Node): ExpectedRetries {
  const fields = node.fields({ known: ["attempts", "perTryTimeout", "retryOn"] });
  fields.oneOrMoreOf(["attempts", "perTryTimeout", "retryOn"]);
  return {
    attempts: fields.optional("attempts", integer(0, MAX_INT32)),
    perTryTimeoutMs: fields.optional("perTryTimeout", duration),
    retryOn: fields.optional("retryOn", text)?.split(/\s*,\s*/),
  };
}

/** `{}`: none. */
function fault(node: Node): ExpectedFault {
  const fields = node.fields({ known: ["delay", "abort"] });
  return { delay: fields.optional("delay", delay), abort: fields.optional("abort", abort) };
}

function delay(node: Node): ExpectedFault["delay"] {
  const fields = node.fields({ known: ["fixedDelay", "percentage"] });
  return {
    fixedDelayMs: fields.required("fixedDelay", duration, 1),
    percentage: fields.optional("percentage", percent) ?? 100,
  };
}

function abort(node: Node): ExpectedFault["abort"] {
  const fields = node.fields({ known: ["httpStatus", "grpcStatus", "percentage"] });
  if (fields.has("httpStatus") === fields.has("grpcStatus") && node.tree.t === "map")
    node.fail("must have one of httpStatus, grpcStatus");
  return {
    httpStatus: fields.optional("httpStatus", integer(200, 599)),
    grpcStatus: fields.optional("grpcStatus", integer(0, 16)),
    percentage: fields.optional("percentage", percent) ?? 100,
  };
}

function seenRequest(node: Node): readonly Expectation[] {
  const fields = node.fields({ known: REQUEST_FIELDS });
  fields.oneOrMoreOf(REQUEST_FIELDS);
  const whole = (["path", "authority"] as const).flatMap((t) =>
    fields.has(t) ? [{ ...at(fields, t), want: { t, value: fields.required(t, text, "") } }] : [],
  );
  return [...whole, ...headers(fields, "request", "requestHeader")];
}

function seenResponse(node: Node): readonly Expectation[] {
  const fields = node.fields({ known: RESPONSE_FIELDS });
  fields.oneOrMoreOf(RESPONSE_FIELDS);
  return headers(fields, "response", "responseHeader");
}

const at = <K extends string>(fields: Fields<K>, name: K): Pick<Expectation, "place" | "field"> => ({
  place: fields.at(name)?.place ?? fields.node.place,
  field: `expect.request.${name}`,
});

function headers(
  fields: Fields<"headers" | "withoutHeaders">,
  side: "request" | "response",
  t: "requestHeader" | "responseHeader",
): readonly Expectation[] {
  const there = (fields.at("headers")?.entries() ?? []).map(([key, node]): Expectation => {
    if (!isHeaderName(key)) node.failAtKey(`${quote(key)} is not a header name`);
    const want = { t, name: key.toLowerCase(), value: headerValue(node) } as const;
    return { place: node.place, field: `expect.${side}.headers.${key}`, want };
  });
  const gone = (fields.at("withoutHeaders")?.items() ?? []).map((node): Expectation => {
    const name = text(node);
    if (name !== "" && !isHeaderName(name)) node.fail(`${quote(name)} is not a header name`);
    return {
      place: node.place,
      field: `expect.${side}.withoutHeaders`,
      want: { t, name: name.toLowerCase(), value: undefined },
    };
  });
  return [...there, ...gone];
}
