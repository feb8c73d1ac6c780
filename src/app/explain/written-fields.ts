/**
 * Which field of a document asks for what the engine looks at.
 *
 * @module
 */
import { pathStep } from "../../config/tree.ts";
import type { GrpcRouteMatch, HttpRouteMatch } from "../../model/gateway-api/route.ts";
import type { StringMatch } from "../../model/match.ts";
import type { HttpMatch } from "../../model/virtual-service.ts";

export interface WrittenField {
  /** Below the match: `uri.prefix`, `headers.end-user.exact`. */
  readonly field: string;
  /** Undefined: any value. */
  readonly value: string | undefined;
  /** What of a request it is about. */
  readonly noun: string;
  /** `in any case`, after the value. */
  readonly more?: string;
}

/** What the engine looked at. */
export interface Asked {
  readonly kind: "path" | "header" | "query";
  /** Of the header, in lower case and with its colon, or of the parameter. */
  readonly name: string;
  /** It must not be so. */
  readonly inverted: boolean;
}

/** Undefined for what the document does not write. */
export type FieldOf = (asked: Asked) => WrittenField | undefined;

type Matches = Readonly<Record<string, StringMatch>>;

/** Of one header both may be asked: what is inverted stands under withoutHeaders. */
export const virtualServiceField =
  (match: HttpMatch): FieldOf =>
  ({ kind, name, inverted }) => {
    if (kind === "path") {
      const found = whole("uri", match.uri, "path");
      return match.ignoreUriCase ? found && { ...found, more: " in any case" } : found;
    }
    if (kind === "query") return keyed("queryParams", match.queryParams, name, "parameter");
    const pseudo = PSEUDO[name];
    const own = pseudo && whole(pseudo.field, match[pseudo.field], pseudo.noun);
    if (own !== undefined) return own;
    return inverted
      ? keyed("withoutHeaders", match.withoutHeaders, name, "header")
      : keyed("headers", match.headers, name, "header");
  };

const PSEUDO: Readonly<Record<string, { readonly field: "method" | "authority" | "scheme"; readonly noun: string }>> = {
  ":method": { field: "method", noun: "method" },
  ":authority": { field: "authority", noun: "host" },
  ":scheme": { field: "scheme", noun: "scheme" },
};

export const httpRouteField =
  ({ path, method, headers, queryParams }: HttpRouteMatch): FieldOf =>
  ({ kind, name }) => {
    if (kind === "path") {
      const takesAll = path.t === "PathPrefix" && path.value === "/";
      return takesAll ? undefined : { field: "path", value: `${path.t} ${path.value}`, noun: "path" };
    }
    if (kind === "query") return listed("queryParams", queryParams, name, "parameter");
    if (name === ":method")
      return method === undefined ? undefined : { field: "method", value: method, noun: "method" };
    return listed("headers", headers, name, "header");
  };

export const grpcRouteField =
  ({ method: { t, service, method }, headers }: GrpcRouteMatch): FieldOf =>
  ({ kind, name }) => {
    if (kind === "header") return listed("headers", headers, name, "header");
    if (kind === "query" || (service === undefined && method === undefined)) return undefined;
    return { field: "method", value: `${t} ${service ?? "*"}/${method ?? "*"}`, noun: "path" };
  };

const whole = (field: string, match: StringMatch | undefined, noun: string): WrittenField | undefined =>
  match &&
  (match.t === "present"
    ? { field, value: undefined, noun }
    : { field: `${field}.${match.t}`, value: match.value, noun });

function keyed(field: string, all: Matches, name: string, noun: string): WrittenField | undefined {
  return Object.hasOwn(all, name) ? whole(`${field}${pathStep(name)}`, all[name], noun) : undefined;
}

/** In a list of names and values. An expression is told as what it is. */
function listed(field: string, all: Matches, name: string, noun: string): WrittenField | undefined {
  const match = Object.hasOwn(all, name) ? all[name] : undefined;
  if (match === undefined) return undefined;
  const value = match.t === "present" ? undefined : match.value;
  const how = match.t === "regex" ? "RegularExpression " : "";
  return { field: `${field}${pathStep(name)}`, value: value === undefined ? undefined : `${how}${value}`, noun };
}
