/**
 * Durations as GEP-2257 writes them: up to four numbers of up to five digits, with h, m, s or ms.
 *
 * @module
 */
import { anyText, isText } from "../read-values.ts";
import type { Node } from "../node.ts";

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** In milliseconds; `0s` is 0. */
export function gatewayDuration(node: Node): number {
  const value = anyText(node);
  if (/^(\d{1,5}(h|m|s|ms)){1,4}$/.test(value)) {
    let ms = 0;
    for (const [, amount, unit] of value.matchAll(/(\d+)(h|ms|m|s)/g))
      ms += Number(amount) * (UNIT_MS[unit ?? ""] ?? 0);
    return ms;
  }
  if (isText(node)) node.mustBe("a duration such as 5s, 100ms or 1h2m");
  return 0;
}
