/**
 * GRPCRoute.
 *
 * @module
 */
import type { GrpcRoute, GrpcRouteMatch, GrpcRouteRule } from "../../model/gateway-api/route.ts";
import { type DocumentBody, specFields } from "../document.ts";
import type { Node, Read } from "../node.ts";
import { choice, textThat } from "../read-values.ts";
import { regex } from "../regex.ts";
import { filters, GRPC_FILTERS, noFilters } from "./filters.ts";
import { httpBackend } from "./http-route.ts";
import { listOf } from "./lists.ts";
import { sectionName } from "./names.ts";
import { fieldPlace, objectMeta } from "./references.ts";
import { checkSession, hostnames, parents, rules } from "./route.ts";
import { sessionPersistence } from "./session-persistence.ts";
import { headerMatches } from "./value-match.ts";

export function readGrpcRoute(body: DocumentBody): GrpcRoute {
  const { namespace } = body.metadata;
  const spec = specFields(body, ["parentRefs", "hostnames", "rules"], ["useDefaultGateways"]);
  return {
    t: "GRPCRoute",
    meta: objectMeta(body),
    parents: spec.optional("parentRefs", parents(namespace)) ?? [],
    hostnames: spec.optional("hostnames", hostnames) ?? [],
    rules: spec.optional("rules", rules(rule(namespace), 16)) ?? [],
  };
}

const EVERY_METHOD: GrpcRouteMatch["method"] = { t: "Exact", service: undefined, method: undefined };

const rule =
  (namespace: string): Read<GrpcRouteRule> =>
  (node) => {
    const fields = node.fields({ known: ["name", "matches", "filters", "backendRefs", "sessionPersistence"] });
    const matches = fields.optional("matches", listOf(grpcMatch, { max: 64 })) ?? [];
    const every = [{ at: fieldPlace(node), method: EVERY_METHOD, headers: {} }];
    const read: GrpcRouteRule = {
      at: fieldPlace(node),
      name: fields.optional("name", sectionName),
      matches: matches.length > 0 ? matches : every,
      filters: fields.optional("filters", filters(namespace, GRPC_FILTERS)) ?? noFilters,
      backends: fields.optional("backendRefs", listOf(httpBackend(namespace, GRPC_FILTERS), { max: 16 })) ?? [],
      sessionPersistence: fields.optional("sessionPersistence", sessionPersistence),
    };
    checkSession(read, fields.at("sessionPersistence"));
    return read;
  };

function grpcMatch(node: Node): GrpcRouteMatch {
  const fields = node.fields({ known: ["method", "headers"] });
  return {
    at: fieldPlace(node),
    method: fields.optional("method", methodMatch) ?? EVERY_METHOD,
    headers: fields.optional("headers", headerMatches) ?? {},
  };
}

const serviceName = textThat(
  (v) => v.length <= 1024 && /^[a-zA-Z_]\w*(\.[a-zA-Z_]\w*)*$/.test(v),
  "a service's full name, such as helloworld.Greeter",
);
const methodName = textThat((v) => v.length <= 1024 && /^[A-Za-z_]\w*$/.test(v), "a method's name, such as SayHello");

function methodMatch(node: Node): GrpcRouteMatch["method"] {
  const fields = node.fields({ known: ["type", "service", "method"] });
  const t = fields.optional("type", choice(["Exact", "RegularExpression"])) ?? "Exact";
  fields.oneOrMoreOf(["service", "method"]);
  return {
    t,
    service: fields.optional("service", t === "Exact" ? serviceName : regex),
    method: fields.optional("method", t === "Exact" ? methodName : regex),
  };
}
