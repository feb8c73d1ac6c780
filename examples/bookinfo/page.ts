/**
 * The HTML of the page. No script, no file beside it.
 *
 * @module
 */
import type { Answer } from "./calls.ts";

interface Product {
  readonly id: number;
  readonly title: string;
  readonly description: string;
}

export type Details = Readonly<Record<string, string | number>>;

export interface Reviews {
  readonly version: string;
  readonly reviews: readonly {
    readonly reviewer: string;
    readonly text: string;
    readonly rating?: { readonly stars?: number; readonly color?: string; readonly error?: string };
  }[];
}

export interface View {
  readonly book: Product;
  readonly products: readonly Product[];
  readonly user: string;
  readonly details: Answer<Details>;
  readonly reviews: Answer<Reviews>;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const safe = (text: unknown): string => String(text).replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);

const missing = (service: string, reason: string): string =>
  `<p class="missing"><b>${service}</b> is not available right now.<br><small>${safe(reason)}</small></p>`;

function detailsCard({ details }: View): string {
  if (!details.ok) return missing("details", details.reason);
  const rows = Object.entries(details.value).filter(([name]) => name !== "id");
  return `<dl>${rows.map(([name, value]) => `<dt>${safe(name)}</dt><dd>${safe(value)}</dd>`).join("")}</dl>`;
}

function starsOf(rating: Reviews["reviews"][number]["rating"]): string {
  if (rating === undefined) return "";
  if (rating.stars === undefined) return missing("ratings", rating.error ?? "no stars");
  const stars = Math.min(Math.max(Math.trunc(rating.stars), 0), 5);
  const color = rating.color === "red" ? "red" : "black";
  return `<span class="stars ${color}" aria-label="${stars} of 5 stars">${"★".repeat(stars)}<i>${"★".repeat(5 - stars)}</i></span>`;
}

function reviewsCard({ reviews }: View): string {
  if (!reviews.ok) return missing("reviews", reviews.reason);
  const quotes = reviews.value.reviews.map(
    (r) => `<blockquote><p>${safe(r.text)}</p><footer>${safe(r.reviewer)} ${starsOf(r.rating)}</footer></blockquote>`,
  );
  return `${quotes.join("")}<p class="served">served by <b>reviews ${safe(reviews.value.version)}</b></p>`;
}

const signIn = ({ user, book }: View): string =>
  user === ""
    ? `<form><input type="hidden" name="id" value="${book.id}"><input name="u" placeholder="your name, such as jason" aria-label="your name"><button>Sign in</button></form>`
    : `<form><input type="hidden" name="id" value="${book.id}"><input type="hidden" name="u" value="">signed in as <b>${safe(user)}</b> <button>Sign out</button></form>`;

/** The whole page. */
export function page(view: View): string {
  const { book, products } = view;
  const links = products.map(
    (p) => `<a href="/productpage?id=${p.id}"${p.id === book.id ? ' aria-current="page"' : ""}>${safe(p.title)}</a>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${safe(book.title)} · Bookinfo</title>
<style>${STYLE}</style>
<header><strong>Bookinfo</strong><nav>${links.join("")}</nav>${signIn(view)}</header>
<main>
<section class="title"><h1>${safe(book.title)}</h1><p>${safe(book.description)}</p></section>
<section><h2>Details</h2>${detailsCard(view)}</section>
<section><h2>Reviews</h2>${reviewsCard(view)}</section>
</main>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1d2433, #e6e9f0); --soft: light-dark(#5b6577, #9aa4b8); --paper: light-dark(#f4f2ee, #14171f); --card: light-dark(#fff, #1d212c); --line: light-dark(#e2ded6, #2c3240); --accent: light-dark(#2d5d7b, #7fb4d6) }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif }
header { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center; padding: .8rem 1.5rem; background: var(--card); border-bottom: 1px solid var(--line) }
header strong { color: var(--accent); letter-spacing: .02em }
nav { display: flex; flex-wrap: wrap; gap: 1rem; flex: 1; font-size: .9rem }
a { color: var(--soft); text-decoration: none }
a:hover, a[aria-current] { color: var(--ink); text-decoration: underline; text-underline-offset: .3em }
input, button { font: inherit; font-size: .9rem; padding: .3rem .7rem; border: 1px solid var(--line); border-radius: 6px; background: var(--paper); color: inherit }
button { background: var(--accent); color: light-dark(#fff, #10131a); border-color: transparent; cursor: pointer }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 1.2rem; max-width: 62rem; margin: 2rem auto; padding: 0 1.5rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.2rem 1.5rem }
.title { grid-column: 1 / -1; border: 0; background: none; padding: 0 }
h1 { margin: 0; font: 600 2.1rem/1.2 Georgia, serif; text-wrap: balance }
.title p { margin: .4rem 0 0; color: var(--soft) }
h2 { margin: 0 0 .8rem; font-size: .8rem; text-transform: uppercase; letter-spacing: .1em; color: var(--soft) }
dl { display: grid; grid-template-columns: auto 1fr; gap: .3rem 1.2rem; margin: 0 }
dt { color: var(--soft); text-transform: capitalize } dd { margin: 0 }
blockquote { margin: 0 0 1rem; padding: 0 0 0 1rem; border-left: 3px solid var(--line) }
blockquote p { margin: 0 } blockquote footer { color: var(--soft); font-size: .9rem }
.stars { letter-spacing: .1em; margin-left: .4rem } .stars i { font-style: normal; opacity: .2 }
.black { color: var(--ink) } .red { color: light-dark(#c0262d, #ff6b6b) }
.missing { margin: .4rem 0; padding: .6rem .9rem; border-radius: 8px; background: light-dark(#fdf0e4, #33261a); color: light-dark(#8a4b12, #f0b67f) }
.served { margin: 0; font-size: .85rem; color: var(--soft) }
`;
