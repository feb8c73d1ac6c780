/**
 * The engine's reasons in fewer words.
 *
 * @module
 */

const EVERY_PATH = /^path: wanted prefix "\/", found "[^"]*"(; )?/;

/** Of a route: a path that matches everything says nothing. */
export function routeReason(reason: string): string {
  const rest = reason.replace(EVERY_PATH, "");
  return rest === "" ? "every call matches" : rest;
}

/** Of a policy: without what always holds, and without brackets around one condition. */
export function policyReason(reason: string): string {
  let said = reason.replace(/^(ALLOW|DENY) policy: /, "");
  for (let before = ""; before !== said; ) {
    before = said;
    said = said
      .replace(/\+ any(, |(?=\)))/g, "")
      .replace(/, \)/g, ")")
      .replace(/\(, /g, "(")
      .replace(/(?:all|one) of \(([+-]) ([^(),]*|[^(),]*\([^()]*\)[^(),]*)\)/g, (whole, mark: string, inner: string) =>
        /[^"], [+-] /.test(inner) ? whole : mark === "" ? whole : inner,
      )
      .replace(/(?:all|one) of \(\)/g, "any");
  }
  return said === "any" ? "every call matches" : said;
}
