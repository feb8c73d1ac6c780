/**
 * `region/zone/subzone` as documents write it.
 *
 * @module
 */
import type { Locality } from "../model/locality.ts";

/** Of a workload. Istio's names; values of labels have no `/`, so `.` may stand for it. */
const LABELS = ["topology.istio.io/locality", "istio-locality"] as const;

/** Parts that are missing, and those behind a third, are nothing. */
export function parseLocality(text: string): Locality {
  const [region = "", zone = "", subZone = ""] = text.split(text.includes("/") ? "/" : ".");
  return { region, zone, subZone };
}

/** Where a workload's labels say that it runs. */
export function labelledLocality(labels: Readonly<Record<string, string>>): Locality | undefined {
  const written = LABELS.map((name) => labels[name]).find((value) => value !== undefined && value !== "");
  return written === undefined ? undefined : parseLocality(written);
}
