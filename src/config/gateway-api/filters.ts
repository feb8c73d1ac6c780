/**
 * Filters of HTTPRoute and GRPCRoute, of a rule or of one backend.
 *
 * @module
 */
import type {
  RequestMirror,
  RequestRedirect,
  RouteFilters,
  UnsupportedFilter,
  UrlRewrite,
} from "../../model/gateway-api/route.ts";
import { type CorsPolicy, type HeaderOperations, noHeaderEdits } from "../../model/virtual-service.ts";
import type { Fields, Node, Read } from "../node.ts";
import { choice, integer, port } from "../read-values.ts";
import { corsFilter } from "./cors.ts";
import { headerModifier } from "./header-modifier.ts";
import { listOf } from "./lists.ts";
import { preciseHostname } from "./names.ts";
import { pathModifier } from "./path-modifier.ts";
import { BACKEND_FIELDS, backendFields, fieldPlace } from "./references.ts";
import { extensionRef, externalAuth } from "./unsupported-filter.ts";

const FIELD_OF = {
  RequestHeaderModifier: "requestHeaderModifier",
  ResponseHeaderModifier: "responseHeaderModifier",
  RequestRedirect: "requestRedirect",
  URLRewrite: "urlRewrite",
  RequestMirror: "requestMirror",
  CORS: "cors",
  ExtensionRef: "extensionRef",
  ExternalAuth: "externalAuth",
} as const;

type FilterType = keyof typeof FIELD_OF;

export const GRPC_FILTERS = [
  "RequestHeaderModifier",
  "ResponseHeaderModifier",
  "RequestMirror",
  "ExtensionRef",
] as const;
export const HTTP_FILTERS = [...GRPC_FILTERS, "RequestRedirect", "URLRewrite", "CORS", "ExternalAuth"] as const;
/** May stand more than once. */
const REPEATABLE: readonly FilterType[] = ["RequestMirror", "ExtensionRef"];

export const noFilters: RouteFilters = {
  headers: noHeaderEdits,
  redirect: undefined,
  rewrite: undefined,
  mirrors: [],
  cors: undefined,
  unsupported: [],
};

/** What one item of the list says. */
interface Filter {
  readonly t: FilterType;
  readonly request?: HeaderOperations;
  readonly response?: HeaderOperations;
  readonly redirect?: RequestRedirect;
  readonly rewrite?: UrlRewrite;
  readonly mirror?: RequestMirror;
  readonly cors?: CorsPolicy;
  readonly unsupported?: UnsupportedFilter;
}

/** @param types That the kind of route has. */
export const filters =
  (namespace: string, types: readonly FilterType[]): Read<RouteFilters> =>
  (node) => {
    const list = listOf(filter(namespace, types), {
      max: 16,
      key: (f) => (f === undefined || REPEATABLE.includes(f.t) ? undefined : f.t),
    });
    const read = list(node).filter((f) => f !== undefined);
    // Each stands once.
    const { request, response, redirect, rewrite, cors }: Partial<Filter> = Object.assign({}, ...read);
    if (redirect !== undefined && rewrite !== undefined)
      node.fail("a RequestRedirect and a URLRewrite cannot stand beside each other");
    return {
      headers: { request: request ?? noHeaderEdits.request, response: response ?? noHeaderEdits.response },
      redirect,
      rewrite,
      mirrors: read.flatMap(({ mirror }) => mirror ?? []),
      cors,
      unsupported: read.flatMap(({ unsupported }) => unsupported ?? []),
    };
  };

type FilterFields = Fields<"type" | (typeof FIELD_OF)[FilterType]>;

const filter =
  (namespace: string, types: readonly FilterType[]): Read<Filter | undefined> =>
  (node) => {
    const known = Object.values(FIELD_OF);
    const fields = node.fields({ known: ["type", ...known] });
    const [first = "ExtensionRef"] = types;
    const t = fields.required("type", choice(types), first);
    const wanted = FIELD_OF[t];
    for (const name of known) if (name !== wanted) fields.at(name)?.failAtKey(`cannot stand beside the type ${t}`);
    if (!fields.has(wanted)) {
      node.fail(`field "${wanted}" is missing: the type is ${t}`);
      return undefined;
    }
    return valueOf(t, fields, namespace);
  };

function valueOf(t: FilterType, fields: FilterFields, namespace: string): Filter | undefined {
  const at = fields.at(FIELD_OF[t]);
  if (at === undefined) return undefined;
  switch (t) {
    case "RequestHeaderModifier":
      return { t, request: headerModifier(at) };
    case "ResponseHeaderModifier":
      return { t, response: headerModifier(at) };
    case "RequestRedirect":
      return { t, redirect: requestRedirect(at) };
    case "URLRewrite":
      return { t, rewrite: urlRewrite(at) };
    case "RequestMirror":
      return { t, mirror: requestMirror(at, namespace) };
    case "CORS":
      return { t, cors: corsFilter(at) };
    case "ExtensionRef":
      return { t, unsupported: extensionRef(at, namespace) };
    case "ExternalAuth":
      return { t, unsupported: externalAuth(at, namespace) };
  }
}

const REDIRECT_CODES = [301, 302, 303, 307, 308] as const;

function requestRedirect(node: Node): RequestRedirect {
  const fields = node.fields({ known: ["scheme", "hostname", "path", "port", "statusCode"] });
  return {
    at: fieldPlace(node),
    scheme: fields.optional("scheme", choice(["http", "https"])),
    hostname: fields.optional("hostname", preciseHostname),
    path: fields.optional("path", pathModifier),
    port: fields.optional("port", port),
    statusCode: fields.optional("statusCode", redirectCode) ?? 302,
  };
}

function redirectCode(node: Node): RequestRedirect["statusCode"] {
  const value = node.tree.t === "scalar" ? node.tree.value : undefined;
  const code = REDIRECT_CODES.find((c) => c === value);
  if (code === undefined) node.mustBe(`one of ${REDIRECT_CODES.join(", ")}`);
  return code ?? 302;
}

function urlRewrite(node: Node): UrlRewrite {
  const fields = node.fields({ known: ["hostname", "path"] });
  return {
    at: fieldPlace(node),
    hostname: fields.optional("hostname", preciseHostname),
    path: fields.optional("path", pathModifier),
  };
}

function requestMirror(node: Node, namespace: string): RequestMirror {
  const fields = node.fields({ known: ["backendRef", "percent", "fraction"] });
  const nobody = { at: fieldPlace(node), group: "", kind: "", namespace, name: "", port: undefined };
  const backend = (n: Node) => backendFields(n.fields({ known: BACKEND_FIELDS }), namespace);
  if (fields.has("percent")) fields.at("fraction")?.failAtKey("cannot stand beside percent");
  return {
    ref: fields.required("backendRef", backend, nobody),
    percentage: fields.optional("percent", integer(0, 100)) ?? fields.optional("fraction", fraction) ?? 100,
  };
}

const MAX_PARTS = 2 ** 31 - 1;

/** In percent. */
function fraction(node: Node): number {
  const fields = node.fields({ known: ["numerator", "denominator"] });
  const numerator = fields.required("numerator", integer(0, MAX_PARTS), 0);
  const denominator = fields.optional("denominator", integer(1, MAX_PARTS)) ?? 100;
  if (numerator > denominator) node.fail(`numerator may be ${denominator}, the denominator, found ${numerator}`);
  return (100 * numerator) / denominator;
}
