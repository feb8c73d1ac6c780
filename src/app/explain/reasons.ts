/**
 * The engine's reasons in fewer words: of what matched, what made it match; of what did not, what was in the way.
 *
 * A policy's reason is a tree: `all of (+ any, - one of (- header :method: wanted exact "GET", found "PUT"))`, each
 * condition with `+` where it holds and `-` where it does not.
 *
 * @module
 */

const EVERY_PATH = /^path: wanted prefix "\/", found "[^"]*"(; )?/;

/** Of a route: a path that matches everything says nothing. */
export function routeReason(reason: string): string {
  const rest = reason.replace(EVERY_PATH, "");
  return rest === "" ? "every call matches" : rest;
}

/** Undefined where it is none of these. */
export const readCondition = (text: string): Condition | undefined => new Reader(text).condition();

export type Condition =
  | { readonly t: "group"; readonly all: boolean; readonly items: readonly Item[] }
  | { readonly t: "not"; readonly inner: Condition }
  | { readonly t: "leaf"; readonly text: string };

interface Item {
  readonly holds: boolean;
  readonly condition: Condition;
}

/** What made it hold, or what was in the way. */
export function decisive(condition: Condition, holds: boolean): readonly string[] {
  switch (condition.t) {
    case "leaf":
      return condition.text === "any" ? [] : [condition.text];
    case "not": {
      // A rule that nothing matches is written so.
      if (condition.inner.t === "leaf" && condition.inner.text === "any")
        return ["it has no rules, so it matches nothing"];
      return [`not (${decisive(condition.inner, !holds).join("; ")})`];
    }
    default: {
      const told = condition.items.filter((item) => item.holds === holds).map((i) => decisive(i.condition, holds));
      if (condition.all) return told.flat();
      // One alternative that holds is enough; where none does, each of them is in the way.
      return holds ? (told[0] ?? []) : [told.map((t) => t.join("; ")).join(", or ")];
    }
  }
}

/** Reads a reason; undefined where it is none of these. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  condition(): Condition | undefined {
    for (const [word, all] of [
      ["all of (", true],
      ["one of (", false],
    ] as const) {
      if (!this.#take(word)) continue;
      const items = this.#items();
      return items === undefined ? undefined : { t: "group", all, items };
    }
    if (!this.#take("not (")) return { t: "leaf", text: this.#leaf() };
    const inner = this.condition();
    return inner !== undefined && this.#take(")") ? { t: "not", inner } : undefined;
  }

  #items(): readonly Item[] | undefined {
    const items: Item[] = [];
    do {
      const holds = this.#take("+ ");
      if (!holds && !this.#take("- ")) return undefined;
      const condition = this.condition();
      if (condition === undefined) return undefined;
      items.push({ holds, condition });
    } while (this.#take(", "));
    return this.#take(")") ? items : undefined;
  }

  #take(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  /** Up to the bracket or the next condition; what stands in quotes is passed over. */
  #leaf(): string {
    const start = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const c = this.#text[this.#at];
      if (c === '"') this.#skipQuoted();
      else if (c === ")" || /^, [+-] /.test(this.#text.slice(this.#at, this.#at + 4))) break;
    }
    return this.#text.slice(start, this.#at);
  }

  /** Leaves off at the closing quote. */
  #skipQuoted(): void {
    const quoted = /^"(?:[^"\\]|\\.)*"/.exec(this.#text.slice(this.#at))?.[0] ?? '"';
    this.#at += quoted.length - 1;
  }
}
