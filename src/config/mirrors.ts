/**
 * `mirror` and `mirrors` of an http rule: who gets a copy of its calls.
 *
 * A mirror without a percentage gets all of them, one of 0 none. As in Istio `mirrorPercentage` wins over the older
 * `mirrorPercent`, which is read as `mirror_percent` too, and both are about `mirror` alone.
 *
 * @module
 */
import type { MeshSettings } from "../model/mesh.ts";
import type { MirrorDestination } from "../model/virtual-service.ts";
import type { Fields, Node } from "./node.ts";
import { integer, number } from "./read-values.ts";
import { destination } from "./route-destinations.ts";

export const MIRROR_FIELDS = ["mirror", "mirrors", "mirrorPercentage", "mirrorPercent", "mirror_percent"] as const;

type MirrorFields = Fields<(typeof MIRROR_FIELDS)[number]>;

const ALL = 100;

export function mirrors(fields: MirrorFields, namespace: string, settings: MeshSettings): readonly MirrorDestination[] {
  const many = fields.list("mirrors", mirrorOf(namespace, settings)).map((m, i) => ({
    ...m,
    field: `mirrors[${i}].destination`,
  }));
  const percent = oldPercent(fields);
  const percentage = fields.optional("mirrorPercentage", percentOf) ?? percent ?? ALL;
  const one = fields.optional("mirror", (node) => ({ place: node.place, ...destination(node, namespace, settings) }));
  if (one === undefined) {
    for (const name of ["mirrorPercentage", "mirrorPercent", "mirror_percent"] as const)
      fields.at(name)?.warn("has no effect without mirror");
    return many;
  }
  fields.at("mirrors")?.failAtKey("cannot stand beside mirror: write all of them here");
  return [{ ...one, field: "mirror", percentage }];
}

/** The two spellings of the field of before. */
function oldPercent(fields: MirrorFields): number | undefined {
  const names = ["mirrorPercent", "mirror_percent"] as const;
  const [value] = names.flatMap((name) => fields.optional(name, integer(0, ALL)) ?? []);
  for (const name of names) fields.at(name)?.warn("is deprecated [IST0002]: write mirrorPercentage: {value: …}");
  if (fields.has("mirrorPercent")) fields.at("mirror_percent")?.failAtKey("cannot stand beside mirrorPercent");
  return value;
}

const mirrorOf =
  (namespace: string, settings: MeshSettings) =>
  (node: Node): Omit<MirrorDestination, "field"> => {
    const fields = node.fields({ known: ["destination", "percentage"] });
    const to = fields.required("destination", (n) => destination(n, namespace, settings), {
      host: "",
      subset: undefined,
      port: undefined,
    });
    return { place: node.place, ...to, percentage: fields.optional("percentage", percentOf) ?? ALL };
  };

/** `{value: 12.5}`; a Percent without a value is 0, as protobuf has it. */
const percentOf = (node: Node): number => node.fields({ known: ["value"] }).optional("value", number(0, ALL)) ?? 0;
