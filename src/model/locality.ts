/**
 * Where something runs: Istio's `region/zone/subzone`.
 *
 * @module
 */

/** Parts that are not known are empty. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}
