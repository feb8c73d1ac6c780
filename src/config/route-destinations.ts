/**
 * `route` of an http rule: where calls go, by weight.
 *
 * Weights are relative, as in Istio: they need not sum to 100. One destination alone gets everything, whatever its weight;
 * among several, one without a weight gets nothing.
 *
 * @module
 */
import type { MeshSettings } from "../model/mesh.ts";
import { type ConnectionDestination, noHeaderEdits, type WeightedDestination } from "../model/virtual-service.ts";
import { headerEdits } from "./header-edits.ts";
import { qualifiedHost, subsetName } from "./names.ts";
import type { Node, Read } from "./node.ts";
import { integer, MAX_INT32, MAX_UINT32, port } from "./read-values.ts";

const WHOLE = 100;

export function routeDestinations(namespace: string, settings: MeshSettings): Read<readonly WeightedDestination[]> {
  return destinations(namespace, settings, ["destination", "weight", "headers"]);
}

/** `route` of a tls or tcp rule: there are no headers. */
export function connectionDestinations(
  namespace: string,
  settings: MeshSettings,
): Read<readonly ConnectionDestination[]> {
  return destinations(namespace, settings, ["destination", "weight"]);
}

type Field = "destination" | "weight" | "headers";

function destinations(
  namespace: string,
  settings: MeshSettings,
  known: readonly Field[],
): Read<readonly WeightedDestination[]> {
  return (node) => {
    const items = node.items();
    const destinations = items.map((item) => weighted(item, items.length === 1, known, namespace, settings));
    if (node.tree.t !== "list") return destinations;
    const total = destinations.reduce((sum, d) => sum + d.weight, 0);
    if (destinations.length === 0) node.fail("must have at least one destination");
    else if (total === 0) node.fail("weights must sum to more than 0");
    else if (total > MAX_UINT32) node.fail(`weights may sum to ${MAX_UINT32}, found ${total}`);
    return destinations;
  };
}

function weighted(
  node: Node,
  alone: boolean,
  known: readonly Field[],
  namespace: string,
  settings: MeshSettings,
): WeightedDestination {
  const fields = node.fields({ known });
  const weight = fields.optional("weight", integer(0, MAX_INT32));
  if (!alone && weight === undefined && node.tree.t === "map")
    node.warn("has no weight beside other destinations, so it gets no calls");
  const to = fields.required("destination", (n) => destination(n, namespace, settings), {
    host: "",
    subset: undefined,
    port: undefined,
  });
  return {
    place: node.place,
    ...to,
    weight: alone ? WHOLE : (weight ?? 0),
    headers: fields.optional("headers", headerEdits) ?? noHeaderEdits,
  };
}

/** `{host, subset, port}`. */
export function destination(
  node: Node,
  namespace: string,
  settings: MeshSettings,
): Pick<WeightedDestination, "host" | "subset" | "port"> {
  const fields = node.fields({ known: ["host", "subset", "port"] });
  return {
    host: fields.required("host", qualifiedHost(namespace, settings, { wildcard: false, address: false }), ""),
    subset: fields.optional("subset", subsetName),
    port: fields.optional("port", portNumber),
  };
}

/** `port: {number: 9080}`. */
export const portNumber = (node: Node): number => node.fields({ known: ["number"] }).required("number", port, 1);
